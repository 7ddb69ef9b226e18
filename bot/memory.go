package bot

import "sync"

// memory remembers the latest values by key, at most a number of them, until
// the process ends: nothing that matters may be in it alone.
type memory[V any] struct {
	most int

	mu    sync.Mutex
	byKey map[string]V
	order []string // oldest first
}

func remember[V any](most int) *memory[V] { return &memory[V]{most: most, byKey: map[string]V{}} }

// put returns what was there before.
func (m *memory[V]) put(key string, v V) (old V, had bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, had = m.byKey[key]; !had {
		if len(m.order) >= m.most {
			delete(m.byKey, m.order[0])
			m.order = m.order[1:]
		}
		m.order = append(m.order, key)
	}
	m.byKey[key] = v
	return old, had
}

func (m *memory[V]) get(key string) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.byKey[key]
	return v, ok
}
