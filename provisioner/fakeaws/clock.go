package fakeaws

import (
	"net/http"
	"time"
)

// signatureLife is how long after its date a signed request is good, "in most
// cases" (IAM guide, "Signature Version 4": must reach AWS within five minutes).
const signatureLife = 5 * time.Minute

// SetClockSkew makes the Cloud's clock differ from the machine's, which shows
// in the Date of every answer and in which signatures are still good. An SDK
// corrects its own clock by the Date of the first answer that refuses it.
func (c *Cloud) SetClockSkew(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opts.ClockSkew = d
}

func (c *Cloud) date() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.opts.ClockSkew).UTC().Format(http.TimeFormat)
}

// signedInTime refuses what was signed too long ago, or in the future: what a
// process sends that was paused for long has no effect any more.
func (c *Cloud) signedInTime(s scope, now time.Time) *apiError {
	if s.signed.IsZero() {
		return nil
	}
	if age := now.Add(c.opts.ClockSkew).Sub(s.signed); -signatureLife <= age && age <= signatureLife {
		return nil
	}
	e := &apiError{status: http.StatusForbidden, code: "SignatureDoesNotMatch", message: "Signature expired: " +
		s.signed.Format("20060102T150405Z") + " is now earlier than " + now.Add(c.opts.ClockSkew-signatureLife).UTC().Format("20060102T150405Z")}
	switch s.service {
	case "ec2":
		e = &apiError{status: http.StatusBadRequest, code: "RequestExpired", message: "Request has expired."}
	case "scheduler":
		e.code = "InvalidSignatureException"
	}
	return e
}

// parseSigned reads the date a request was signed with.
func parseSigned(req *http.Request) time.Time {
	t, err := time.Parse("20060102T150405Z", req.Header.Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}
