package web

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"strings"
)

// packed serves a script that is embedded as gzip has it, as it is to whoever
// takes that, which every browser does. The terminal is a quarter of its size so.
func packed(files fs.FS, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		file, err := files.Open(name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer func() { _ = file.Close() }() // it is memory
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Vary", "Accept-Encoding")
		var script io.Reader = file
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
		} else if script, err = gzip.NewReader(file); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.Copy(w, script) // the page has gone
	}
}
