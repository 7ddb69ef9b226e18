package fakedynamo

import (
	"fmt"
	"net/http"
	"strings"
)

// apiError is an error as DynamoDB answers it.
type apiError struct {
	code    string
	message string
	status  int  // 400 if zero
	item    item // with ReturnValuesOnConditionCheckFailure
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func invalid(format string, args ...any) *apiError {
	return &apiError{code: "ValidationException", message: fmt.Sprintf(format, args...)}
}

func noTable(name string) *apiError {
	return &apiError{code: "ResourceNotFoundException", message: "Requested resource not found: Table: " + name + " not found"}
}

// noResource is how a call for items says that there is no such table.
func noResource() *apiError {
	return &apiError{code: "ResourceNotFoundException", message: "Requested resource not found"}
}

// namespaces of what is not DynamoDB's own but its front's.
var namespaces = map[string]string{
	"ValidationException": "com.amazon.coral.validate", "ThrottlingException": "com.amazon.coral.availability",
	"SerializationException": "com.amazon.coral.service", "UnknownOperationException": "com.amazon.coral.service",
	"AccessDeniedException": "com.amazon.coral.service", "UnrecognizedClientException": "com.amazon.coral.service",
	"InvalidSignatureException": "com.amazon.coral.service", "MissingAuthenticationTokenException": "com.amazon.coral.service",
}

// body is what goes over the wire.
func (e *apiError) body() map[string]any {
	space, ok := namespaces[e.code]
	if !ok {
		space = "com.amazonaws.dynamodb.v20120810"
	}
	body := map[string]any{"__type": space + "#" + e.code, "message": e.message}
	if e.item != nil {
		body["Item"] = e.item
	}
	return body
}

func (e *apiError) httpStatus() int {
	switch {
	case e.status != 0:
		return e.status
	case strings.HasPrefix(e.code, "InternalServer"):
		return http.StatusInternalServerError
	case e.code == "ServiceUnavailable":
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}
