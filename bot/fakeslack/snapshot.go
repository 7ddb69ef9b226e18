package fakeslack

import (
	"maps"
	"slices"
)

// Snapshot is the whole state at one moment. It does not change any more.
type Snapshot struct {
	Seq         uint64 // of the last change in it
	users       []*User
	channels    []*Channel
	groups      []*UserGroup
	messages    []*Message
	views       []*View
	homes       map[string]*View
	calls       []*Call
	deliveries  []*Delivery
	failures    []*Failure
	connections []Connection
}

// snap needs mu.
func (w *Workspace) snap() *Snapshot {
	if w.snapshot == nil {
		w.snapshot = &Snapshot{
			Seq:   w.seq,
			users: slices.Clone(w.users.list), channels: slices.Clone(w.channels.list), groups: slices.Clone(w.groups.list),
			messages: slices.Clone(w.messages), views: slices.Clone(w.views), homes: maps.Clone(w.homes),
			calls: slices.Clone(w.calls), deliveries: slices.Clone(w.deliveries), failures: slices.Clone(w.failures),
			connections: w.connections(),
		}
	}
	return w.snapshot
}

// Snapshot is the state now.
func (w *Workspace) Snapshot() *Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.snap()
}

// values copies what pointers point to, for those that pass the filter.
func values[T any](in []*T, keep func(*T) bool) []T {
	var out []T
	for _, v := range in {
		if keep == nil || keep(v) {
			out = append(out, *v)
		}
	}
	return out
}

// Users lists all users in the order they were added.
func (s *Snapshot) Users() []User { return values(s.users, nil) }

// Channels lists all channels, DMs included.
func (s *Snapshot) Channels() []Channel { return values(s.channels, nil) }

// UserGroups lists all user groups.
func (s *Snapshot) UserGroups() []UserGroup { return values(s.groups, nil) }

// Messages lists what everybody in a channel sees, oldest first, replies in
// threads included, deleted and ephemeral messages not.
func (s *Snapshot) Messages(channel string) []Message {
	return values(s.messages, func(m *Message) bool { return m.Channel == channel && !m.Ephemeral && !m.Deleted })
}

// Thread lists a message and the replies to it as everybody in the channel
// sees them, oldest first.
func (s *Snapshot) Thread(ts string) []Message {
	return values(s.messages, func(m *Message) bool { return (m.TS == ts || m.ThreadTS == ts) && !m.Ephemeral && !m.Deleted })
}

// Ephemerals lists what one person alone sees in a channel, oldest first; an
// empty channel means in all.
func (s *Snapshot) Ephemerals(user, channel string) []Message {
	return values(s.messages, func(m *Message) bool {
		return m.Ephemeral && !m.Deleted && m.To == user && (channel == "" || m.Channel == channel)
	})
}

// Message finds any message, ephemeral and deleted ones included.
func (s *Snapshot) Message(ts string) (Message, bool) {
	i, ok := slices.BinarySearchFunc(s.messages, ts, func(m *Message, ts string) int {
		switch {
		case m.TS < ts:
			return -1
		case m.TS > ts:
			return 1
		}
		return 0
	})
	if !ok {
		return Message{}, false
	}
	return *s.messages[i], true
}

// Views lists the open modals of a user, the one on top last.
func (s *Snapshot) Views(user string) []View {
	return values(s.views, func(v *View) bool { return v.Open && v.User == user })
}

// View finds any modal or home view, closed ones included.
func (s *Snapshot) View(id string) (View, bool) {
	for _, v := range s.views {
		if v.ID == id {
			return *v, true
		}
	}
	for _, v := range s.homes {
		if v.ID == id {
			return *v, true
		}
	}
	return View{}, false
}

// Home is a user's home tab, if the app has published one.
func (s *Snapshot) Home(user string) (View, bool) {
	v, ok := s.homes[user]
	if !ok {
		return View{}, false
	}
	return *v, true
}

// Calls lists what the bot asked, in order of arrival; with methods, only those.
func (s *Snapshot) Calls(methods ...string) []Call {
	return values(s.calls, func(c *Call) bool { return len(methods) == 0 || slices.Contains(methods, c.Method) })
}

// Deliveries lists the envelopes that were sent, repeats included.
func (s *Snapshot) Deliveries() []Delivery { return values(s.deliveries, nil) }

// Failures lists the errors that people were shown.
func (s *Snapshot) Failures() []Failure { return values(s.failures, nil) }

// Connections lists the Socket Mode connections that are open.
func (s *Snapshot) Connections() []Connection { return slices.Clone(s.connections) }

// Messages is Snapshot().Messages.
func (w *Workspace) Messages(channel string) []Message { return w.Snapshot().Messages(channel) }

// Ephemerals is Snapshot().Ephemerals.
func (w *Workspace) Ephemerals(user, channel string) []Message {
	return w.Snapshot().Ephemerals(user, channel)
}

// Message is Snapshot().Message.
func (w *Workspace) Message(ts string) (Message, bool) { return w.Snapshot().Message(ts) }

// Views is Snapshot().Views.
func (w *Workspace) Views(user string) []View { return w.Snapshot().Views(user) }

// View is Snapshot().View.
func (w *Workspace) View(id string) (View, bool) { return w.Snapshot().View(id) }

// Home is Snapshot().Home.
func (w *Workspace) Home(user string) (View, bool) { return w.Snapshot().Home(user) }

// Calls is Snapshot().Calls.
func (w *Workspace) Calls(methods ...string) []Call { return w.Snapshot().Calls(methods...) }

// Deliveries is Snapshot().Deliveries.
func (w *Workspace) Deliveries() []Delivery { return w.Snapshot().Deliveries() }

// Failures is Snapshot().Failures.
func (w *Workspace) Failures() []Failure { return w.Snapshot().Failures() }

// Connections is Snapshot().Connections.
func (w *Workspace) Connections() []Connection { return w.Snapshot().Connections() }
