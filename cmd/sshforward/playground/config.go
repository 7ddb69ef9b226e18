package playground

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// deployment is the name in the tags of all that the playground's bot makes.
const deployment = "playground"

// The durations that speed divides. What concerns people and the cloud (time
// to confirm, time to open) is left alone: neither gets faster.
const (
	leaseDefault = time.Hour
	leaseMin     = 10 * time.Second
	leaseMax     = 8 * time.Hour
	prodMax      = 2 * time.Hour
	urgentMax    = 30 * time.Minute
	approvalTime = 8 * time.Hour
	sweepEvery   = 5 * time.Second
)

var reminders = []time.Duration{15 * time.Minute, time.Minute, 15 * time.Second}

// scaled is d at a speed, in whole seconds and at least one, which is the
// finest that the bot's configuration knows.
func scaled(d time.Duration, speed float64) time.Duration {
	return max(time.Duration(math.Round(float64(d)/speed/float64(time.Second)))*time.Second, time.Second)
}

// config is the bot's configuration file. Store is where leases are kept, port what the cloud's load
// balancers listen on, language what a channel is spoken to in.
func config(store string, port int, speed float64, language string) string {
	span := func(d time.Duration) string { return sshforward.FormatDuration(scaled(d, speed)) }
	var remind []string
	for _, d := range reminders {
		if s := span(d); !slices.Contains(remind, s) {
			remind = append(remind, s)
		}
	}
	return fmt.Sprintf(`# Written by sshforward playground at every start.
deployment: %s
store: %s
audit: {stdout: true} # which the playground reads
slack: {channel: %s, admins: [%s], language: %s}
aws:
  - name: main
    region: ap-northeast-1
    listener_port: %d
    wait_dns: 10s
policy:
  # Loopback is where people come from in here; anywhere else it is refused.
  sources: {allow: [127.0.0.0/8], default: [127.0.0.1/32], widest: 32}
  leases_per_user: 3
  ports: [22]
  rules:
    # Somebody else's yes, for an extension too; whoever is on call may go past
    # that with the word urgent, and #ops is told.
    - name: production
      tags: {Env: prod}
      users: [%s]
      max: %s
      approvers: [%s]
      approvals: 1
      extend_approvals: 1
      reason: required
      urgent: {users: [%s], max: %s}
    - {name: development, tags: {sshforward: allow}, users: [%s], max: %s}
timing:
  default: %s
  min: %s
  confirm: 10m
  approval: %s
  opening: 5m
  reminders: [%s]
  sweep: %s
  keep: 24h
listen: 127.0.0.1:0
`,
		deployment, store, Ops, Carol, cmp.Or(language, "en"), port,
		strings.Join(insiders, ", "), span(prodMax), Carol, Yuki, span(urgentMax),
		strings.Join(insiders, ", "), span(leaseMax),
		span(leaseDefault), span(leaseMin), span(approvalTime), strings.Join(remind, ", "), span(sweepEvery))
}
