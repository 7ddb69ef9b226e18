package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// hostile is what somebody may put into a tag.
const hostile = "U0EVE\x1b[2J\r\nU0ADMIN\u009b31m\u202ekcatta\u2066\u200b\u2028\U000e0041 ok é 木"

func TestPrintable(t *testing.T) {
	got := printable(hostile)
	if want := `U0EVE\u001b[2J\u000d\u000aU0ADMIN\u009b31m\u202ekcatta\u2066\u200b\u2028\udb40\udc41 ok é 木`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if plain := "web-1 é 木 <&>"; printable(plain) != plain {
		t.Errorf("%q becomes %q", plain, printable(plain))
	}
}

// Logs say what a tag says, and nothing that a terminal would obey.
func TestLogsArePrintable(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		newLogger(&out, format, "INFO").Warn("something", "tag", hostile)
		line, end := strings.CutSuffix(out.String(), "\n")
		if !end || strings.ContainsFunc(line, unprintable) {
			t.Errorf("%s: %q", format, out.String())
		}
		if format == "json" {
			var record struct{ Tag string }
			if err := json.Unmarshal([]byte(line), &record); err != nil || record.Tag != hostile {
				t.Errorf("it reads as %q, %v", record.Tag, err)
			}
		}
	}
}
