package sshforward

import "sync"

// held are leases whose end waits for a look at AWS, see [Keeper.Begin].
type held struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (h *held) add(ids ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = make(map[string]bool)
	}
	for _, id := range ids {
		h.ids[id] = true
	}
}

func (h *held) release(ids ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		delete(h.ids, id)
	}
}

// back reports whether an action on a lease has to wait: it would end it for its
// time alone.
func (h *held) back(id string, kind ActionKind) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ids[id] && h.holds(kind)
}

// holds reports whether such an action waits at all.
func (h *held) holds(kind ActionKind) bool { return kind == ActionExpire || kind == ActionGiveUp }
