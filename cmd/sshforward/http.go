package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

// listenPause is how long to wait before a port that was taken is tried again.
const listenPause = 5 * time.Second

// web serves /metrics, /healthz and /readyz.
type web struct {
	addr   string // as it is configured
	server *http.Server
	tls    bool
	log    *slog.Logger

	listener net.Listener // nil while the port is somebody else's
}

// newWeb takes the address before anything else starts, so that nobody asks for
// figures in vain. A port that is taken is no reason to close nothing: run tries
// it again.
func newWeb(addr string, certificate *tlsConfig, m *meters, loop *pulse, ready func(context.Context) error, log *slog.Logger) *web {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m)
	mux.HandleFunc("GET /healthz", page(func(context.Context) error { return loop.alive() }))
	mux.HandleFunc("GET /readyz", page(ready))
	w := &web{addr: addr, log: log, tls: certificate != nil, server: &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		// Whoever tries the port must not fill the log.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	if w.tls {
		pair := &keyPair{files: *certificate, log: log}
		_, _ = pair.get(nil) // what is wrong with it is in the log
		w.server.TLSConfig = &tls.Config{GetCertificate: pair.get, MinVersion: tls.VersionTLS12}
	} else if !onLoopback(addr) {
		log.Warn("/metrics, /healthz and /readyz are served in the clear, to other machines too; "+
			"set tls in the configuration, or let nobody reach them who should not", "listen", addr)
	}
	if err := w.listen(); err != nil {
		log.Warn("/metrics, /healthz and /readyz cannot be served; the address is tried again",
			"err", err, "retry_in", listenPause)
	}
	return w
}

func (w *web) listen() (err error) {
	w.listener, err = net.Listen("tcp", w.addr)
	return err
}

// address is where it really listens; empty while it does not.
func (w *web) address() string {
	if w.listener == nil {
		return ""
	}
	return w.listener.Addr().String()
}

// onLoopback reports whether only this machine can reach an address.
func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return true // nothing will be served there
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (w *web) serve() error {
	if w.tls {
		return w.server.ServeTLS(w.listener, "", "")
	}
	return w.server.Serve(w.listener)
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

// run serves until ctx ends. If it cannot serve it tries again: forwards do not
// end because nobody can look at figures.
func (w *web) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		defer safe.Catch(func(err error) { w.log.Error("panic", "err", err) })
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = w.server.Shutdown(late) // a scrape that is cut off is no loss
	})
	defer stop()
	for {
		if w.listener != nil {
			err := w.serve()
			if errors.Is(err, http.ErrServerClosed) {
				return
			}
			w.listener = nil
			w.log.Warn("/metrics, /healthz and /readyz are not served any more; the address is tried again", "err", err, "retry_in", listenPause)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(listenPause):
		}
		if err := w.listen(); err == nil {
			w.log.Info("/metrics, /healthz and /readyz are served", "listen", w.address())
		}
	}
}
