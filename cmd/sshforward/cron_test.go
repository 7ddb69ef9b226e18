package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
)

func TestStepped(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name    string
		is      time.Time
		elapsed time.Duration
		want    time.Duration
	}{
		{"a second", noon.Add(time.Second), time.Second, 0},
		{"slewed by NTP", noon.Add(time.Second + 500*time.Microsecond), time.Second, 0},
		{"a busy machine", noon.Add(9 * time.Second), 9 * time.Second, 0},
		{"set forward", noon.Add(time.Hour + time.Second), time.Second, time.Hour},
		{"set back", noon.Add(-time.Hour + time.Second), time.Second, -time.Hour},
		{"slept", noon.Add(8*time.Hour + time.Second), time.Second, 8 * time.Hour},
	} {
		if got := stepped(noon, test.is, test.elapsed); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// A cron that believes its next tick to be an hour away, as one does whose
// clock was set back, ticks again a second after the clock is seen to be set.
func TestBeatGoesOnAfterTheClockWasSet(t *testing.T) {
	t.Parallel()
	store, err := bolt.Open(filepath.Join(t.TempDir(), "leases.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := startLoops(ctx, sshforward.NewKeeper(sshforward.Options{Store: store}), new(pulse), time.Minute, slog.New(slog.DiscardHandler))
	defer b.stop()
	ticks, build := make(chan struct{}, 10), b.build
	b.mu.Lock()
	b.cron.Stop()
	b.cron = cron.New()
	b.cron.Schedule(cron.Every(time.Hour), cron.FuncJob(func() {}))
	b.cron.Start()
	b.build = func() *cron.Cron {
		c := build()
		c.Schedule(cron.Every(time.Second), cron.FuncJob(func() { ticks <- struct{}{} }))
		return c
	}
	b.mu.Unlock()
	b.restart()
	select {
	case <-ticks:
	case <-time.After(patience):
		t.Fatal("it sits still")
	}
}
