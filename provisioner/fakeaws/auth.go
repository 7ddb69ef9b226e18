package fakeaws

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// scope is what the SigV4 credential of a request says. The signature itself
// is not checked: everything here is public.
type scope struct {
	key, region, service, token string
	signed                      time.Time // by X-Amz-Date
}

var credentialRE = regexp.MustCompile(`Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request`)

func parseScope(req *http.Request) scope {
	m := credentialRE.FindStringSubmatch(req.Header.Get("Authorization"))
	if m == nil {
		return scope{}
	}
	return scope{key: m[1], region: m[2], service: m[3], token: req.Header.Get("X-Amz-Security-Token"), signed: parseSigned(req)}
}

type identity struct{ account, arn, userID string }

// session is what an AssumeRole gave out.
type session struct {
	identity
	token   string
	expires time.Time
}

// AddAccessKey makes an access key belong to an account. Keys that nothing is
// known about belong to Options.Account.
func (c *Cloud) AddAccessKey(key, account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys[key] = account
}

func (c *Cloud) accountOf(s scope) string {
	if sess, ok := c.sessions[s.key]; ok {
		return sess.account
	}
	if account, ok := c.keys[s.key]; ok {
		return account
	}
	return c.opts.Account
}

func (c *Cloud) authenticate(s scope, now time.Time) (identity, *apiError) {
	if s.key == "" {
		return identity{}, &apiError{status: http.StatusForbidden, code: "MissingAuthenticationToken",
			message: "Request is missing Authentication Token"}
	}
	if e := c.signedInTime(s, now); e != nil {
		return identity{}, e
	}
	sess, ok := c.sessions[s.key]
	switch {
	case ok && sess.token != s.token, !ok && strings.HasPrefix(s.key, "ASIA") && c.keys[s.key] == "":
		code := "InvalidClientTokenId"
		if s.service == "ec2" {
			code = "AuthFailure"
		}
		return identity{}, &apiError{status: http.StatusForbidden, code: code,
			message: "The security token included in the request is invalid"}
	case ok && !now.Before(sess.expires):
		code := "ExpiredToken"
		if s.service == "ec2" {
			code = "RequestExpired"
		}
		return identity{}, &apiError{status: http.StatusForbidden, code: code,
			message: "The security token included in the request is expired"}
	case ok:
		return sess.identity, nil
	}
	account := c.accountOf(s)
	return identity{account: account, arn: "arn:aws:iam::" + account + ":user/fakeaws", userID: "AIDA" + account}, nil
}

// Deny makes IAM refuse operations from now on: "ec2:CreateSecurityGroup",
// "elasticloadbalancing:Describe*". EC2 answers UnauthorizedOperation, the
// others AccessDenied.
func (c *Cloud) Deny(operations ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denied = append(c.denied, operations...)
}

// Allow takes patterns back that were denied.
func (c *Cloud) Allow(operations ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denied = slices.DeleteFunc(c.denied, func(d string) bool { return slices.Contains(operations, d) })
}

func (c *Cloud) allowed(call Call) bool {
	// GetCallerIdentity needs no permission, even where a policy denies it.
	if call.String() == "sts:GetCallerIdentity" {
		return true
	}
	return !slices.ContainsFunc(c.denied, func(pattern string) bool {
		ok, err := path.Match(pattern, call.String())
		return err == nil && ok
	})
}

func unauthorized(call Call, who identity) *apiError {
	e := &apiError{
		status: http.StatusForbidden, code: "AccessDenied",
		message: "User: " + who.arn + " is not authorized to perform: " + call.String() +
			" because no identity-based policy allows the " + call.String() + " action",
	}
	switch call.Service {
	case "ec2":
		e.code = "UnauthorizedOperation"
		e.message = "You are not authorized to perform this operation. " + e.message
	case "scheduler":
		e.code = "AccessDeniedException"
	}
	return e
}
