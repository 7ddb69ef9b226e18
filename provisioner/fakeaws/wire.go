package fakeaws

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"

	"github.com/sshforward/sshforward/internal/standin"
)

// apiError is an error of AWS's: a code, which is what callers go by, a
// message and an HTTP status.
type apiError struct {
	status        int
	code, message string
}

func errorf(code, format string, args ...any) *apiError {
	return &apiError{code: code, message: fmt.Sprintf(format, args...)}
}

// withStatus fills in the status AWS uses with a code.
func (e *apiError) withStatus() *apiError {
	if e.status != 0 {
		return e
	}
	switch e.code {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthFailure":
		e.status = http.StatusForbidden
	case "RequestLimitExceeded", "ServiceUnavailable", "Unavailable":
		e.status = http.StatusServiceUnavailable
	case "InternalError", "InternalFailure", "InternalServerException":
		e.status = http.StatusInternalServerError
	case "ConflictException":
		e.status = http.StatusConflict
	case "ResourceNotFoundException":
		e.status = http.StatusNotFound
	case "ThrottlingException":
		e.status = http.StatusTooManyRequests
	default:
		e.status = http.StatusBadRequest
	}
	return e
}

func throttled(service string) *apiError {
	e := &apiError{code: "Throttling", message: "Rate exceeded"}
	switch service {
	case "ec2":
		e = &apiError{code: "RequestLimitExceeded", message: "Request limit exceeded."}
	case "scheduler":
		e.code = "ThrottlingException"
	}
	return e.withStatus()
}

// namespaces of the answers. The SDK does not look at them; others may.
var namespaces = map[string]string{
	"ec2":                  "http://ec2.amazonaws.com/doc/2016-11-15/",
	"elasticloadbalancing": "http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/",
	"iam":                  "https://iam.amazonaws.com/doc/2010-05-08/",
	"sts":                  "https://sts.amazonaws.com/doc/2011-06-15/",
}

type ec2Response struct {
	XMLName   xml.Name
	Namespace string `xml:"xmlns,attr"`
	RequestID string `xml:"requestId"`
	Fields    string `xml:",innerxml"`
}

type queryResponse struct {
	XMLName   xml.Name
	Namespace string `xml:"xmlns,attr"`
	Result    queryResult
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type queryResult struct {
	XMLName xml.Name
	Fields  string `xml:",innerxml"`
}

type ec2ErrorResponse struct {
	XMLName   xml.Name `xml:"Response"`
	Code      string   `xml:"Errors>Error>Code"`
	Message   string   `xml:"Errors>Error>Message"`
	RequestID string   `xml:"RequestID"`
}

type queryErrorResponse struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr,omitempty"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

func (c Call) requestID() string {
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", c.Seq)
}

func encodeResult(call Call, result any) standin.Answer {
	if call.Service == "scheduler" {
		return jsonAnswer(http.StatusOK, call, result)
	}
	var doc any
	name := xml.Name{Local: call.Operation + "Response"}
	if call.Service == "ec2" {
		doc = ec2Response{
			XMLName: name, Namespace: namespaces["ec2"],
			RequestID: call.requestID(), Fields: innerXML(result),
		}
	} else {
		doc = queryResponse{
			XMLName: name, Namespace: namespaces[call.Service], RequestID: call.requestID(),
			Result: queryResult{XMLName: xml.Name{Local: call.Operation + "Result"}, Fields: innerXML(result)},
		}
	}
	return xmlAnswer(http.StatusOK, call, doc)
}

func encodeError(call Call, e *apiError) standin.Answer {
	switch call.Service {
	case "scheduler":
		a := jsonAnswer(e.status, call, map[string]string{"Message": e.message})
		a.Header.Set("X-Amzn-Errortype", e.code)
		return a
	case "ec2":
		return xmlAnswer(e.status, call, ec2ErrorResponse{Code: e.code, Message: e.message, RequestID: call.requestID()})
	default:
		kind := "Sender"
		if e.status >= 500 {
			kind = "Receiver"
		}
		return xmlAnswer(e.status, call, queryErrorResponse{
			Namespace: namespaces[call.Service], Type: kind,
			Code: e.code, Message: e.message, RequestID: call.requestID(),
		})
	}
}

// innerXML is a result without the element around it, because the protocols
// differ in what that is. Results are structs of this package, so that failing
// to marshal one is a mistake in it.
func innerXML(result any) string {
	if result == nil {
		return ""
	}
	var buf bytes.Buffer
	enc := xml.NewEncoder(&buf)
	if err := enc.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: "r"}}); err != nil {
		panic(fmt.Sprintf("fakeaws: %T: %v", result, err))
	}
	return strings.TrimSuffix(strings.TrimPrefix(buf.String(), "<r>"), "</r>")
}

func xmlAnswer(status int, call Call, doc any) standin.Answer {
	body, err := xml.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("fakeaws: %T: %v", doc, err))
	}
	return standin.Answer{
		Status: status, Body: append([]byte(xml.Header), body...),
		Header: http.Header{
			"Content-Type":     {"text/xml;charset=UTF-8"},
			"X-Amzn-Requestid": {call.requestID()},
		},
	}
}

func jsonAnswer(status int, call Call, doc any) standin.Answer {
	body, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("fakeaws: %T: %v", doc, err))
	}
	return standin.Answer{
		Status: status, Body: body,
		Header: http.Header{
			"Content-Type":     {"application/json"},
			"X-Amzn-Requestid": {call.requestID()},
		},
	}
}
