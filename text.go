package sshforward

import (
	"encoding/json"
	"fmt"
	"time"
)

// Text is a sentence for people that can still be put into their language: an
// English format, as package fmt has them, which is also the key of its
// translations, and what goes into it.
type Text struct {
	Format string
	Args   []any // strings, ints, durations or Texts; anything else becomes a string
}

// Textf makes a Text. A duration among args is prose and is written as people
// of the language write it; one that is part of a command to type has to be a
// string, see [FormatDuration].
func Textf(format string, args ...any) Text {
	t := Text{Format: format}
	for _, a := range args {
		switch a.(type) {
		case string, int, time.Duration, Text:
		default:
			a = fmt.Sprint(a)
		}
		t.Args = append(t.Args, a)
	}
	return t
}

// IsZero reports whether there is nothing to say.
func (t Text) IsZero() bool { return t.Format == "" }

// And appends another sentence.
func (t Text) And(more Text) Text {
	switch {
	case t.IsZero():
		return more
	case more.IsZero():
		return t
	}
	return Textf("%s %s", t, more)
}

// String is the Text in English.
func (t Text) String() string {
	return t.In(func(format string) string { return format }, FormatDuration)
}

// In puts the Text into a language: translate returns the format that stands
// for an English one, duration writes a time span.
func (t Text) In(translate func(string) string, duration func(time.Duration) string) string {
	args := make([]any, len(t.Args))
	for i, a := range t.Args {
		switch a := a.(type) {
		case time.Duration:
			args[i] = duration(a)
		case Text:
			args[i] = a.In(translate, duration)
		default:
			args[i] = a
		}
	}
	return fmt.Sprintf(translate(t.Format), args...)
}

// textJSON is a Text in a lease's record.
type textJSON struct {
	Text string            `json:"text"`
	Args []json.RawMessage `json:"args,omitempty"`
}

// spanJSON is a duration among a Text's Args, in nanoseconds.
type spanJSON struct {
	Span time.Duration `json:"span"`
}

// MarshalJSON keeps the types of Args apart.
func (t Text) MarshalJSON() ([]byte, error) {
	out := textJSON{Text: t.Format}
	for _, a := range t.Args {
		if d, ok := a.(time.Duration); ok {
			a = spanJSON{d}
		}
		raw, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		out.Args = append(out.Args, raw)
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote, and a plain sentence.
func (t *Text) UnmarshalJSON(b []byte) error {
	*t = Text{}
	if len(b) == 0 || b[0] != '{' {
		var sentence string
		if err := json.Unmarshal(b, &sentence); err != nil {
			return fmt.Errorf("read text: %w", err)
		}
		if sentence != "" {
			*t = Textf("%s", sentence)
		}
		return nil
	}
	var in textJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("read text: %w", err)
	}
	t.Format = in.Text
	for _, raw := range in.Args {
		a, err := textArg(raw)
		if err != nil {
			return fmt.Errorf("read text %q: %w", in.Text, err)
		}
		t.Args = append(t.Args, a)
	}
	return nil
}

func textArg(raw json.RawMessage) (any, error) {
	switch raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case '{':
		var either struct {
			Span *time.Duration `json:"span"`
		}
		if err := json.Unmarshal(raw, &either); err != nil {
			return nil, err
		}
		if either.Span != nil {
			return *either.Span, nil
		}
		var t Text
		err := t.UnmarshalJSON(raw)
		return t, err
	}
	var n int
	err := json.Unmarshal(raw, &n)
	return n, err
}
