package bot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// heading is a lease's state as the first thing that is seen of it.
func (v render) heading(l *sshforward.Lease) (icon, state string) {
	switch l.State {
	case sshforward.Requested:
		return ":white_circle:", v.say("Requested")
	case sshforward.Pending:
		return ":raised_hand:", v.say("Needs approval")
	case sshforward.Opening:
		return ":hourglass_flowing_sand:", v.say("Opening")
	case sshforward.Open:
		return ":large_green_circle:", v.say("Open")
	case sshforward.Closing:
		return ":hourglass:", v.say("Closing")
	}
	if l.Reason == sshforward.Failed {
		return ":x:", v.say("Closed")
	}
	return ":black_circle:", v.say("Closed")
}

// stateWord is the state within a sentence.
func (v render) stateWord(s sshforward.State) string {
	switch s {
	case sshforward.Requested:
		return v.say("requested")
	case sshforward.Pending:
		return v.say("pending")
	case sshforward.Opening:
		return v.say("opening")
	case sshforward.Open:
		return v.say("open")
	case sshforward.Closing:
		return v.say("closing")
	case sshforward.Closed:
		return v.say("closed")
	}
	return string(s)
}

// reasonWord is the reason as audit and metrics have it, but for people.
func (v render) reasonWord(r sshforward.Reason) string {
	switch r {
	case sshforward.Cancelled:
		return v.say("cancelled")
	case sshforward.Denied:
		return v.say("denied")
	case sshforward.Lapsed:
		return v.say("lapsed")
	case sshforward.Failed:
		return v.say("failed")
	case sshforward.Expired:
		return v.say("expired")
	case sshforward.ClosedByUser:
		return v.say("closed by user")
	case sshforward.ClosedByAdmin:
		return v.say("closed by admin")
	case sshforward.InstanceGone:
		return v.say("instance gone")
	case sshforward.Lost:
		return v.say("lost")
	}
	return line(strings.ReplaceAll(string(r), "_", " "), 40)
}

// progress is how far an opening has come.
func (v render) progress(l *sshforward.Lease) string {
	i := max(slices.Index(sshforward.Stages, l.Stage), 0)
	return v.say("%d of %d: %s", i+1, len(sshforward.Stages), v.stageWord(sshforward.Stages[i]))
}

func (v render) stageWord(s sshforward.Stage) string {
	switch s {
	case sshforward.StageCheck:
		return v.say("looking at the instance and the rules once more")
	case sshforward.StageGroup:
		return v.say("creating the security group")
	case sshforward.StageBalancer:
		return v.say("creating the load balancer and the rules")
	case sshforward.StageHealth:
		return v.say("setting up the health check")
	case sshforward.StageRegister:
		return v.say("registering the instance")
	case sshforward.StageService:
		return v.say("waiting for the instance to be in service")
	case sshforward.StageName:
		return v.say("waiting for the name to resolve")
	case sshforward.StageClock:
		return v.say("starting the clock")
	}
	return string(s)
}

// instance names one, so that nobody takes it for another.
func instance(in sshforward.Instance) string {
	if in.Name == "" {
		return code(in.ID, 40)
	}
	return code(in.Name, 80) + " (" + line(in.ID, 40) + ")"
}

// place says where the instance is.
func (v render) place(l *sshforward.Lease) string {
	in := l.Instance
	return line(in.ID, 40) + "\n" + v.say("%s in %s", v.private(in), line(in.Zone, 40)) + "\n" + account(in)
}

func (v render) private(in sshforward.Instance) string {
	if !in.PrivateIP.IsValid() {
		return v.say("no private address")
	}
	return in.PrivateIP.String()
}

func account(in sshforward.Instance) string {
	return line(in.Account, 60) + ", " + line(in.Region, 40)
}

func sources(l *sshforward.Lease) string {
	return line(sshforward.FormatSources(l.Sources), 500)
}

func (v render) ports(l *sshforward.Lease) string {
	if l.ListenerPort == l.TargetPort {
		return fmt.Sprint(l.ListenerPort)
	}
	return v.say("%d, which is %d on the instance", l.ListenerPort, l.TargetPort)
}

// leaseID is the small print that every message about a lease ends with.
func (v render) leaseID(l *sshforward.Lease) slack.Block {
	return small(v.say("Lease %s", code(l.ID, 20)))
}

// line is line for what the domain says.
func (v render) line(t sshforward.Text, n int) string { return line(v.text(t), n) }

// because is nil when no reason was given.
func (v render) because(l *sshforward.Lease) slack.Block {
	if strings.TrimSpace(l.Because) == "" {
		return nil
	}
	return section(v.say("*Reason:* %s", line(l.Because, 2900)))
}

// notes are what could not be checked; nil if everything was.
func (v render) notes(l *sshforward.Lease) slack.Block {
	all := append(append([]sshforward.Text(nil), l.Notes...), l.Placement.Notes...)
	var out []string
	for _, n := range all {
		if s := v.line(n, 300); s != "" && len(out) < 6 && !slices.Contains(out, "• "+s) {
			out = append(out, "• "+s)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return small(v.say("Not checked:") + "\n" + strings.Join(out, "\n"))
}

// theirs is what somebody gave as the reason for a no; empty if nothing.
func (v render) theirs(words string) string {
	if words = line(words, 1000); words == "" {
		return ""
	}
	return v.say("Their reason: %s", words)
}

// sentences joins those that are there, which is the same as [sshforward.Text.And].
func (v render) sentences(all ...string) string {
	out := ""
	for _, s := range all {
		switch {
		case s == "":
		case out == "":
			out = s
		default:
			out = v.say("%s %s", out, s)
		}
	}
	return out
}
