package bot

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// everyView is one of each modal there is, and Home.
func everyView(v render) map[string]any {
	open := sshforward.OpenLease{Duration: 2 * time.Hour, Sources: prefixes("203.0.113.7/32"), Because: "disk is full"}
	typed := new(handler).typedIn(sshforward.Request{Open: open})
	again := typed
	again.instance, again.saved = option(instance1.ID, instanceLabel(instance1)), "203.0.113.7"
	m := meta{Channel: "C1"}
	deny := meta{Channel: "C1", Lease: "k7m2q3x", Message: "1.2"}
	extension := deny
	extension.Extend = "1h30m"
	asks := with(sshforward.Open, func(l *sshforward.Lease) {
		l.ID, l.Owner, l.Asked = "ask0001", "U2", sshforward.ExtensionRequest{User: "U2", By: time.Hour, At: noon}
	})
	problem := sshforward.Errorf(sshforward.ENOTFOUND, "There is no lease %s.", "<it>")
	problem.Try = sshforward.Suggestion{Verb: "list"}
	home := func(o sshforward.Overview) slack.HomeTabViewRequest {
		return homeOf(v.home(ann, o, noon))
	}
	return map[string]any{
		"form":           v.form(formFields{}, m, ""),
		"form-typed":     v.form(typed, meta{Channel: "C1", Port: 2222, Urgent: true}, ""),
		"form-again":     v.form(again, m, v.inForm(problem)),
		"confirm":        v.confirmForm(lease(sshforward.Requested), m),
		"confirm-urgent": v.urgentForm(urgent(sshforward.Requested), m),
		"confirm-failed": v.confirmFailed(sshforward.Errorf(sshforward.EUNAVAILABLE, "AWS did not answer in time."), deny),
		"confirm-refused": v.confirmFailed(sshforward.Errorf(sshforward.EFORBIDDEN,
			"Only the person who typed the command may confirm it."), deny),
		"confirmed":      v.noteOf(v.replyConfirm(lease(sshforward.Opening))),
		"looking":        v.pleaseWait(),
		"deny":           v.denyForm(deny, "", ""),
		"deny-extension": v.denyForm(extension, "disk is full", v.inForm(problem)),
		"source":         v.sourceForm("203.0.113.7", ""),
		"from":           v.fromForm(lease(sshforward.Open), m, "203.0.113.20", ""),
		"home-empty":     home(sshforward.Overview{}),
		"home": home(sshforward.Overview{
			Leases:  []*sshforward.Lease{lease(sshforward.Requested), with(sshforward.Open, func(l *sshforward.Lease) { l.ID = "0pen001" })},
			Waiting: []*sshforward.Lease{pending("want001", "U2"), asks},
			Sources: prefixes("203.0.113.7/32"),
			History: sshforward.History{
				Past: []sshforward.Event{{Lease: "past001", Instance: "i-1", Name: "web-2", Ended: noon, Cost: 0.06},
					{Lease: "past002", Instance: "i-2", At: noon}},
				Month: sshforward.Bill{Leases: 2, Cost: 0.06},
			},
		}),
	}
}

func TestViewsLookAsTheyDid(t *testing.T) {
	t.Parallel()
	for tag, v := range languages {
		t.Run(tag, func(t *testing.T) {
			dir := filepath.Join("testdata/views", tag)
			if *update {
				if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
					t.Fatal(err)
				}
			}
			all := everyView(v)
			for name, view := range all {
				golden(t, filepath.Join(dir, name+".json"), view)
				if errs := fakeslack.CheckView(view); len(errs) > 0 {
					t.Errorf("%s: %v", name, errs)
				}
			}
			if files, _ := filepath.Glob(dir + "/*.json"); len(files) != len(all) {
				t.Errorf("%d golden files for %d views", len(files), len(all))
			}
		})
	}
}
