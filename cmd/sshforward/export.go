package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// encodeEvents writes JSON lines. It is used for all of them, so that the
// mirror, the socket and the export write the same.
func encodeEvents(w io.Writer) func(sshforward.Event) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return func(e sshforward.Event) error { return enc.Encode(e) }
}

// writeEvents writes all events in a format, "jsonl" or "csv".
func writeEvents(w io.Writer, format string, events iter.Seq2[sshforward.Event, error]) error {
	write, flush := encodeEvents(w), func() error { return nil }
	if format == "csv" {
		table := csv.NewWriter(w)
		if err := table.Write(columns()); err != nil {
			return err
		}
		write = func(e sshforward.Event) error { return table.Write(row(e)) }
		flush = func() error { table.Flush(); return table.Error() }
	}
	for e, err := range events {
		if err == nil {
			err = write(e)
		}
		if err != nil {
			return errors.Join(err, flush()) // what could be read is worth having
		}
	}
	return flush()
}

// column is one column of the CSV export; the names are those of the JSON.
type column struct {
	name string
	cell func(sshforward.Event) string
}

var table = []column{
	{"time", func(e sshforward.Event) string { return timeCell(e.At) }},
	{"act", func(e sshforward.Event) string { return string(e.Act) }},
	{"result", func(e sshforward.Event) string { return e.Result }},
	{"detail", func(e sshforward.Event) string { return e.Detail }},
	{"actor", func(e sshforward.Event) string { return e.Actor }},
	{"team", func(e sshforward.Event) string { return e.Team }},
	{"channel", func(e sshforward.Event) string { return e.Channel }},
	{"message", func(e sshforward.Event) string { return e.Message }},
	{"lease", func(e sshforward.Event) string { return e.Lease }},
	{"owner", func(e sshforward.Event) string { return e.Owner }},
	{"account", func(e sshforward.Event) string { return e.Account }},
	{"region", func(e sshforward.Event) string { return e.Region }},
	{"instance", func(e sshforward.Event) string { return e.Instance }},
	{"name", func(e sshforward.Event) string { return e.Name }},
	{"sources", func(e sshforward.Event) string { return strings.Join(e.Sources, " ") }},
	{"rule", func(e sshforward.Event) string { return e.Rule }},
	{"urgent", func(e sshforward.Event) string { return strconv.FormatBool(e.Urgent) }},
	{"state", func(e sshforward.Event) string { return string(e.State) }},
	{"reason", func(e sshforward.Event) string { return string(e.Reason) }},
	{"because", func(e sshforward.Event) string { return e.Because }},
	{"opened", func(e sshforward.Event) string { return timeCell(e.Opened) }},
	{"expires", func(e sshforward.Event) string { return timeCell(e.Expires) }},
	{"access_ended", func(e sshforward.Event) string { return timeCell(e.Ended) }},
	{"overstay_seconds", func(e sshforward.Event) string { return strconv.FormatFloat(e.Overstay, 'f', -1, 64) }},
	{"cost_usd", func(e sshforward.Event) string { return strconv.FormatFloat(e.Cost, 'f', -1, 64) }},
}

func columns() (names []string) {
	for _, c := range table {
		names = append(names, c.name)
	}
	return names
}

func row(e sshforward.Event) (cells []string) {
	for _, c := range table {
		cells = append(cells, harmless(c.cell(e)))
	}
	return cells
}

func timeCell(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// harmless keeps a spreadsheet from taking people's words for a formula, which
// could send what is beside it elsewhere:
// https://owasp.org/www-community/attacks/CSV_Injection
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// parseSince reads where an export begins: so long ago, a day (its beginning,
// in UTC) or an instant. Empty is the beginning of the record.
func parseSince(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := sshforward.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a duration, a day nor a time; write for example 24h, 2026-11-01 or 2026-11-01T09:00:00Z", s)
}
