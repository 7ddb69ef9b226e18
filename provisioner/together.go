package provisioner

import (
	"slices"
	"sync"

	"github.com/sshforward/sshforward/internal/safe"
)

// together runs the tasks concurrently and waits for all of them.
func together(tasks ...func() error) error {
	errs := make([]error, len(tasks))
	var wg sync.WaitGroup
	for i, task := range tasks {
		wg.Go(func() {
			defer safe.Recover(&errs[i])
			errs[i] = task()
		})
	}
	wg.Wait()
	return finalFirst(slices.DeleteFunc(errs, func(err error) bool { return err == nil }))
}

// inChunks cuts what is asked for into calls of bounded size and makes them
// concurrently; none if there is nothing to ask for.
func inChunks[T any](ids []string, size int, call func([]string) ([]T, error)) ([]T, error) {
	var (
		mu    sync.Mutex
		out   []T
		tasks []func() error
	)
	for chunk := range slices.Chunk(ids, size) {
		tasks = append(tasks, func() error {
			some, err := call(chunk)
			mu.Lock()
			defer mu.Unlock()
			out = append(out, some...)
			return err
		})
	}
	if err := together(tasks...); err != nil {
		return nil, err
	}
	return out, nil
}
