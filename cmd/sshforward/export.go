package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

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
	write := encodeEvents(w)
	if format == "csv" {
		if err := writeRow(w, columns()); err != nil {
			return err
		}
		write = func(e sshforward.Event) error { return writeRow(w, row(e)) }
	}
	for e, err := range events {
		if err == nil {
			err = write(e)
		}
		if err != nil {
			return err // what was read so far is written
		}
	}
	return nil
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
	{"tags", func(e sshforward.Event) string { return tagsCell(e.Tags) }},
	{"port", func(e sshforward.Event) string { return numberCell(e.Port) }},
	{"duration_seconds", func(e sshforward.Event) string { return strconv.FormatFloat(e.Duration, 'f', -1, 64) }},
	{"approvers", func(e sshforward.Event) string { return strings.Join(e.Approvers, " ") }},
	{"tags_missing", func(e sshforward.Event) string { return strings.Join(e.Lacks, " ") }},
}

// tagsCell writes tags as key=value, sorted by the key.
func tagsCell(tags map[string]string) string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, key+"="+tags[key])
	}
	return strings.Join(out, " ")
}

// numberCell is empty for what old records do not say.
func numberCell(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
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

// writeRow writes one line of CSV. Every cell is in quotes, so that no program
// has to guess where one ends.
func writeRow(w io.Writer, cells []string) error {
	for i, cell := range cells {
		cells[i] = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
	}
	_, err := io.WriteString(w, strings.Join(cells, ",")+"\n")
	return err
}

// formulaSigns begin a formula in a spreadsheet: the four signs, and what is
// taken for them in East Asian locales, full-width and small.
const formulaSigns = "=+-@＝＋－＠﹦﹢﹣﹫"

// harmless keeps a spreadsheet from taking people's words for a formula, which
// could send what is beside it elsewhere:
// https://owasp.org/www-community/attacks/CSV_Injection
//
// In many locales cells end at a semicolon or a tab. A program of such a locale
// takes the quotes of all but the first cell for text, so that whatever stands
// behind a semicolon, a tab or a line's end within a cell begins one of its own.
func harmless(cell string) string {
	var out strings.Builder
	begins := true // a cell, in some locale
	for i, r := range cell {
		control := unicode.IsControl(r)
		if begins && strings.ContainsRune(formulaSigns, r) || i == 0 && control {
			out.WriteByte('\'') // makes it a text
		}
		out.WriteRune(r)
		switch {
		case r == ';', control, r == '\u2028', r == '\u2029':
			begins = true
		case unicode.IsSpace(r), unicode.Is(unicode.Cf, r), r == '"':
			// passed over by some
		default:
			begins = false
		}
	}
	return out.String()
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
