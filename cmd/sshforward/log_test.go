package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward/internal/logqueue"
)

// Nobody waits for who reads the log. What does not fit is left out and counted,
// and that is said once it is read again.
func TestLogWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		q := newLogQueue(w, "json")
		m := newMeters()
		m.countLog(q)
		log := newLogger(q, "json", "info")
		const tooMany = 100
		for n := range logqueue.Holds + 1 + tooMany { // one is on its way
			log.Info("news", "n", n)
			if n == 0 {
				synctest.Wait()
			}
		}
		if n := gathered(t, m, "sshforward_log_dropped_total"); n != tooMany {
			t.Errorf("sshforward_log_dropped_total is %v", n)
		}
		read := make(chan string)
		go func() {
			all, _ := io.ReadAll(r)
			read <- string(all)
		}()
		synctest.Wait()
		q.Stop()
		w.Close()
		all := <-read
		if n := strings.Count(all, `"msg":"news"`); n != logqueue.Holds+1 {
			t.Errorf("%d lines came through", n)
		}
		if n := strings.Count(all, `"msg":"lines of the log were left out`); n != 1 || !strings.Contains(all, `"lines":100}`) {
			t.Errorf("it says %d times that lines are missing, or not how many", n)
		}
	})
}

// A few huge lines are as bad as many small ones.
func TestLogIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		q := newLogQueue(w, "text")
		for range 10 {
			if _, err := io.WriteString(q, strings.Repeat("x", logqueue.HoldsBytes/4)); err != nil {
				t.Fatal(err)
			}
		}
		if n := q.Dropped(); n != 6 {
			t.Errorf("%d of ten lines were left out, of which four fit", n)
		}
		began := time.Now()
		q.Stop()
		if took := time.Since(began); took != logqueue.Linger {
			t.Errorf("the end waited %s for who does not read", took)
		}
		r.CloseWithError(errors.New("gone"))
	})
}

// gathered is the value of a metric without labels.
func gathered(t *testing.T, m *meters, name string) float64 {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("there is no %s, %d", name, w.Code)
	return 0
}
