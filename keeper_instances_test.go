package sshforward

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (w *world) offered(user, query string) string {
	w.t.Helper()
	var ids []string
	for _, in := range w.keeper().Instances(context.Background(), from(user), query) {
		ids = append(ids, in.ID)
	}
	return strings.Join(ids, " ")
}

func TestFormOffersWhatPolicyAllows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.policy.Rules[0].Users = []string{"SLEAD"}
		w.start()
		defer func() { w.crash() }()
		if err := w.k.RefreshInstances(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct{ user, query, want string }{
			{alice, "", "i-0prod i-0far i-0two i-0dev"}, // by name: db, far, two, web
			{admin, "", "i-0far i-0two i-0dev"},         // no lead
			{admin, "db", ""},
			{alice, "WEB", "i-0dev"}, // the other web has no rule
			{alice, "i-0t", "i-0two"},
			{alice, "far", "i-0far"},                      // name and account
			{alice, "main web", "i-0dev"},                 // each word somewhere
			{alice, "w", "i-0dev i-0two"},                 // names that begin with it go first
			{alice, "1a", "i-0prod i-0far i-0two i-0dev"}, // zone
			{alice, "nothing like it", ""},
		} {
			if d := cmp.Diff(tt.want, w.offered(tt.user, tt.query)); d != "" {
				t.Errorf("%q by %s: %s", tt.query, tt.user, d)
			}
		}
		w.dir.set(true) // groups cannot be resolved: what needs them is left out
		if got := w.offered(alice, "db"); got != "" {
			t.Errorf("offered %s", got)
		}
	})
}

// The answer never waits for AWS, and what an account said last is kept while
// it does not answer.
func TestFormDoesNotWaitForAWS(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		if err := w.k.RefreshInstances(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.cloud.script(func(ctx context.Context, op string, l *Lease) error {
			if op == "list" && l.ID == "main" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		w.cloud.set("i-0far", func(in *Instance) { in.Name = "moved" })
		w.pass(instancesAge + time.Second)
		before := time.Now()
		if got := w.offered(alice, "far"); got != "i-0far" { // as it was, and it looks anew now
			t.Errorf("offered %q", got)
		}
		if !time.Now().Equal(before) {
			t.Error("it waited")
		}
		w.pass(0)
		if got := w.offered(alice, "moved"); got != "i-0far" {
			t.Errorf("offered %q after the look", got)
		}
		if got := w.offered(alice, "db"); got != "i-0prod" {
			t.Errorf("offered %q of the account that does not answer", got)
		}
		looks := w.cloud.count("list", "main")
		w.pass(10 * time.Second)
		w.offered(alice, "")
		if n := w.cloud.count("list", "main"); n != looks {
			t.Error("two looks at once")
		}
	})
}

// What the form is offered must not take the process down with it.
func TestPanicWhileListing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.script(func(_ context.Context, op string, l *Lease) error {
			if op == "list" && l.ID == "main" {
				panic("unforeseen")
			}
			return nil
		})
		err := w.k.RefreshInstances(context.Background())
		if err == nil || !strings.Contains(err.Error(), "unforeseen") {
			t.Errorf("got %v", err)
		}
		if got := w.offered(alice, "far"); got != "i-0far" {
			t.Errorf("offered %q of the other account", got)
		}
	})
}
