// Package safe keeps a panic in one goroutine from ending the process: it becomes
// an error of the task that the goroutine was for. A recover higher up does not
// help, since a panic ends the process in whichever goroutine it happens.
//
// Every goroutine that is started outside tests and stand-ins begins with one of
// these, deferred; a test in internal/layers finds those that do not.
package safe

import (
	"fmt"
	"runtime/debug"
)

// Panic is a panic as an error.
type Panic struct {
	Value any
	Stack []byte
}

// Error returns the value and the stack: it is for the log alone.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v\n%s", p.Value, p.Stack) }

// Recover, deferred, makes a panic the error of what panicked.
func Recover(err *error) {
	if p := recover(); p != nil {
		*err = &Panic{p, debug.Stack()}
	}
}

// Catch, deferred, hands a panic to whoever can do something about it.
func Catch(caught func(error)) {
	if p := recover(); p != nil {
		caught(&Panic{p, debug.Stack()})
	}
}

// Do does something and returns its error, or its panic as one.
func Do(do func() error) (err error) {
	defer Recover(&err)
	return do()
}

// Value is Do for what has a result.
func Value[T any](do func() (T, error)) (v T, err error) {
	defer Recover(&err)
	return do()
}
