package fakeslack

import "time"

// Usage is how often a method was called, from the first call on, whatever
// Options.History keeps.
type Usage struct {
	Calls   int // that came in, refused and faulted ones included
	Limited int // of them, answered 429 for coming too fast
	Peak    int // the most that came in within any Options.RateWindow
}

// meter is what is known about the calls of one method.
type meter struct {
	Usage
	came   []time.Time // within the last window
	passed []time.Time // of them, those that were let through
}

// Usage counts the calls of a method, or of one of the Method constants. Peak
// tells how fast the bot went, also where no rate was enforced.
func (w *Workspace) Usage(method string) Usage {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.meter(method).Usage
}

// meter needs mu.
func (w *Workspace) meter(method string) *meter {
	m := w.meters[method]
	if m == nil {
		m = &meter{}
		w.meters[method] = m
	}
	return m
}

// count notes a call that came in. Needs mu.
func (w *Workspace) count(method string, now time.Time) {
	m := w.meter(method)
	m.Calls++
	m.came = append(since(m.came, now.Add(-w.opt.RateWindow)), now)
	m.Peak = max(m.Peak, len(m.came))
}

// checkTier enforces a method's tier if Options.Rates is on. A call that is
// refused does not count against the ones that follow. Needs mu.
func (w *Workspace) checkTier(name string, m method) *apiError {
	if !w.opt.Rates || m.tier == 0 {
		return nil
	}
	now, x := time.Now(), w.meter(name)
	x.passed = since(x.passed, now.Add(-w.opt.RateWindow))
	if len(x.passed) >= m.tier {
		x.Limited++
		return &apiError{code: "ratelimited", wait: x.passed[0].Add(w.opt.RateWindow).Sub(now)}
	}
	x.passed = append(x.passed, now)
	return nil
}

// since drops the times before a moment; they are in order.
func since(times []time.Time, from time.Time) []time.Time {
	i := 0
	for i < len(times) && times[i].Before(from) {
		i++
	}
	return times[i:]
}

// checkPost lets one message per Options.PostInterval into a channel, and
// Options.PostBurst at once after a rest. Needs mu.
func (w *Workspace) checkPost(channel string) *apiError {
	if w.opt.PostInterval == 0 {
		return nil
	}
	now := time.Now()
	due := w.postDue[channel] // when the channel has rested
	if due.Before(now) {
		due = now
	}
	if wait := due.Sub(now) - time.Duration(w.opt.PostBurst-1)*w.opt.PostInterval; wait > 0 {
		w.meter("chat.postMessage").Limited++
		return &apiError{code: "ratelimited", wait: wait}
	}
	w.postDue[channel] = due.Add(w.opt.PostInterval)
	return nil
}
