package bot

import (
	"testing"

	"github.com/sshforward/sshforward"
)

// What the keeper suggests is written as a command that works when it is typed.
func TestSuggestionIsACommandThatWorks(t *testing.T) {
	for _, tt := range []struct {
		try  sshforward.Suggestion
		want string
	}{
		{sshforward.Suggestion{Verb: "list"}, "No. Try: /sshforward list"},
		{sshforward.Suggestion{Verb: "list", Rest: "all"}, "No. Try: /sshforward list all"},
		{sshforward.Suggestion{Verb: "close", Ref: "k7m2q3x"}, "No. Try: /sshforward close k7m2q3x"},
		{sshforward.Suggestion{Verb: "open", Ref: "my web", Rest: "1h"}, `No. Try: /sshforward open "my web" 1h`},
		{sshforward.Suggestion{}, "No."},
	} {
		err := &sshforward.Error{Code: sshforward.EINVALID, Message: sshforward.Textf("No."), Try: tt.try}
		got := languages["en"].says(err)
		if got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.try, got, tt.want)
		}
		if tt.try.IsZero() {
			continue
		}
		if _, err := parse(suggested(tt.try)); err != nil {
			t.Errorf("%q does not work: %v", got, err)
		}
	}
}
