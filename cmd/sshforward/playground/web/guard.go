package web

import (
	"mime"
	"net"
	"net/http"
	"slices"
)

// policy lets the page load its own files and talk to its own address, and
// nothing else: no inline script or style, no eval, no frame around it. The
// receipt is drawn as PNG from an image that the page has made itself (blob:). Trusted
// Types make every sink that parses HTML from a string an error in the browser.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// guard keeps other pages out. The playground has no log-in: whoever can send
// it a request can act as anybody, so a request must come from its own page.
//
//   - The Host must be a loopback name with the port we listen on, which stops
//     a foreign name that was made to resolve to 127.0.0.1 (DNS rebinding).
//   - Sec-Fetch-Site and Origin must not be another site's. That holds for the
//     stream too, which is a GET. Other ports of localhost are other origins.
//   - Bodies are JSON by content type, which no plain HTML form can send.
func guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !ourHost(r) {
			http.Error(w, "this page answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); (r.URL.Path == "/events" || r.URL.Path == "/terminal") && site != "" && site != "same-origin" {
			http.Error(w, "the stream is for this page only", http.StatusForbidden)
			return
		}
		if err := origin.Check(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		if r.Method == http.MethodPost {
			if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
				http.Error(w, "the body must be application/json", http.StatusUnsupportedMediaType)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// ourHost tells whether a request was addressed to us by a loopback name. The
// port is checked against the listener's, which the server puts in the context.
func ourHost(r *http.Request) bool {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, "80"
	}
	if !slices.Contains([]string{"localhost", "127.0.0.1", "::1", "[::1]"}, host) {
		return false
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true // not from a server
	}
	_, listening, err := net.SplitHostPort(local.String())
	return err != nil || port == listening
}
