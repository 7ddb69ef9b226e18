package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHealthIsThatTheLoopGoesRound(t *testing.T) {
	loop := new(pulse)
	healthy := page(func(context.Context) error { return loop.alive() })
	for _, tt := range []struct {
		name  string
		beats func()
		want  int
		says  string
	}{
		{"before it begins", func() {}, http.StatusServiceUnavailable, "has not begun"},
		{"when it has gone round", loop.beat, http.StatusOK, "ok"},
		{"ten seconds later", func() { ago := time.Now().Add(-aliveWithin - time.Second); loop.last.Store(&ago) },
			http.StatusServiceUnavailable, "has not gone round for 11s"},
	} {
		tt.beats()
		w := httptest.NewRecorder()
		healthy(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		if w.Code != tt.want || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
	}
}

// Whoever asks is answered, whatever hangs.
func TestReadinessIsAnswered(t *testing.T) {
	t.Parallel()
	hangs := page(func(ctx context.Context) error { <-ctx.Done(); return errors.New("the store cannot be read") })
	began := time.Now()
	w := httptest.NewRecorder()
	hangs(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if took := time.Since(began); w.Code != http.StatusServiceUnavailable || took > answersWithin+5*time.Second {
		t.Errorf("after %s: %d %s", took, w.Code, w.Body)
	}
}
