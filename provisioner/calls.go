package provisioner

import (
	"context"
	"strconv"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// countCalls reports each attempt: it sits inside the SDK's retry loop.
func countCalls(onCall func(service, operation, code string)) []func(*middleware.Stack) error {
	if onCall == nil {
		return nil
	}
	count := middleware.FinalizeMiddlewareFunc("sshforward:CountCalls", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleFinalize(ctx, in)
		code := ""
		if err != nil {
			code = outcome(err)
		}
		onCall(iamName(awsmiddleware.GetServiceID(ctx)), awsmiddleware.GetOperationName(ctx), code)
		return out, meta, err
	})
	return []func(*middleware.Stack) error{func(s *middleware.Stack) error {
		return s.Finalize.Insert(count, "Retry", middleware.After)
	}}
}

// outcome is AWS's code, or else the HTTP status, or else "unreachable".
func outcome(err error) string {
	if code := codeOf(err); code != "" {
		return code
	}
	if status := statusOf(err); status >= 400 {
		return strconv.Itoa(status)
	}
	return "unreachable"
}
