package provisioner_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/provisioner"
)

// What the SDK says of a connection that was cut while it read goes to the log,
// and not past it to standard error, where break glass promises one line.
func TestWhatTheSDKSaysIsInTheLog(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	var log bytes.Buffer
	p, err := provisioner.New(t.Context(), provisioner.Options{
		Deployment: deployment, Accounts: []provisioner.Account{{Name: "main", Region: "eu-west-1"}},
		HTTPClient: &http.Client{Transport: cutAnswers{}},
		Logger:     slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Survey(t.Context(), "main", nil); err == nil {
		t.Error("an answer that was cut is no error")
	}
	if !strings.Contains(log.String(), `level=DEBUG msg="the AWS SDK says" class=WARN text="failed to discard`) {
		t.Errorf("the log has\n%s", log.String())
	}
}

// cutAnswers refuses everything, and is cut behind the last byte that counts.
type cutAnswers struct{}

func (cutAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	const refusal = `<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>`
	body := io.MultiReader(strings.NewReader(refusal), cut{})
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: io.NopCloser(body), Request: r}, nil
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }
