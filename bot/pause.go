package bot

import (
	"context"
	"time"

	"github.com/sshforward/sshforward"
)

// maxPause is the longest pause between two attempts. slack-go goes up to five
// minutes, in which nobody is answered.
const maxPause = 30 * time.Second

// pause is how long to wait after so many failures in a row: a quarter of what
// the domain waits, 250 ms at first, since a person waits for what comes of it.
func pause(attempts int) time.Duration {
	return min(sshforward.Backoff(attempts, 0)/4, maxPause)
}

// sleep reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
