package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// picturedLife is how long the bot lives for the picture of the dashboard.
const picturedLife = 8 * time.Minute

// TestDashboardPicture makes docs/dashboard.png: a bot lives through an eventful
// while, a Prometheus looks at it, and .ci/dashboard draws deploy/grafana-dashboard.json
// from what that one knows, where SSHFORWARD_DASHBOARD says. `make dashboard` runs it;
// TestDashboardIsPictured tells when that is due.
func TestDashboardPicture(t *testing.T) {
	out := os.Getenv("SSHFORWARD_DASHBOARD")
	if out == "" {
		t.Skip("make dashboard runs it; it takes ten minutes")
	}
	o := fakeaws.SlowAWS()
	o.InterfaceLinger = 20 * time.Second
	c, aws, note := fakeCloud(t, o)
	w := newWorld(t, c, worldOptions{
		timing: `{default: 1m, min: 1s, confirm: 30s, approval: 1m, opening: 1m, reminders: [30s], sweep: 15s, keep: 1h}`,
		rules: fmt.Sprintf(`[{name: production, tags: any, instances: [%s], max: 1h, approvers: [%s], approvals: 1}, `+
			`{name: development, tags: {sshforward: allow}, max: 8h}]`, note.App, carol),
	})
	began := time.Now()
	prometheus := watchedBy(t, strings.TrimPrefix(w.web, "http://"))

	stop := make(chan struct{})
	var people sync.WaitGroup
	for n, user := range []string{ann, bob} {
		people.Go(func() { w.worksAllDay(user, note, n, stop) })
	}
	people.Go(func() { w.approvesAllDay(stop) })

	for _, trouble := range []struct {
		at time.Duration
		is func()
	}{
		{90 * time.Second, func() {
			aws.Home().AddGroup(note.VPC, "copied", map[string]string{"sshforward:deployment": "e2e"}) // by somebody else
		}},
		{130 * time.Second, func() { aws.Deny("elasticloadbalancing:DeleteLoadBalancer") }},
		{165 * time.Second, func() {
			w.slack.Break("*", fakeslack.Outcome{Status: http.StatusServiceUnavailable})
			w.slack.Drop()
		}},
		{220 * time.Second, func() { w.slack.Mend("*") }},
		{250 * time.Second, func() { aws.Allow("elasticloadbalancing:DeleteLoadBalancer") }},
		{360 * time.Second, func() { aws.SetClockSkew(2500 * time.Millisecond) }},
		{420 * time.Second, func() { aws.SetClockSkew(0) }},
		{picturedLife, func() {}},
	} {
		time.Sleep(time.Until(began.Add(trouble.at)))
		trouble.is()
	}
	draw := exec.Command("node", "../../.ci/dashboard/draw.mjs", prometheus,
		fmt.Sprint(began.Unix()), fmt.Sprint(time.Now().Unix()), out)
	if says, err := draw.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, says)
	}
	close(stop)
	people.Wait()
}

// watchedBy starts a Prometheus that looks at a bot every two seconds, with the
// alerts of this repository, and returns its address.
func watchedBy(t *testing.T, bot string) (url string) {
	t.Helper()
	dir := t.TempDir()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	rules, err := filepath.Abs("../../deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("global: {scrape_interval: 2s, evaluation_interval: 5s}\nrule_files: [%s]\n"+
		"scrape_configs:\n  - {job_name: sshforward, static_configs: [{targets: ['%s']}]}\n", rules, bot)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	p := exec.Command("prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--log.level=warn")
	p.Stdout, p.Stderr = log, log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
		if t.Failed() {
			t.Logf("Prometheus says:\n%s", log)
		}
	})
	return "http://" + addr
}

// worksAllDay opens forwards one after the other, some of them with an approval,
// and closes some before their time. On a bad day that does not always work.
func (w *world) worksAllDay(user string, note fakeaws.FieldNote, n int, stop <-chan struct{}) {
	pause := func(d time.Duration) bool {
		select {
		case <-stop:
			return false
		case <-time.After(d):
			return true
		}
	}
	for i := n; ; i++ {
		to := note.Web
		if i%3 == 0 {
			to = note.App
		}
		id := w.triesToOpen(user, fmt.Sprintf("open %s %ds from 203.0.113.%d because of the disk", to, 40+20*(i%4), 10+i))
		if !pause(time.Duration(12+5*(i%3)) * time.Second) {
			return
		}
		if id != "" && i%4 == 1 {
			_, _ = w.slack.Slash(w.t.Context(), user, dev, "close "+id)
		}
	}
}

func (w *world) triesToOpen(user, command string) (id string) {
	before := len(w.slack.Ephemerals(user, dev))
	if _, err := w.slack.Slash(w.t.Context(), user, dev, command); err != nil {
		return ""
	}
	for range 50 {
		time.Sleep(100 * time.Millisecond)
		all := w.slack.Ephemerals(user, dev)
		for _, m := range all[min(before, len(all)):] {
			for _, b := range m.Buttons() {
				if b.ActionID == "lease.confirm" {
					_, _ = w.slack.Click(w.t.Context(), user, m.TS, b.ActionID)
					return b.Value
				}
			}
		}
	}
	return ""
}

// approvesAllDay says yes to what waits for it, every few seconds.
func (w *world) approvesAllDay(stop <-chan struct{}) {
	for {
		for _, m := range w.slack.Messages(dev) {
			if m.HasButton("lease.approve") {
				_, _ = w.slack.Click(w.t.Context(), carol, m.TS, "lease.approve")
			}
		}
		select {
		case <-stop:
			return
		case <-time.After(7 * time.Second):
		}
	}
}
