package bolt

import (
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"

	"github.com/sshforward/sshforward"
)

var (
	// ErrDamaged: the file, or a part of it, cannot be read as a lease store.
	// When [Open] returns it, nothing has been changed and nothing holds the
	// file: it can be moved aside and Open called again for an empty store.
	ErrDamaged = errors.New("lease store is damaged")

	// ErrClosed: the store was used after Close.
	ErrClosed = errors.New("lease store is closed")
)

// guard runs fn and turns a panic into an ErrDamaged. bbolt checks little of
// what it reads: on a spoiled page it panics, or follows an offset to an
// address that is not there, which without SetPanicOnFault would end the
// process (https://pkg.go.dev/runtime/debug#SetPanicOnFault).
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v", ErrDamaged, p)
		}
	}()
	return fn()
}

// failed gives an error of the running store its code and its sentence. Errors
// that have them already pass unchanged.
func failed(doing string, err error) error {
	if _, ok := errors.AsType[*sshforward.Error](err); ok && !errors.Is(err, ErrLost) {
		return err
	}
	e := &sshforward.Error{
		Code:    sshforward.EUNAVAILABLE,
		Message: sshforward.Textf("I could not reach my records just now; please try again, and tell the operator if it stays so."),
		Err:     fmt.Errorf("%s: %w", doing, err),
	}
	switch {
	case errors.Is(err, ErrLost):
		e.Message = sshforward.Textf("I have lost my records and start again with what is in AWS. " +
			"Please try again in a minute; what is open ends on time.")
	case errors.Is(err, ErrDamaged), errors.Is(err, errSpoiled):
		e.Code = sshforward.EINTERNAL
		e.Message = sshforward.Textf("My records are damaged; the operator finds the cause in my log.")
	case errors.Is(err, ErrClosed), errors.Is(err, berrors.ErrDatabaseNotOpen):
		e.Message = sshforward.Textf("I am shutting down; please try again in a moment.")
		e.Err = fmt.Errorf("%s: %w", doing, ErrClosed)
	case isAny(err, syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG):
		e.Message = sshforward.Textf("I could not save that: the disk with my records is full. The operator has to make room.")
	case isAny(err, syscall.EROFS, syscall.EACCES, syscall.EPERM):
		e.Message = sshforward.Textf("I could not save that: the disk with my records is read-only. The operator has to look at it.")
	}
	return e
}

func isAny(err error, codes ...syscall.Errno) bool {
	for _, code := range codes {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}
