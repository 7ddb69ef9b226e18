package standin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// ErrReset is a connection that broke off.
var ErrReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// Answer is what goes back to the caller: a response, or a broken connection if
// Err is set.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Err    error
}

// Write answers a request that came over a socket.
func (a Answer) Write(w http.ResponseWriter) {
	if a.Err != nil {
		// The one way for a handler to break the connection off.
		panic(http.ErrAbortHandler)
	}
	for k, v := range a.Header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}

// response is the answer to a request that came without a socket.
func (a Answer) response(req *http.Request) (*http.Response, error) {
	if a.Err != nil {
		return nil, a.Err
	}
	return &http.Response{
		Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)),
		ContentLength: int64(len(a.Body)), Request: req,
	}, nil
}

// Client returns a client that has every request answered in the caller's
// goroutine, whatever the address: no sockets, and nothing left behind, so that it
// can be used in a synctest bubble.
func Client(answer func(*http.Request) Answer) *http.Client {
	return &http.Client{Transport: transport(answer)}
}

type transport func(*http.Request) Answer

// RoundTrip implements [http.RoundTripper].
func (answer transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return answer(req).response(req)
}

// Sleep waits; a caller that gives up meanwhile has a broken connection.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errors.Join(ErrReset, ctx.Err())
	}
}
