package web

import "time"

// Happening is a line of what happened, as a person would tell it.
type Happening struct {
	Seq  int       `json:"seq"` // from 1, without gaps
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // "lease", "session", "refused", "health", "bot" or "trouble"
	Text string    `json:"text"`
}

// Repair is something that was broken on purpose, and how it was put right.
type Repair struct {
	Since time.Time `json:"since"`
	Took  float64   `json:"took,omitempty"` // seconds; 0 while it is not
}

// happened is what a page begins with: the story, and the changes in the cloud
// that are folded under it.
type happened struct {
	Story []Happening  `json:"story"`
	Cloud []cloudEvent `json:"cloud"`
}

// tell sends what of the story the page does not have, and returns how far it
// has come.
func (s *stream) tell(out *writer, told int) int {
	for _, h := range s.Stage.Happened() {
		if h.Seq > told {
			told = h.Seq
			out.send("happening", h)
		}
	}
	return told
}
