package bot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

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
		if !l.Outage.Since.IsZero() {
			return ":large_yellow_circle:", v.say("Open")
		}
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
	case sshforward.NotAdmitted:
		return v.say("not admitted any more")
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

// instance names an instance by its Name tag, if it has one, and its id.
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

// because is nil when no reason was given.
func (v render) because(l *sshforward.Lease) slack.Block {
	if strings.TrimSpace(l.Because) == "" {
		return nil
	}
	return section(v.say("*Reason:* %s", line(l.Because, 2900)))
}

// warnings are what will hardly work; nil if nothing is known.
func (v render) warnings(l *sshforward.Lease) slack.Block {
	var out []string
	for _, w := range l.Placement.Warnings {
		if s := v.line(w, 600); s != "" && len(out) < 4 {
			out = append(out, ":warning: "+s)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return section(strings.Join(out, "\n"))
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

// denierReason is the reason that was given for a denial; empty if none was.
func (v render) denierReason(words string) string {
	if words = line(words, 1000); words == "" {
		return ""
	}
	return v.say("Their reason: %s", words)
}

// by names who decided, and when.
func (v render) by(who string, at time.Time) string {
	if at.IsZero() { // decided before that was recorded
		return mention(who)
	}
	return v.say("%s (%s)", mention(who), date(at))
}

// approvals names who said yes, and when.
func (v render) approvals(all []sshforward.Approval) string {
	var out []string
	for i, a := range all {
		if i == maxNamed {
			out = append(out, v.say("%d more", len(all)-i))
			break
		}
		out = append(out, v.by(a.User, a.At))
	}
	return v.enumerate(out, func(a, b string) string { return v.say("%s and %s", a, b) })
}

// undecided reports whether the lease waits for a confirmation or an approval.
func undecided(l *sshforward.Lease) bool {
	return l.State == sshforward.Requested || l.State == sshforward.Pending
}

// estimate is what a lease costs if it lasts as long as it was asked for.
func (v render) estimate(l *sshforward.Lease) string {
	return v.dollars(v.prices.Cost(l.Instance.Region, l.Duration))
}

// estimateInFull says also what it is made of, and what is not in it.
func (v render) estimateInFull(l *sshforward.Lease) string {
	p := v.prices.In(l.Instance.Region)
	usd := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	return v.estimate(l) + "\n" + v.say("$%s per started hour for the load balancer, $%s per hour for its address; data is not included",
		usd(p.LoadBalancer), usd(p.Address))
}

// stateSentence says in a sentence how a lease stands.
func (v render) stateSentence(l *sshforward.Lease) string {
	what := instance(l.Instance)
	switch l.State {
	case sshforward.Requested:
		return v.say("%s waits to be confirmed until %s", what, date(l.ConfirmBy)) + v.inBrackets(v.preparedWord(l))
	case sshforward.Pending:
		return v.say("%s waits for approval (%d of %d) until %s", what, len(l.Approved), l.Approvals, date(l.ApproveBy)) +
			v.inBrackets(v.preparedWord(l))
	case sshforward.Opening:
		return v.say("%s is being opened, %s", what, v.progress(l))
	case sshforward.Open:
		return v.say("%s is *open* until %s", what, date(l.ExpiresAt))
	case sshforward.Closing:
		if l.AccessEndedAt.IsZero() {
			return v.say("%s is being closed", what)
		}
		return v.say("%s is being cleaned up; access has ended", what)
	}
	return v.say("%s is closed", what)
}

// cardPlace says where the card is. Before it is posted it says where it will be,
// as far as that can be known.
func (v render) cardPlace(l *sshforward.Lease) string {
	at := l.Card.Channel
	if at == "" {
		other := v.say("your direct messages with me")
		if v.channel != "" {
			other = "<#" + escape(v.channel) + ">"
		}
		if l.Direct {
			return v.say("The card comes into %s.", other)
		}
		return v.say("The card comes into this channel or, if I may not post here, into %s.", other)
	}
	switch {
	case at == l.Channel:
		return v.say("The card is here in this channel.")
	case isDirect(at):
		return v.say("The card is in your direct messages with me.")
	}
	return v.say("The card is in <#%s>.", escape(at))
}

func (v render) facts(l *sshforward.Lease) slack.Block {
	s := v.say("From %s to %s in %s · port %s", sources(l), v.private(l.Instance), line(l.Instance.Zone, 40), v.ports(l))
	switch {
	case undecided(l) || l.State == sshforward.Opening:
		s += " · " + v.span(l.Duration) + " · " + v.estimate(l)
	case l.State != sshforward.Closed:
		s += " · " + v.span(l.Duration)
	}
	return small(s)
}

// urgentOrReason is the reason that was given and, for a lease that skips
// approval, that it does.
func (v render) urgentOrReason(l *sshforward.Lease) slack.Block {
	if !l.Urgent {
		return v.because(l)
	}
	if strings.TrimSpace(l.Because) == "" {
		return section(v.say(":rotating_light: *Urgent, without approval*"))
	}
	return section(v.say(":rotating_light: *Urgent, without approval:* %s", line(l.Because, 2900)))
}

// about names what a button acts on, for screen readers.
func (v render) about(l *sshforward.Lease) string {
	return v.say("%s, lease %s", cut(plainName(l.Instance), 30), l.ID)
}

// plainName is an instance by its Name tag or, if it has none, its id, in plain
// text.
func plainName(in sshforward.Instance) string {
	if name := strings.Join(strings.Fields(in.Name), " "); name != "" {
		return name
	}
	return in.ID
}

// commandBlock is the command as it can be copied.
func commandBlock(l *sshforward.Lease) string {
	return "```" + trim(escape(strings.ReplaceAll(l.SSHCommand(), "`", "'")), 1500) + "```"
}

// lacking says of whom approvals are still needed, where it matters of whom.
func (v render) lacking(by []sshforward.Approval, needs []sshforward.Need) string {
	var out []string
	for _, need := range sshforward.Lacking(by, needs) {
		out = append(out, v.say("%d of %s", need.N, mentionAny(need.From)))
	}
	if len(out) == 0 {
		return ""
	}
	return v.say("Still needed: %s.", v.enumerate(out, func(a, b string) string { return v.say("%s, %s", a, b) }))
}
