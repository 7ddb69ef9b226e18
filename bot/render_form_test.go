package bot

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// everyView is one of each kind of modal and of home tab.
func everyView() map[string]any {
	open := sshforward.OpenLease{Duration: 2 * time.Hour, Sources: prefixes("203.0.113.7/32"), Because: "disk is full"}
	typed := new(Bot).typedIn(open)
	again := typed
	again.instance, again.saved = option(instance1.ID, instanceLabel(instance1)), "203.0.113.7"
	m := meta{Channel: "C1"}
	deny := meta{Channel: "C1", Lease: "k7m2q3x", Message: "1.2"}
	extension := deny
	extension.Extend = "1h"
	hurried := with(sshforward.Requested, func(l *sshforward.Lease) { l.Urgent = true })
	asks := with(sshforward.Open, func(l *sshforward.Lease) {
		l.ID, l.Owner, l.Asked = "ask0001", "U2", sshforward.Ask{User: "U2", By: time.Hour, At: noon}
	})
	home := func(r sshforward.Reply) slack.HomeTabViewRequest {
		return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: show.home(ann, r, noon)}}
	}
	return map[string]any{
		"form":           show.form(formFields{}, m, ""),
		"form-typed":     show.form(typed, meta{Channel: "C1", Port: 2222, Urgent: true}, ""),
		"form-again":     show.form(again, m, "No rule lets you open <it>."),
		"confirm":        show.confirmForm(lease(sshforward.Requested), m),
		"confirm-urgent": show.urgentForm(hurried, m),
		"confirm-failed": show.confirmFailed(sshforward.Errorf(sshforward.EQUOTA, "You have 3 open already."), deny),
		"confirmed":      show.noteOf(show.confirmed(lease(sshforward.Opening))),
		"looking":        show.looking(),
		"deny":           show.denyForm(deny, "", ""),
		"deny-extension": show.denyForm(extension, "not today", "It is over already."),
		"source":         show.sourceForm("203.0.113.7", ""),
		"home-empty":     home(sshforward.Reply{}),
		"home": home(sshforward.Reply{
			Leases:  []*sshforward.Lease{lease(sshforward.Requested), with(sshforward.Open, func(l *sshforward.Lease) { l.ID = "0pen001" })},
			Waiting: []*sshforward.Lease{pending("want001", "U2"), asks},
			Sources: prefixes("203.0.113.7/32"),
			Past:    []sshforward.Event{{Lease: "past001", Instance: "i-1", Name: "web-2", Ended: noon, Cost: 0.06}, {Lease: "past002", Instance: "i-2", At: noon}},
			Month:   sshforward.Bill{Leases: 2, Cost: 0.06},
		}),
	}
}

func TestViewsLookAsTheyDid(t *testing.T) {
	dir := "testdata/views"
	all := everyView()
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, v := range all {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name+".json")
		if *update {
			if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if d := cmp.Diff(string(want), b.String()); d != "" {
			t.Errorf("%s (-update rewrites it):\n%s", name, d)
		}
		if errs := fakeslack.CheckView(v); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
	}
	files, _ := filepath.Glob(dir + "/*.json")
	if len(files) != len(all) {
		t.Errorf("%d golden files for %d views", len(files), len(all))
	}
}
