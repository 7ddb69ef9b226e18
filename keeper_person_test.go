package sshforward

import (
	"context"
	"testing"
	"time"
)

// Nothing is done for people of other companies, closed accounts and bots, and
// for nobody while Slack does not tell who they are. What only ends access is
// never held up by that.
func TestWhomTheBotServes(t *testing.T) {
	t.Parallel()
	commands := map[string]Command{
		"open": OpenLease{Instance: "web", Duration: time.Hour}, "confirm": ConfirmLease{ID: "0000000"},
		"extend": ExtendLease{Ref: "web", Duration: time.Hour}, "approve": ApproveLease{ID: "0000000"},
		"deny": DenyLease{ID: "0000000"}, "source": SetSource{Clear: true},
	}
	for name, tt := range map[string]struct {
		change func(*fakeDirectory)
		code   string
		ends   string // the code for what only ends access
	}{
		"a stranger":    {func(d *fakeDirectory) { d.people[alice] = Person{Stranger: true} }, EFORBIDDEN, EFORBIDDEN},
		"who has left":  {func(d *fakeDirectory) { d.people[alice] = Person{Deactivated: true} }, EFORBIDDEN, EFORBIDDEN},
		"a bot":         {func(d *fakeDirectory) { d.people[alice] = Person{Bot: true} }, EFORBIDDEN, EFORBIDDEN},
		"Slack is mute": {func(d *fakeDirectory) { d.blind = true }, EUNAVAILABLE, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "web", time.Hour)
				w.must(bob, OpenLease{Instance: "two"})
				if err := w.keeper().RefreshInstances(context.Background()); err != nil {
					t.Fatal(err)
				}
				w.dir.change(tt.change)
				for what, cmd := range commands {
					if _, err := w.do(alice, cmd); ErrorCode(err) != tt.code {
						t.Errorf("%s: %v, want %s", what, err, tt.code)
					}
				}
				ctx, c := context.Background(), from(alice)
				_, list := w.keeper().List(ctx, c, true)
				_, show := w.keeper().Show(ctx, c, id)
				_, home := w.keeper().Overview(ctx, c)
				_, past := w.keeper().History(ctx, c)
				_, source := w.keeper().Source(ctx, c)
				for what, err := range map[string]error{"list": list, "show": show, "home": home, "history": past, "ip": source} {
					if ErrorCode(err) != tt.code {
						t.Errorf("%s: %v, want %s", what, err, tt.code)
					}
				}
				if offered := w.keeper().Instances(ctx, c, ""); len(offered) > 0 {
					t.Errorf("the form offers %v", offered)
				}
				_, err := w.do(alice, CloseLease{Ref: id})
				wantCode(t, err, tt.ends)
			})
		})
	}
}

// Guests ask and approve only where the rule says so.
func TestGuestsOnlyWhereTheRuleSaysSo(t *testing.T) {
	for _, guests := range []bool{false, true} {
		code := EFORBIDDEN
		if guests {
			code = ""
		}
		pending(t, 1, func(w *world, id string) {
			w.restart(func(p *Policy) { p.Rules[0].Guests, p.Rules[1].Guests = guests, guests })
			w.dir.change(func(d *fakeDirectory) { d.people[bob], d.people[carol] = Person{Guest: true}, Person{Guest: true} })
			if err := w.keeper().RefreshInstances(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got := len(w.keeper().Instances(context.Background(), from(bob), "web")) > 0; got != guests {
				t.Errorf("guests %t: the form offers something: %t", guests, got)
			}
			_, err := w.do(bob, OpenLease{Instance: "i-0dev", Duration: time.Hour})
			wantCode(t, err, code)
			_, err = w.do(carol, ApproveLease{ID: id})
			wantCode(t, err, code)
		})
	}
}

// Who becomes a guest, or leaves, while the request waits gets nothing.
func TestAccountIsLookedAtOnceMoreWhenItOpens(t *testing.T) {
	for name, p := range map[string]Person{"a guest": {Guest: true}, "who has left": {Deactivated: true}} {
		t.Run(name, func(t *testing.T) {
			pending(t, 1, func(w *world, id string) {
				w.dir.change(func(d *fakeDirectory) { d.people[alice] = p })
				_, _ = w.do(bob, ApproveLease{ID: id})
				w.pass(time.Minute)
				if n := w.cloud.count("open/group", id); n > 0 {
					t.Error("something was made for it")
				}
				w.nothingLeft()
			})
		})
	}
}
