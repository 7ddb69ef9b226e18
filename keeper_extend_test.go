package sshforward

import (
	"strings"
	"testing"
	"time"
)

// The same extension by the same person is meant once, unless some time has
// passed.
func TestExtendTwice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		after time.Duration
		user  string
		by    time.Duration
		code  string
	}{
		{"at once", 0, alice, 30 * time.Minute, ECONFLICT},
		{"a moment before it is meant again", repeatWithin - 1, alice, 30 * time.Minute, ECONFLICT},
		{"when it is meant again", repeatWithin, alice, 30 * time.Minute, ""},
		{"by somebody else", 0, admin, 30 * time.Minute, ECONFLICT},
		{"by another duration", 0, alice, time.Hour, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "web", time.Hour)
				end := w.lease(id).ExpiresAt.Add(30 * time.Minute)
				w.must(alice, ExtendLease{id, 30 * time.Minute})
				w.pass(tt.after)
				_, err := w.do(tt.user, ExtendLease{"web", tt.by})
				wantCode(t, err, tt.code)
				if err == nil {
					end = end.Add(tt.by)
				} else if !strings.Contains(ErrorMessage(err).String(), "a moment ago") {
					t.Errorf("it says %q", ErrorMessage(err).String())
				}
				w.pass(time.Second)
				if l := w.lease(id); !l.ExpiresAt.Equal(end) || !l.Resources.Until.Equal(end) {
					t.Errorf("it ends at %s and in AWS at %s, want %s", w.since(l.ExpiresAt), w.since(l.Resources.Until), w.since(end))
				}
			})
		})
	}
}

// A double click, in flight at the same instant.
func TestExtendDoubleClick(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.store.script(slowStore)
		click := w.giving(alice, ExtendLease{id, time.Hour})
		oneWins(t, w.atOnce(click, click, click), "a moment ago")
		if l := w.lease(id); l.ExpiresAt.Sub(l.OpenedAt) != 2*time.Hour {
			t.Errorf("it lasts %s", l.ExpiresAt.Sub(l.OpenedAt))
		}
	})
}

// The process has died after the click was recorded and before it was
// answered: the repeat finds it recorded.
func TestExtendRepeatedAfterCrash(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.must(alice, ExtendLease{id, time.Hour})
		w.crash()
		w.start()
		_, err := w.do(alice, ExtendLease{id, time.Hour})
		wantCode(t, err, ECONFLICT)
	})
}
