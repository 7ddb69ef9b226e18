package playground

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
)

// keptHappenings is how much of the story is remembered.
const keptHappenings = 300

// Kinds of what happens.
const (
	ofLease   = "lease"
	ofSession = "session"
	ofRefusal = "refused"
	ofHealth  = "health"
	ofBot     = "bot"
	ofTrouble = "trouble"
)

// chronicle is what happened, as a person would tell it: from the audit record,
// from who came through a forward, and from the trouble that was caused.
type chronicle struct {
	name    func(id string) string // of a person or an instance
	changed func()                 // is called when there is more

	mu   sync.Mutex
	last int
	all  []web.Happening
	told map[string]bool // lines of the record: a bot that was killed may write one again
}

// add tells that something happened at a time.
func (c *chronicle) add(at time.Time, kind, format string, args ...any) {
	c.mu.Lock()
	c.last++
	c.all = append(c.all, web.Happening{Seq: c.last, At: at.UTC(), Kind: kind, Text: fmt.Sprintf(format, args...)})
	c.all = c.all[max(0, len(c.all)-keptHappenings):]
	c.mu.Unlock()
	c.changed()
}

// Happened implements web.Stage.
func (p *Playground) Happened() []web.Happening {
	p.chronicle.mu.Lock()
	defer p.chronicle.mu.Unlock()
	return append([]web.Happening{}, p.chronicle.all...)
}

// recorded tells a line of the audit record.
func (c *chronicle) recorded(e sshforward.Event) {
	key := fmt.Sprintf("%+v", e)
	c.mu.Lock()
	again := c.told[key]
	if c.told == nil {
		c.told = make(map[string]bool)
	}
	c.told[key] = true
	c.mu.Unlock()
	if again {
		return
	}
	kind, text := c.tell(e)
	if text != "" {
		c.add(e.At, kind, "%s", text)
	}
}

// tell makes a sentence of a line of the audit record, or none of what tells a
// person nothing that the next line does not.
func (c *chronicle) tell(e sshforward.Event) (kind, text string) {
	what := cmp.Or(e.Name, c.name(e.Instance))
	who, owner := c.name(e.Actor), c.name(e.Owner)
	if e.Result != sshforward.ResultOK {
		return ofRefusal, c.refused(e, who, what)
	}
	words := func(format string, args ...any) (string, string) {
		s := fmt.Sprintf(format, args...)
		if e.Because != "" && (e.Act == sshforward.ActOpen || e.Act == sshforward.ActDeny) {
			s += ": " + e.Because
		}
		return ofLease, s
	}
	switch e.Act {
	case sshforward.ActOpen:
		asked := time.Duration(e.Duration * float64(time.Second))
		return words("%s asks for %s for %s", who, what, sshforward.FormatDuration(asked))
	case sshforward.ActConfirm:
		if e.Urgent {
			return words("%s goes past the approvers of %s: it is urgent", who, what)
		}
		return words("%s confirms the request for %s", who, what)
	case sshforward.ActCancel:
		return words("%s takes back the request for %s", who, what)
	case sshforward.ActApprove:
		if e.State == sshforward.Open {
			return words("%s approves more time on %s for %s", who, what, owner)
		}
		return words("%s approves %s for %s", who, what, owner)
	case sshforward.ActDeny:
		return words("%s denies %s to %s", who, what, owner)
	case sshforward.ActClaim:
		return words("%s looks at the request for %s", who, what)
	case sshforward.ActExtend:
		return words("%s asks for more time on %s", who, what)
	case sshforward.ActFrom:
		return words("%s comes from another address to %s", who, what)
	case sshforward.ActClose:
		return words("%s closes %s", who, what)
	case sshforward.ActAbandon:
		return words("%s gives up %s", who, what)
	case sshforward.ActSource:
		if len(e.Sources) == 0 {
			return words("%s forgets the saved address", who)
		}
		return words("%s saves the address %s", who, strings.Join(e.Sources, ", "))
	case sshforward.ActOpened:
		return words("%s is open for %s", what, owner)
	case sshforward.ActEnding:
		return words("%s ends: %s", what, cmp.Or(ends[e.Reason], string(e.Reason)))
	case sshforward.ActAccessEnded:
		return words("Nobody gets through to %s any more", what)
	case sshforward.ActClosed:
		if !e.Opened.IsZero() && e.Reason == sshforward.Expired {
			return words("Nothing of %s is left in AWS; %.1f s past the end", what, e.Overstay)
		}
		return words("Nothing of %s is left in AWS", what)
	}
	return words("%s: %s", what, cmp.Or(finds[e.Act], string(e.Act)))
}

// ends are the reasons of an end.
var ends = map[sshforward.Reason]string{
	sshforward.Expired: "the time is up", sshforward.ClosedByUser: "its owner closed it", sshforward.ClosedByAdmin: "an admin closed it",
	sshforward.Cancelled: "it was taken back", sshforward.Denied: "it was denied", sshforward.Lapsed: "nobody said yes in time",
	sshforward.Failed: "it cannot be opened", sshforward.InstanceGone: "the instance or the load balancer is gone",
	sshforward.NotAdmitted: "policy would not let it in any more", sshforward.Lost: "it was found without a record of it",
}

// finds are what the bot does by itself.
var finds = map[sshforward.Act]string{
	sshforward.ActStuck: "the work on it keeps failing, and the bot keeps trying", sshforward.ActFreed: "the work on it goes on",
	sshforward.ActMended: "the bot put back what was missing", sshforward.ActNarrowed: "the bot took out a rule that was not its own",
	sshforward.ActRetagged: "the bot put its tags right", sshforward.ActMoved: "another address is let in, and the former one is not any more",
	sshforward.ActUnmoved: "AWS did not let in another address", sshforward.ActShortened: "policy allows less time than it had",
	sshforward.ActUnjudged:  "whether policy would still let it in cannot be told",
	sshforward.ActElsewhere: "another bot has it", sshforward.ActRebuilt: "known again, from its tags in AWS",
	sshforward.ActReopened: "something of it was found once more",
}

func (c *chronicle) refused(e sshforward.Event, who, what string) string {
	tried := map[sshforward.Act]string{
		sshforward.ActOpen: "to ask for " + what, sshforward.ActConfirm: "to open " + what, sshforward.ActApprove: "to approve " + what,
		sshforward.ActDeny: "to deny " + what, sshforward.ActExtend: "to extend " + what, sshforward.ActClose: "to close " + what,
		sshforward.ActFrom: "another address for " + what,
	}[e.Act]
	s := who + " is refused"
	if tried != "" {
		s += " " + tried
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return strings.TrimSpace(s)
}

// nameOf is somebody's first name, as the page has it, or that of an instance.
func (p *Playground) nameOf(id string) string {
	for _, u := range p.workspace.Snapshot().Users() {
		if u.ID == id {
			name, _, _ := strings.Cut(u.RealName, " (")
			return name
		}
	}
	for _, i := range p.cloud.Home().Instances() {
		if i.ID == id {
			return i.Tags["Name"]
		}
	}
	return cmp.Or(id, "the bot")
}
