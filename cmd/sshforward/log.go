package main

import (
	"bytes"
	"io"
	"log/slog"

	"github.com/sshforward/sshforward/internal/logqueue"
)

// newLogQueue begins to write to w. format is that of newLogger.
func newLogQueue(w io.Writer, format string) *logqueue.Queue {
	return logqueue.New(w, func(lines int64) []byte {
		var b bytes.Buffer
		newLogger(&b, format, "warn").Warn("lines of the log were left out, since nobody read it", "lines", lines)
		return b.Bytes()
	})
}

// newLogger writes what happened to w.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	var min slog.Level
	_ = min.UnmarshalText([]byte(level)) // checked by the command line
	opts := &slog.HandlerOptions{Level: min}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(plainJSON{w}, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
