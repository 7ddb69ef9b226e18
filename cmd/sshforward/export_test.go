package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
)

var quarterPast = time.Date(2026, 11, 23, 12, 15, 0, 500_000_000, time.UTC)

func someEvents() []sshforward.Event {
	return []sshforward.Event{
		{
			At: quarterPast, Act: sshforward.ActClosed, Result: sshforward.ResultOK, Lease: "k7m2q3x", Owner: "U1",
			Sources: []string{"203.0.113.7/32", "198.51.100.0/24"}, State: sshforward.Closed, Reason: sshforward.Expired,
			Opened: quarterPast.Add(-time.Hour), Expires: quarterPast, Ended: quarterPast.Add(1500 * time.Millisecond), Overstay: 1.5, Cost: 0.032,
			Because: "a \"quoted\", comma\nand <b> & line",
		},
		{
			At: quarterPast.In(time.FixedZone("", 9*3600)), Act: sshforward.ActOpen, Result: sshforward.EFORBIDDEN, Actor: "U2",
			Detail: `=HYPERLINK("http://evil","x")`, Because: "+1", Name: "@cmd", Channel: "-2",
		},
	}
}

func yielding(events []sshforward.Event, err error) iter.Seq2[sshforward.Event, error] {
	return func(yield func(sshforward.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(sshforward.Event{}, err)
		}
	}
}

func TestExportCSV(t *testing.T) {
	var out bytes.Buffer
	if err := writeEvents(&out, "csv", yielding(someEvents(), nil)); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	cell := func(row int, name string) string { return rows[row][slices.Index(rows[0], name)] }
	for _, test := range []struct {
		row        int
		name, want string
	}{
		{1, "time", "2026-11-23T12:15:00.5Z"},
		{1, "sources", "203.0.113.7/32 198.51.100.0/24"},
		{1, "because", "a \"quoted\", comma\nand <b> & line"},
		{1, "opened", "2026-11-23T11:15:00.5Z"},
		{1, "access_ended", "2026-11-23T12:15:02Z"},
		{1, "overstay_seconds", "1.5"},
		{1, "cost_usd", "0.032"},
		{1, "urgent", "false"},
		{2, "time", "2026-11-23T12:15:00.5Z"},
		{2, "result", "forbidden"},
		{2, "opened", ""},
		{2, "detail", `'=HYPERLINK("http://evil","x")`},
		{2, "because", "'+1"},
		{2, "name", "'@cmd"},
		{2, "channel", "'-2"},
	} {
		if got := cell(test.row, test.name); got != test.want {
			t.Errorf("%s in row %d: got %q, want %q", test.name, test.row, got, test.want)
		}
	}
}

func TestHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain": "plain", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "a=1": "a=1", "木": "木",
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠x": "'＠x", "﹦1": "'﹦1", "a＝1": "a＝1",
		" =1": " '=1", "\"=1": "\"'=1", "\ufeff=1": "\ufeff'=1", "\u3000＝1": "\u3000'＝1",
		"a;=1": "a;'=1", "a; =1": "a; '=1", "a;\"=1\"": "a;\"'=1\"", "a\t=1": "a\t'=1", "a\n=1": "a\n'=1", "a\r\n＝1": "a\r\n'＝1",
		"a;b=1": "a;b=1", "a, -v": "a, -v", "no; - later": "no; '- later", "'=1": "'=1",
	} {
		if got := harmless(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// However a spreadsheet splits the export, no cell of it is a formula.
func TestExportIsNoFormulaAnywhere(t *testing.T) {
	var events []sshforward.Event
	for _, before := range []string{"", "x;", "x; ", "x\t", "x\n", "x\r", "x;\"", `x";"`, "x,", `","`, "\t", ";\t\n"} {
		for _, sign := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
			events = append(events, sshforward.Event{At: quarterPast, Because: before + sign + "cmd|' /C calc'!A0", Detail: sign})
		}
	}
	var out bytes.Buffer
	if err := writeEvents(&out, "csv", yielding(events, nil)); err != nil {
		t.Fatal(err)
	}
	if head := `"time","act","result","detail","actor",`; !strings.HasPrefix(out.String(), head) ||
		!strings.Contains(out.String(), `,"","false","",`) {
		t.Errorf("not every cell is in quotes:\n%s", out.String()[:1000])
	}
	// Honouring quotes at the beginning of a cell, or not at all.
	for _, split := range []string{",", ";", "\t"} {
		for _, cell := range cellsOf(out.String(), split[0]) {
			first := strings.TrimLeft(cell, " \"\u3000")
			if r, _ := utf8.DecodeRuneInString(first); first != "" && strings.ContainsRune("=+-@＝＋－＠", r) {
				t.Errorf("split at %q there is the cell %q", split, cell)
			}
		}
	}
}

// cellsOf splits as spreadsheets do: a quote opens a quoted part only where a
// cell begins, and whatever follows its end belongs to the cell.
func cellsOf(text string, split byte) (cells []string) {
	var cell strings.Builder
	begins, quoted := true, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '"' && i+1 < len(text) && text[i+1] == '"':
			cell.WriteByte(c)
			i++
		case quoted && c == '"':
			quoted = false
		case !quoted && (c == split || c == '\n' || c == '\r'):
			cells = append(cells, cell.String())
			cell.Reset()
			begins = true
			continue
		case begins && c == '"':
			quoted = true
		default:
			cell.WriteByte(c)
		}
		begins = false
	}
	return append(cells, cell.String())
}

// Every field of an event has its column.
func TestColumnsAreTheFields(t *testing.T) {
	full := someEvents()[0]
	full.Urgent, full.Actor, full.Team, full.Channel, full.Message = true, "a", "t", "c", "1.2"
	full.Detail, full.Account, full.Region, full.Instance, full.Name, full.Rule = "d", "m", "r", "i", "n", "u"
	full.Tags, full.Port, full.Duration, full.Approvers = map[string]string{"Env": ""}, 22, 3600, []string{"U2"}
	full.Lacks = []string{"Team"}
	var out bytes.Buffer
	if err := encodeEvents(&out)(full); err != nil {
		t.Fatal(err)
	}
	for _, name := range columns() {
		if !strings.Contains(out.String(), `"`+name+`":`) {
			t.Errorf("the JSON has no %s", name)
		}
	}
	if n := strings.Count(out.String(), `":`) - len(full.Tags); n != len(columns()) {
		t.Errorf("the JSON has %d fields, the CSV %d columns: %s", n, len(columns()), &out)
	}
}

// Whoever reads an export finds each column in the manual.
func TestColumnsAreDocumented(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range columns() {
		if !strings.Contains(string(manual), "`"+name+"`") {
			t.Errorf("docs/operations.md does not tell of %s", name)
		}
	}
}

// JSON lines read back are what was written, and what is read before a failure
// is written.
func TestExportJSONLines(t *testing.T) {
	var out bytes.Buffer
	bad := errors.New("damaged")
	if err := writeEvents(&out, "jsonl", yielding(someEvents(), bad)); !errors.Is(err, bad) {
		t.Errorf("the failure came out as %v", err)
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n, &out)
	}
	var got []sshforward.Event
	for e, err := range decodeEvents(&out) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if diff := cmp.Diff(someEvents(), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSince(t *testing.T) {
	now := quarterPast
	for in, want := range map[string]time.Time{
		"":                          {},
		"24h":                       now.Add(-24 * time.Hour),
		"1d":                        now.Add(-24 * time.Hour),
		"2026-11-01":                time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		"2026-11-01T09:00:00+09:00": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(in, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"yesterday", "24", "2026-13-01", "-1h"} {
		if got, err := parseSince(in, now); err == nil || !strings.Contains(err.Error(), "2026-11-01") {
			t.Errorf("%q: got %s, %v", in, got, err)
		}
	}
}
