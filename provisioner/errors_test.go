package provisioner_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func TestErrorCodes(t *testing.T) {
	for _, test := range []struct {
		code     string
		status   int
		want     string
		says     string
		attempts int
	}{
		{code: "Throttling", want: sshforward.EUNAVAILABLE, says: "too many calls", attempts: 3},
		{code: "RequestLimitExceeded", status: 503, want: sshforward.EUNAVAILABLE, says: "too many calls", attempts: 3},
		{code: "DependencyThrottle", want: sshforward.EUNAVAILABLE, says: "too many calls", attempts: 3},
		{code: "HttpFailureException", want: sshforward.EUNAVAILABLE, says: "just now", attempts: 3},
		{code: "InternalError", status: 500, want: sshforward.EUNAVAILABLE, says: "just now", attempts: 3},
		{code: "UnauthorizedOperation", status: 403, want: sshforward.EFORBIDDEN, says: "ec2:CreateSecurityGroup", attempts: 1},
		{code: "AccessDenied", status: 403, want: sshforward.EFORBIDDEN, says: "ec2:CreateSecurityGroup", attempts: 1},
		{code: "AuthFailure", status: 401, want: sshforward.EFORBIDDEN, says: "credentials", attempts: 1},
		{code: "SecurityGroupLimitExceeded", want: sshforward.EQUOTA, says: "because", attempts: 1},
		{code: "InvalidVpcID.NotFound", want: sshforward.EINVALID, says: "because", attempts: 1},
		{code: "TagPolicyViolation", want: sshforward.EINVALID, says: "because", attempts: 1},
		{code: "NeverHeardOf", want: sshforward.EINTERNAL, says: "because", attempts: 1},
	} {
		inFakeNamed(t, test.code, worldOptions{}, func(w *world) {
			l := w.lease("web-1")
			w.upTo(l, sshforward.StageGroup)
			w.cloud.SetFault(func(fakeaws.Call) fakeaws.Fault {
				return fakeaws.Fault{Code: test.code, Status: test.status, Message: "because."}
			})
			w.calls.take()
			start := time.Now()
			err := w.do(l)
			w.wantCode(err, test.want)
			m := sshforward.ErrorMessage(err).String()
			if !strings.Contains(m, test.says) || !strings.HasSuffix(m, ".") || strings.HasSuffix(m, "..") {
				w.Errorf("message %q, want %q in it", m, test.says)
			}
			if !strings.Contains(err.Error(), "main") || !strings.Contains(err.Error(), test.code) {
				w.Errorf("log line %q lacks account or code", err)
			}
			calls := w.calls.take()
			if len(calls) != test.attempts || calls[0] != "ec2:CreateSecurityGroup "+test.code {
				w.Errorf("calls %q, want %d", calls, test.attempts)
			}
			if took := time.Since(start); took > 5*time.Second {
				w.Errorf("held a worker for %v", took)
			}
		})
	}
}

func TestNoConnection(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageGroup)
		w.wire.set(func(string) trouble { return trouble{unsent: true} })
		w.calls.take()
		err := w.do(l)
		w.wantCode(err, sshforward.EUNAVAILABLE)
		if !errors.Is(err, errCut) {
			w.Errorf("the cause is lost: %v", err)
		}
		if calls := w.calls.take(); len(calls) != 3 || calls[0] != "ec2:CreateSecurityGroup unreachable" {
			w.Errorf("calls %q", calls)
		}

		ctx, cancel := context.WithCancel(w.ctx)
		cancel()
		_, err = w.p.Open(ctx, l)
		w.wantCode(err, sshforward.EUNAVAILABLE)
		if !errors.Is(err, context.Canceled) {
			w.Errorf("shutting down: %v", err)
		}
		_, err = w.p.Preflight(ctx, l.Instance, l.Sources)
		if !errors.Is(err, context.Canceled) {
			w.Errorf("shutting down: %v", err)
		}
	})
}

// An account that is throttled does not slow another.
func TestThrottledAccount(t *testing.T) {
	inFake(t, twoAccounts(), func(w *world) {
		w.cloud.RequireExternalID(w.opts.accounts[1].RoleARN, "secret-handshake")
		far := w.cloud.Region(otherAccount, w.region)
		far.SetTags(far.FieldNote().Web, map[string]string{"Name": "far"})
		before := w.foreign()
		near, other := w.lease("web-1"), w.lease("far")
		w.cloud.SetFault(func(c fakeaws.Call) fakeaws.Fault {
			if c.Account == otherAccount {
				return fakeaws.Throttled(c.Service)
			}
			return fakeaws.Fault{}
		})
		for range 50 {
			enter(other, sshforward.StageGroup)
			w.wantCode(w.do(other), sshforward.EUNAVAILABLE)
		}
		start := time.Now()
		w.open(near)
		if took := time.Since(start); took > time.Second { // after which its health is asked for
			w.Errorf("opening took %v", took)
		}
		// Nor does it remember: each call may be retried as ever.
		seen := map[string]bool{}
		w.wire.set(func(op string) trouble {
			w.wire.mu.Lock()
			defer w.wire.mu.Unlock()
			first := !seen[op]
			seen[op] = true
			return trouble{unsent: first}
		})
		w.cloud.SetFault(nil)
		w.open(other)
		w.wire.set(nil)
		w.close(near)
		w.close(other)
		w.clean(before)
	})
}

func TestOptions(t *testing.T) {
	good := provisioner.Account{Name: "main", Region: "eu-west-1"}
	for name, o := range map[string]provisioner.Options{
		"no deployment": {Accounts: []provisioner.Account{good}},
		"no account":    {Deployment: "d"},
		"no region":     {Deployment: "d", Accounts: []provisioner.Account{{Name: "main"}}},
	} {
		if _, err := provisioner.New(t.Context(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	t.Setenv("AWS_REGION", "eu-west-1")
	o := provisioner.Options{Deployment: "d", Accounts: []provisioner.Account{{Name: "main"}}}
	if _, err := provisioner.New(t.Context(), o); err != nil {
		t.Error(err)
	}
}

// Without credentials it is said so, and not that AWS cannot be reached.
func TestNoCredentials(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ROLE_ARN"} {
		t.Setenv(name, "")
	}
	imds := httptest.NewServer(http.NotFoundHandler()) // a machine without a role
	t.Cleanup(imds.Close)
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.URL)
	p, err := provisioner.New(t.Context(), provisioner.Options{
		Deployment: "prod", Accounts: []provisioner.Account{{Name: "main", Region: "ap-northeast-1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Identity(t.Context(), "main")
	if said := sshforward.ErrorMessage(err).String(); !strings.Contains(said, "I have no AWS credentials") {
		t.Errorf("it says %q, %v", said, err)
	}
}
