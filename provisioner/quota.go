package provisioner

import (
	"sync"
	"time"
)

// quota remembers what was last read of an account's quota of load balancers, so
// that nothing is asked while there is plenty of room. Surveys count what there is
// as they go.
type quota struct {
	mu               sync.Mutex
	limit, count     int
	limitAt, countAt time.Time
}

// How long what was read is believed, and how much room is plenty.
const (
	limitLasts = time.Hour
	countLasts = 10 * time.Minute
	plentyRoom = 5
)

func (q *quota) allowed(limit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.limit, q.limitAt = limit, time.Now()
}

func (q *quota) used(count int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count, q.countAt = count, time.Now()
}

// oneMore counts what was made since.
func (q *quota) oneMore() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count++
}

// plenty reports both, if there was plenty of room a short while ago.
func (q *quota) plenty() (limit, used int, known bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	known = time.Since(q.limitAt) < limitLasts && time.Since(q.countAt) < countLasts && q.limit-q.count >= plentyRoom
	return q.limit, q.count, known
}
