package deploy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeAWS is a folder with an aws command that answers with answers[what it is
// asked for], fails where there is no answer, and writes down what it was asked.
func fakeAWS(t *testing.T, answers map[string]string) (dir, log string) {
	t.Helper()
	dir = t.TempDir()
	log = filepath.Join(dir, "log")
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/bash\nprintf '%%s\\n' \"$*\" >>%q\ncase \"$*\" in\n", log)
	for _, about := range slices.Sorted(func(yield func(string) bool) {
		for k := range answers {
			if !yield(k) {
				return
			}
		}
	}) {
		fmt.Fprintf(&b, "*%q*) echo %q ;;\n", about, answers[about])
	}
	b.WriteString("*) exit 255 ;;\nesac\n")
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(b.String()), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir, log
}

func runScript(t *testing.T, file, path string, env ...string) {
	t.Helper()
	c := exec.Command("bash", filepath.Join("aws", file))
	c.Env = append(os.Environ(), append(env, "PATH="+path+":"+os.Getenv("PATH"), "DEPLOYMENT=prod")...)
	c.Stderr = t.Output()
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
}

// What cannot be fetched stays as it was, so that the bot can start.
func TestPrepareKeepsWhatItHas(t *testing.T) {
	etc := t.TempDir()
	start := func(answers map[string]string) {
		aws, _ := fakeAWS(t, answers)
		runScript(t, "prepare.sh", aws, "CONFIGURATION_DIRECTORY="+etc, "CONFIG=/c", "BOT_TOKEN=arn:bot", "APP_TOKEN=arn:app", "KEY=arn:key")
	}
	expect := func(file, want string, mode os.FileMode) {
		t.Helper()
		got, err := os.ReadFile(filepath.Join(etc, file))
		if err != nil || string(got) != want+"\n" {
			t.Errorf("%s holds %q, %v; want %q", file, got, err, want)
		}
		if info, err := os.Stat(filepath.Join(etc, file)); err == nil && info.Mode().Perm() != mode {
			t.Errorf("%s has mode %o", file, info.Mode().Perm())
		}
	}
	start(map[string]string{"--name /c": "deployment: prod", "arn:bot": "xoxb-1", "arn:app": "xapp-1", "arn:key": "key"})
	expect("sshforward.yaml", "deployment: prod", 0o644)
	expect("slack-bot-token", "xoxb-1", 0o400)
	expect("key", "key", 0o400)
	start(map[string]string{"arn:bot": "xoxb-2"})
	expect("sshforward.yaml", "deployment: prod", 0o644)
	expect("slack-bot-token", "xoxb-2", 0o400)
	expect("slack-app-token", "xapp-1", 0o400)
	if left, _ := filepath.Glob(filepath.Join(etc, "*.new")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestReportTellsWhatTheAlarmsGoBy(t *testing.T) {
	late, healthy := 0, true
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/metrics":
			fmt.Fprintf(w, "sshforward_stuck_leases 2\nsshforward_slack_refused 0\n"+
				"sshforward_overstay_seconds_bucket{le=\"60\"} 10\nsshforward_overstay_seconds_count %d\n", 10+late)
		case !healthy:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer bot.Close()
	runtime := t.TempDir()
	report := func(address string) map[string]float64 {
		t.Helper()
		aws, log := fakeAWS(t, map[string]string{"put-metric-data": "ok"})
		runScript(t, "report.sh", aws, "RUNTIME_DIRECTORY="+runtime, "BOT="+address)
		said, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(said), "--metric-data ")
		var data []struct {
			MetricName string
			Value      float64
			Dimensions []struct{ Name, Value string }
		}
		if err := json.Unmarshal([]byte(text), &data); err != nil {
			t.Fatalf("%v in %s", err, said)
		}
		out := make(map[string]float64)
		for _, d := range data {
			if out[d.MetricName] = d.Value; d.Dimensions[0].Name != "Deployment" || d.Dimensions[0].Value != "prod" {
				t.Errorf("%s has the dimensions %v, the alarms have Deployment prod", d.MetricName, d.Dimensions)
			}
		}
		return out
	}
	expect := func(name string, got, want map[string]float64) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	well := map[string]float64{"Alive": 1, "Ready": 1, "StuckLeases": 2, "SlackRefused": 0, "Overstayed": 0}
	expect("all is well", report(bot.URL), well)
	late = 3
	well["Overstayed"] = 3
	expect("three lasted too long", report(bot.URL), well)
	well["Overstayed"] = 0
	expect("and are told once", report(bot.URL), well)
	late = 1
	well["Overstayed"] = 1
	expect("the bot was started anew, and one lasts too long", report(bot.URL), well)
	healthy = false
	well["Overstayed"], well["Alive"], well["Ready"] = 0, 0, 0
	expect("the loop stands", report(bot.URL), well)
	expect("the bot is down", report("http://127.0.0.1:1"), map[string]float64{"Alive": 0, "Ready": 0})

	// Every alarm of the template and of the module is about one of these.
	for _, file := range []string{"cloudformation.yaml", "terraform/alarms.tf"} {
		for name := range well {
			if !strings.Contains(policyText(t, file), name) {
				t.Errorf("%s has no alarm on %s", file, name)
			}
		}
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("aws/*.sh")
	if err != nil || len(scripts) < 3 {
		t.Fatal(scripts, err)
	}
	check := exec.Command(need(t, "shellcheck", "shellcheck"), append(scripts, "../.ci/run", "../.ci/release", "../.ci/verify-release")...)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
