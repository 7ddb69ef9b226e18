package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/sshforward/sshforward"
)

var (
	// ErrClosed: the store was used after Close.
	ErrClosed = errors.New("lease store is closed")

	// ErrNoTable: there is no table of that name.
	ErrNoTable = errors.New("there is no such table")

	// ErrSchema: there is a table of that name, and it is none of ours.
	ErrSchema = errors.New("the table is not one of sshforward's")

	// ErrLoading: pieces of another store were being loaded into the table, and not
	// all of them are in it. [Store.Load] goes on with that; see [Options].
	ErrLoading = errors.New("the table was being filled from a backup, which did not come to its end")

	errDamaged = errors.New("an item of the table cannot be read")

	// errUnknown: a write was tried more than once, and so much has happened since
	// that nobody can tell whether one of the tries was done.
	errUnknown = errors.New("whether it was written cannot be told")
)

// isCondition reports whether a write was refused since its condition was not met.
func isCondition(err error) bool {
	_, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	return ok
}

func codeOf(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

func statusOf(err error) int {
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return e.HTTPStatusCode()
	}
	return 0
}

// outcome is AWS's code, or else the HTTP status, or else "unreachable".
func outcome(err error) string {
	if code := codeOf(err); code != "" {
		return code
	}
	if status := statusOf(err); status >= http.StatusBadRequest {
		return strconv.Itoa(status)
	}
	return "unreachable"
}

// mayBeDone reports whether a write that failed so may have been done all the
// same: no answer came, or one of the 500s. What DynamoDB refuses with a 400,
// throttling among it, it has not done
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html).
func mayBeDone(err error) bool {
	status := statusOf(err)
	return status < http.StatusBadRequest || status >= http.StatusInternalServerError
}

// failed gives an error its code and its sentence. Errors that have them already
// pass unchanged. Whatever DynamoDB refuses may be mended there, so trying again
// may help and nothing is final.
func failed(doing string, err error) error {
	if _, ok := errors.AsType[*sshforward.Error](err); ok {
		return err
	}
	e := &sshforward.Error{
		Code:    sshforward.EUNAVAILABLE,
		Message: sshforward.Textf("I could not reach my records just now; please try again, and tell the operator if it stays so."),
		Err:     fmt.Errorf("%s: %w", doing, err),
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Message = sshforward.Textf("That took too long; please look first whether it was done, and then try again.")
	case errors.Is(err, errDamaged):
		e.Code = sshforward.EINTERNAL
		e.Message = sshforward.Textf("My records are damaged; the operator finds the cause in my log.")
	case errors.Is(err, ErrClosed):
		e.Message = sshforward.Textf("I am shutting down; please try again in a moment.")
	}
	return e
}

func noLease(id string) error {
	return &sshforward.Error{Code: sshforward.ENOTFOUND, Message: sshforward.Textf("There is no lease %s.", id)}
}
