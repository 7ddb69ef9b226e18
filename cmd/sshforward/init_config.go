package main

import (
	"fmt"
	"strconv"
	"strings"
)

// configuration is the file that init writes.
func (o *initOptions) configuration() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	people := func(s string) string { return "[" + strings.Join(list(s), ", ") + "]" }

	line("# Configuration of sshforward, written by sshforward init. All that can stand here,")
	line("# with comments: docs/configuration.md.")
	line("deployment: %s # do not change it while anything is open", strconv.Quote(o.deployment))
	if o.table != "" {
		line("store: {dynamodb: {table: %s, region: %s, create: true}} # create: false if a template has made it",
			strconv.Quote(o.table), o.region)
	} else {
		line("store: {bolt: %s}", strconv.Quote(o.store))
	}
	if o.channel != "" || o.admins != "" {
		line("slack:")
		if o.channel != "" {
			line("  channel: %s # alarms, and notices of what was asked for in a direct message", o.channel)
		}
		if o.admins != "" {
			line("  admins: %s # may close and extend anything", people(o.admins))
		}
	} else {
		line("# slack: {channel: C0123ABCD, admins: [U0123ABCD]} # where alarms go, and who may close anything")
	}
	line("aws:")
	line("  - name: main")
	line("    region: %s", o.region)
	if o.deadman {
		line("    deadman: {role_arn: \"arn:%s:iam::%s:role/sshforward-deadman\"}", partition(o.region), o.account)
	}
	line("policy:")
	if o.sources != "" {
		line("  sources: {allow: %s} # where people may come from", people(o.sources))
	}
	line("  # The first rule that covers an instance decides about it; no rule, no access.")
	line("  rules:")
	key, value, _ := strings.Cut(o.tags, "=")
	line("    - name: first")
	line("      tags: {%s: %s}", strconv.Quote(key), strconv.Quote(value))
	if o.users != "" {
		line("      users: %s", people(o.users))
	} else {
		line("      users: everyone")
	}
	line("      max: %s", o.max)
	if o.approvers != "" {
		line("      approvers: %s", people(o.approvers))
		line("      approvals: 1")
	}
	return b.String()
}
