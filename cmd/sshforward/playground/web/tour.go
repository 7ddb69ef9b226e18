package web

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Tour is what the page tells a story by: the guide, the dots on the wires, the
// terminal and the receipt. What it says has really happened; a click alone
// changes none of it.
type Tour interface {
	// Story is what has happened so far.
	Story() Story
	// Shell logs in through the forward of a lease, or of the newest that is
	// open if lease is empty, as anybody else would who comes from home.
	Shell(ctx context.Context, lease string, size Size) (Shell, error)
	// Stranger connects to a forward from an address that it was not leased to,
	// and says in a sentence what came of it.
	Stranger(ctx context.Context, lease string) (string, error)
	// Receipt is all that is known about a lease.
	Receipt(lease string) (Receipt, error)
}

// Story is what has happened since the playground was started.
type Story struct {
	Steps    []Step    `json:"steps"`
	Leases   []Lease   `json:"leases"`
	Sessions []Session `json:"sessions"`
	Refusals []Refusal `json:"refusals"`
}

// Step is one of the guide's.
type Step struct {
	ID   string    `json:"id"`
	Done time.Time `json:"done,omitzero"`
}

// Lease is how the audit record last spoke of one.
type Lease struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Owner    string    `json:"owner"`
	State    string    `json:"state"`
	Urgent   bool      `json:"urgent,omitempty"`
	Approved bool      `json:"approved,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
	Asked    time.Time `json:"asked"`
}

// Session is somebody who logged in through a forward.
type Session struct {
	ID       int       `json:"id"`
	Lease    string    `json:"lease"`
	Instance string    `json:"instance"`
	From     string    `json:"from"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended,omitzero"`
	Cut      bool      `json:"cut,omitempty"` // by the load balancer
}

// Refusal is somebody whom a forward's security group did not let in.
type Refusal struct {
	ID    int       `json:"id"`
	Lease string    `json:"lease"`
	From  string    `json:"from"`
	At    time.Time `json:"at"`
}

// Receipt is what the audit record says of a lease, oldest first, and who came
// through its forward.
type Receipt struct {
	Lease    string            `json:"lease"`
	Events   []json.RawMessage `json:"events"`
	Sessions []Session         `json:"sessions"`
	Refusals []Refusal         `json:"refusals"`
}

// actionsOfTour adds what the guide's buttons post.
func actionsOfTour(add func(string, func(context.Context, act) (any, error)), t Tour) {
	if t == nil {
		return
	}
	add("stranger", func(ctx context.Context, a act) (any, error) {
		says, err := t.Stranger(ctx, a.Target)
		return map[string]string{"says": says}, err
	})
	add("receipt", func(_ context.Context, a act) (any, error) {
		r, err := t.Receipt(a.Target)
		if err == nil && len(r.Events) == 0 {
			err = errors.New("the audit record does not know this lease")
		}
		return r, err
	})
}

// story is sent to pages; without a tour there is none.
func (s *stream) story() any {
	if s.Tour == nil {
		return nil
	}
	return s.Tour.Story()
}
