package sshforward

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A sentence that waited in the store is the same one in any language.
func TestTextSurvivesTheStore(t *testing.T) {
	for _, text := range []Text{
		{},
		Textf("It is gone."),
		Textf("100%% of %s, %d times, within %s.", "i-0 \"quoted\" <&> 木", 3, 90*time.Minute),
		Textf("Lost.").And(Textf("It was %s.", "stopped")).And(Textf("For %s.", time.Hour)),
		Textf("%s", "{\"text\": \"not one of ours\"}"),
		Textf("port %s", []int{22}), // whatever else it is becomes a string
	} {
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var back Text
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if diff := cmp.Diff(text, back); diff != "" {
			t.Errorf("%s (-was +is):\n%s", b, diff)
		}
	}
}

func TestTextReadsAPlainSentence(t *testing.T) {
	var l Lease
	if err := json.Unmarshal([]byte(`{"Why": "100% full", "LastError": ""}`), &l); err != nil {
		t.Fatal(err)
	}
	if l.Why.String() != "100% full" || !l.LastError.IsZero() {
		t.Errorf("read as %q and %q", l.Why, l.LastError)
	}
	for _, broken := range []string{`{"text": "x", "args": [[1]]}`, `{"text": 3}`, `{"text": "x", "args": [{"span": "1h"}]}`, `7`} {
		if err := json.Unmarshal([]byte(broken), new(Text)); err == nil {
			t.Errorf("%s was taken", broken)
		}
	}
}

// Everything in it follows the language, what is nested too; what is to be
// typed does not.
func TestTextInALanguage(t *testing.T) {
	text := Textf("%s is longer than %s.", 2*time.Hour, time.Hour).And(Textf("Try: open %s", FormatDuration(time.Hour)))
	words := map[string]string{"%s is longer than %s.": "%[2]s < %[1]s.", "Try: open %s": "Schreib: open %s"}
	got := text.In(func(format string) string {
		if w, ok := words[format]; ok {
			return w
		}
		return format
	}, func(d time.Duration) string { return strings.TrimSuffix(d.String(), "0m0s") + "?" })
	if want := "1h? < 2h?. Schreib: open 1h"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := "2h is longer than 1h. Try: open 1h"; text.String() != want {
		t.Errorf("in English %q, want %q", text, want)
	}
}
