package standin

import "slices"

// keepCalls bounds the memory of a stand-in that runs for days.
const keepCalls = 100_000

// Calls are the calls so far, oldest first; beyond a hundred thousand the oldest
// are forgotten. It has no lock: that of its stand-in is held.
type Calls[C any] struct{ list []C }

// Add records a call.
func (l *Calls[C]) Add(c C) {
	if len(l.list) >= keepCalls {
		l.list = slices.Clone(l.list[keepCalls/2:])
	}
	l.list = append(l.list, c)
}

// All returns a copy of the list.
func (l *Calls[C]) All() []C { return slices.Clone(l.list) }

// Forget empties the list.
func (l *Calls[C]) Forget() { l.list = nil }

// Last returns the newest call of which something is true, to be completed; nil
// if there is none.
func (l *Calls[C]) Last(is func(*C) bool) *C {
	for i := len(l.list) - 1; i >= 0; i-- {
		if is(&l.list[i]) {
			return &l.list[i]
		}
	}
	return nil
}
