package sshforward

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const home, office, cafe = "203.0.113.7/32", "203.0.113.20/32", "203.0.113.21/32"

func changeTo(ref, to string) ChangeSource {
	return ChangeSource{Ref: ref, To: netip.MustParsePrefix(to)}
}

// ingress is what the lease's group lets in.
func (w *world) ingress(id string) []string {
	w.cloud.mu.Lock()
	defer w.cloud.mu.Unlock()
	return prefixStrings(w.cloud.leases[id].ingress)
}

func (w *world) letsIn(id string, want ...string) {
	w.t.Helper()
	if l := w.lease(id); l.Moving() || !slices.Equal(prefixStrings(l.Sources), want) {
		w.t.Errorf("lease %s is for %v instead of %v, want %v", id, l.Sources, l.Former, want)
	}
	if got := w.ingress(id); !slices.Equal(got, want) {
		w.t.Errorf("the cloud lets in %v, want %v", got, want)
	}
}

// Whoever comes from another address says so, and is let in from there; the card
// shows it, its people hear of it, and it is in the record.
func TestChangeSource(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.pass(time.Minute)
		end, before := w.lease(id).ExpiresAt, w.lease(id).CardKey()
		w.must(alice, changeTo(id, office))
		w.pass(time.Second)
		w.letsIn(id, office)
		if l := w.lease(id); !l.ExpiresAt.Equal(end) || l.SSHCommand() == "" || l.CardKey() == before {
			t.Errorf("afterwards it is %+v", l)
		}
		w.pass(5 * time.Second)
		if got := w.heardOf(id, NoticeMoved, NoticeStuck); len(got) != 1 || w.slack.shows(id) != w.lease(id).CardKey() {
			t.Errorf("people heard %q, and the card shows %s", got, w.slack.shows(id))
		}
		w.sweepFor(10*time.Minute, time.Minute)
		w.letsIn(id, office)
		w.must(alice, changeTo("web", home)) // by its instance, and back
		w.pass(time.Second)
		w.letsIn(id, home)
		acts := w.acts(id)
		if want := []string{"from ok", "moved ok", "from ok", "moved ok"}; !slices.Equal(acts[len(acts)-4:], want) {
			t.Errorf("the record ends with %q, want %q", acts[len(acts)-4:], want)
		}
	})
}

func TestChangeSourceIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.policy.Sources.Allow = prefixes("203.0.113.0/24")
		w.crash()
		w.start()
		id := w.opened(alice, "web", time.Hour)
		asked := w.ask(alice, "two", time.Hour)
		for _, tt := range []struct {
			user, ref, to, code, says string
		}{
			{bob, id, office, EFORBIDDEN, "Only the person whose access it is"},
			{admin, id, office, EFORBIDDEN, "Only the person whose access it is"},
			{alice, id, "203.0.113.0/28", EINVALID, "203.0.113.0/28 is more than a single address. "},
			{alice, id, "10.0.0.1/32", EFORBIDDEN, "private or reserved"},
			{alice, id, "198.51.100.1/32", EFORBIDDEN, "not among the networks"},
			{alice, id, home, ECONFLICT, "lets in 203.0.113.7 already"},
			{alice, asked, office, ECONFLICT, "still waits for its requester"},
			{alice, "k7m2q3x", office, ENOTFOUND, "k7m2q3x"},
		} {
			_, err := w.do(tt.user, changeTo(tt.ref, tt.to))
			wantCode(t, err, tt.code)
			if !strings.Contains(told(err), tt.says) {
				t.Errorf("%s from %s: %q, want %q", tt.user, tt.to, told(err), tt.says)
			}
		}
		w.letsIn(id, home)
		w.cloud.set("i-0dev", func(in *Instance) { in.Tags = nil }) // no rule covers it any more
		_, err := w.do(alice, changeTo(id, office))
		wantCode(t, err, EFORBIDDEN)
		w.letsIn(id, home)
	})
}

// Of two wishes at the same instant one wins, and the other is told; a close wins
// over any; a wish that comes while one is under way takes its place.
func TestChangeSourceAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		hold := make(chan struct{})
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "find" {
				<-hold
			}
			return nil
		})
		codes := make(chan string, 2)
		for _, to := range []string{office, cafe} {
			go func() {
				_, err := w.do(alice, changeTo(id, to))
				codes <- ErrorCode(err)
			}()
		}
		synctest.Wait()
		close(hold)
		got := []string{<-codes, <-codes}
		slices.Sort(got)
		if want := []string{"", ECONFLICT}; !slices.Equal(got, want) {
			t.Errorf("of two at once the codes are %q, want %q", got, want)
		}
		w.pass(2 * time.Second)
		w.letsIn(id, prefixStrings(w.lease(id).Sources)...)

		w.cloud.script(func(ctx context.Context, op string, _ *Lease) error {
			if op == "move" {
				return hang(ctx)
			}
			return nil
		})
		w.must(alice, changeTo(id, home))
		w.pass(time.Second)
		if l := w.lease(id); !l.Moving() || len(l.Admitted()) != 2 {
			t.Errorf("under way it is for %v instead of %v", l.Sources, l.Former)
		}
		_, err := w.do(alice, changeTo(id, home))
		wantCode(t, err, ECONFLICT)
		w.must(alice, changeTo(id, "203.0.113.30/32"))
		w.must(alice, ExtendLease{Ref: id, Duration: time.Hour})
		w.cloud.script(nil)
		w.pass(2 * time.Minute)
		w.letsIn(id, "203.0.113.30/32")
		if l := w.lease(id); !l.Resources.Until.Equal(l.ExpiresAt) {
			t.Error("the end was not moved")
		}
		w.must(alice, CloseLease{Ref: id})
		_, err = w.do(alice, changeTo(id, office))
		wantCode(t, err, ECONFLICT)
		w.pass(time.Minute)
		w.nothingLeft()
	})
}

// While it fails, a survey takes the former address for no drift; operators hear
// of it as of any work that fails; what AWS refuses for good is taken back.
func TestChangeSourceFails(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.cloud.script(failing("move", id, StuckAfter+1))
		w.must(alice, changeTo(id, office))
		w.sweepFor(10*time.Minute, 30*time.Second)
		w.letsIn(id, office)
		got := w.heardOf(id, NoticeMended, NoticeNarrowed, NoticeStuck, NoticeFreed, NoticeMoved)
		slices.Sort(got)
		if !slices.Equal(got, []string{"freed", "moved", "stuck"}) {
			t.Errorf("people heard %q", got)
		}

		once := true
		w.cloud.script(func(_ context.Context, op string, l *Lease) error {
			if op == "move" && once {
				once = false
				return Errorf(EQUOTA, "AWS did not let the source addresses in: there are too many rules.")
			}
			return nil
		})
		w.must(alice, changeTo(id, cafe))
		w.pass(10 * time.Second)
		w.letsIn(id, office)
		l := w.lease(id)
		if l.Moved.Refused.IsZero() || l.Stuck() {
			t.Errorf("afterwards: %+v", l.Moved)
		}
		if got := w.heardOf(id, NoticeMoved, NoticeMoved+" to UBOB"); len(got) != 2 {
			t.Errorf("people heard %q", got)
		}
		if acts := w.acts(id); acts[len(acts)-1] != "unmoved ok" {
			t.Errorf("the record ends with %q", acts)
		}
		w.must(alice, changeTo(id, cafe)) // and may be asked for again
		w.pass(10 * time.Second)
		w.letsIn(id, cafe)
	})
}

// The process dies, and the answer is lost: the next one goes on.
func TestChangeSourceSurvivesACrash(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.cloud.afterwards(func(op string, l *Lease) error {
			if op == "move" {
				return unavailable("AWS") // it took effect
			}
			return nil
		})
		w.must(alice, changeTo(id, office))
		w.crash()
		w.cloud.afterwards(nil)
		w.start()
		w.pass(5 * time.Second)
		w.letsIn(id, office)
	})
}

// Who approved a lease that was asked for in a direct message is told directly.
func TestApproversHearOfAnotherSource(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		c := from(alice)
		c.Direct = true
		r, err := w.keeper().Do(context.Background(), c, OpenLease{Instance: "db", Because: "ticket 7"})
		if err != nil {
			t.Fatal(err)
		}
		id := r.Lease.ID
		w.must(alice, ConfirmLease{ID: id})
		w.must(bob, ApproveLease{ID: id})
		w.pass(untilInService)
		w.expect(id, Open, "")
		w.must(alice, changeTo(id, office))
		w.pass(5 * time.Second)
		w.letsIn(id, office)
		if got := w.heardOf(id, NoticeMoved, NoticeMoved+" to UBOB"); len(got) != 2 {
			t.Errorf("people heard %q", got)
		}
		if owed := w.lease(id).Owed; len(owed) != 0 {
			t.Errorf("still owed: %+v", owed)
		}
	})
}
