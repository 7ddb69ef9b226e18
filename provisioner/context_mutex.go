package provisioner

import "context"

// contextMutex is a mutex that one can stop waiting for.
type contextMutex struct {
	held chan struct{} // of capacity one
}

func newContextMutex() contextMutex { return contextMutex{held: make(chan struct{}, 1)} }

// lock returns the context's error if that ends first.
func (m contextMutex) lock(ctx context.Context) error {
	select {
	case m.held <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m contextMutex) unlock() { <-m.held }
