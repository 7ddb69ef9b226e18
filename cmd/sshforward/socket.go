package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
	"github.com/sshforward/sshforward/store/bolt"
)

// A running bot has the store's file to itself. Who may read the file can ask
// it through a Unix socket beside the file, for the audit record and for a copy.

const (
	// maxSocketPath is what fits into a socket's address, in bytes: 108 on
	// Linux with the zero at the end, see unix(7).
	maxSocketPath = 107
	// trailerError carries what went wrong after an answer had begun.
	trailerError = "X-Sshforward-Error"
	// trailerNext says where the next export begins.
	trailerNext = "X-Sshforward-Next"
)

func socketPath(store string) string { return store + ".sock" }

// path is what the socket is asked for.
func (from eventsFrom) path() string {
	q := url.Values{}
	switch {
	case from.inOrder:
		q.Set("after", strconv.FormatUint(from.after, 10))
	case !from.since.IsZero():
		q.Set("since", from.since.Format(time.RFC3339Nano))
	}
	return "/audit?" + q.Encode()
}

// parseFrom reads what path wrote.
func parseFrom(q url.Values) (from eventsFrom, err error) {
	if q.Has("after") {
		from.inOrder = true
		from.after, err = strconv.ParseUint(q.Get("after"), 10, 64)
		return from, err
	}
	from.since, err = parseSince(q.Get("since"), time.Now())
	return from, err
}

// socket serves /audit and /backup to whoever may open it.
type socket struct {
	path     string
	listener net.Listener
	server   *http.Server
	log      *slog.Logger
	busy     sync.WaitGroup // answers that are being given
}

// openSocket makes the socket. It must be called by who holds the store's lock:
// then a socket that is there already is a dead bot's, and is replaced.
func openSocket(storePath string, s *bolt.Store, limits copyLimits, log *slog.Logger) (*socket, error) {
	path := socketPath(storePath)
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("%s is there, and is no socket", path)
	}
	// It is made in a folder that nobody else can enter, and gets its name
	// when its mode is right, so there is no moment at which others could
	// connect. The umask would do it too, but that is the whole process's.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	first := filepath.Join(dir, "s")
	if n := max(len(path), len(first)); n > maxSocketPath {
		return nil, fmt.Errorf("the path is %d bytes long, and a Unix socket's has at most %d; give store.bolt a shorter one", n, maxSocketPath)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: first, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it has another name by then
	if err := errors.Join(os.Chmod(first, 0o600), os.Rename(first, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	k := &socket{path: path, listener: l, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /audit", func(w http.ResponseWriter, r *http.Request) { serveAudit(w, r, s, log) })
	mux.Handle("GET /backup", &copyHandler{store: s, path: storePath, log: log, copyLimits: limits})
	k.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.busy.Add(1)
		defer k.busy.Done()
		mux.ServeHTTP(w, r)
	})}
	return k, nil
}

// run serves until ctx ends, and removes the socket. If it cannot serve it says
// so and nothing more: forwards do not end because nobody can export.
func (k *socket) run(ctx context.Context) {
	k.server.BaseContext = func(net.Listener) context.Context { return ctx }
	stop := context.AfterFunc(ctx, func() {
		defer safe.Catch(func(err error) { k.log.Error("panic", "err", err) })
		_ = k.server.Close() // who is cut off asks again
	})
	defer stop()
	err := k.server.Serve(k.listener)
	if rerr := os.Remove(k.path); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		k.log.Error("the socket is closed", "path", k.path, "err", err)
	}
	k.busy.Wait() // they read the store, which is closed next
}

func serveAudit(w http.ResponseWriter, r *http.Request, s *bolt.Store, log *slog.Logger) {
	from, err := parseFrom(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	events, next := from.read(r.Context(), s)
	w.Header().Set("Content-Type", "application/jsonl")
	w.Header().Add("Trailer", trailerError)
	w.Header().Add("Trailer", trailerNext)
	if err := writeEvents(w, "jsonl", events); err != nil {
		w.Header().Set(trailerError, oneLine(err))
		if r.Context().Err() == nil {
			log.Error("the audit record cannot be exported", "err", err)
		}
		return
	}
	w.Header().Set(trailerNext, strconv.FormatUint(next(), 10))
}

// errNoBot: nobody listens, or nobody could.
var errNoBot = errors.New("none runs on this store")

// askSocket asks a running bot, and returns its answer.
func askSocket(ctx context.Context, storePath, what string) (*answer, error) {
	path := socketPath(storePath)
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("%s is too long for a Unix socket, so a running bot has none", path)
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sshforward"+what, nil)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	switch {
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("this user may not open %s; become the one that the bot runs as", path)
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, errNoBot
	case err != nil:
		return nil, fmt.Errorf("ask %s: %w", path, errors.Unwrap(err))
	}
	if resp.StatusCode != http.StatusOK {
		says, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // what can be read of it is enough
		return nil, errors.Join(fmt.Errorf("it answers: %s", says), resp.Body.Close())
	}
	return &answer{resp}, nil
}

// answer is a body that ends with an error if the bot could not go on.
type answer struct{ *http.Response }

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.Body.Read(p)
	if errors.Is(err, io.EOF) {
		if says := a.Trailer.Get(trailerError); says != "" {
			return n, errors.New(says)
		}
	}
	return n, err
}

func (a *answer) Close() error { return a.Body.Close() }

// decodeEvents reads JSON lines.
func decodeEvents(r io.Reader) iter.Seq2[sshforward.Event, error] {
	return func(yield func(sshforward.Event, error) bool) {
		for dec := json.NewDecoder(r); ; {
			var e sshforward.Event
			err := dec.Decode(&e)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
