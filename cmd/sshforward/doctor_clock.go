package main

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward/internal/safe"
	"github.com/sshforward/sshforward/provisioner"
)

// clockMayBeOff is how far this machine's clock may be from theirs. Leases end by
// it, and by AWS's at the dead-man switch; AWS refuses calls at five minutes.
const clockMayBeOff = 5 * time.Second

// lookAtClock compares this machine's clock with another. A Date has whole seconds.
func lookAtClock(a *about, whose string, off time.Duration) {
	off = off.Round(time.Second)
	switch {
	case off.Abs() <= clockMayBeOff:
		a.ok("the clock here and that of %s differ by %s at most", whose, off.Abs()+time.Second)
	case off > 0:
		a.mend("the clock here is %s behind that of %s; leases end by it: set it, and keep it with NTP", off, whose)
	default:
		a.mend("the clock here is %s ahead of that of %s; leases end by it: set it, and keep it with NTP", -off, whose)
	}
}

// slackClockOff is by how much Slack's clock is ahead. Slack answers anybody.
func slackClockOff(ctx context.Context, con console) (off time.Duration, err error) {
	defer safe.Recover(&err)
	api := cmp.Or(con.env("SLACK_API_URL"), slack.APIURL)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(api, "/")+"/api.test", nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	response.Body.Close()
	theirs, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return 0, err
	}
	middle := began.Add(time.Since(began) / 2)
	return theirs.Add(time.Second / 2).Sub(middle), nil
}

// lookAtAWSClock compares the clock with that of an account's region.
func lookAtAWSClock(ctx context.Context, a *about, aws *provisioner.Provisioner, account string) {
	off, err := aws.ClockOff(ctx, account)
	if err != nil {
		a.mend("%s", oneLine(err))
		return
	}
	lookAtClock(a, "AWS", off)
}
