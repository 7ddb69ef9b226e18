package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// web serves /metrics, /healthz and /readyz.
type web struct {
	addr     string // where it really listens
	listener net.Listener
	server   *http.Server
}

// listen takes the address before anything else starts, so that a port in use
// ends the start with a clear line.
func listen(addr string, m *meters, loop *pulse, ready func(context.Context) error) (*web, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", page(func(context.Context) error { return loop.alive() }))
	mux.HandleFunc("GET /readyz", page(ready))
	return &web{addr: l.Addr().String(), listener: l, server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}, nil
}

// answersWithin bounds an answer: whoever asks whether the bot is well must hear
// it also when it is not.
const answersWithin = 2 * time.Second

func page(ask func(context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answersWithin)
		defer cancel()
		if err := ask(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

// run serves until ctx ends.
func (w *web) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = w.server.Shutdown(late) // a scrape that is cut off is no loss
	})
	defer stop()
	if err := w.server.Serve(w.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", w.addr, err)
	}
	return nil
}
