package bot

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// clickPayload is what is used of an interaction's payload.
type clickPayload struct {
	Type string `json:"type"`
	Team struct {
		ID string `json:"id"`
	} `json:"team"`
	User struct {
		ID     string `json:"id"`
		TeamID string `json:"team_id"` // another one for people from Slack Connect
	} `json:"user"`
	Channel struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"channel"`
	Container struct {
		ChannelID   string `json:"channel_id"`
		MessageTS   string `json:"message_ts"`
		IsEphemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	Message     clicked     `json:"message"`
	ResponseURL string      `json:"response_url"`
	TriggerID   string      `json:"trigger_id"`
	Actions     []action    `json:"actions"`
	View        viewPayload `json:"view"` // instead of channel and message, for what happens in one

	// Of a block_suggestion.
	ActionID string `json:"action_id"`
	Value    string `json:"value"`
}

type action struct {
	ActionID string `json:"action_id"`
	BlockID  string `json:"block_id"`
	Value    string `json:"value"`
}

// clicked is what a payload says of the message that the button was in: nothing
// if that was ephemeral, since Slack does not keep those.
type clicked struct {
	present bool
	ts      string
	rows    []row
}

type row struct {
	BlockID  string   `json:"block_id"`
	Elements []action `json:"elements"`
}

// UnmarshalJSON never fails: a block of a kind that is not expected must not
// cost the whole click.
func (c *clicked) UnmarshalJSON(b []byte) error {
	var m struct {
		TS     string            `json:"ts"`
		Blocks []json.RawMessage `json:"blocks"`
	}
	c.present = string(b) != "null"
	_ = json.Unmarshal(b, &m)
	c.ts = m.TS
	for _, raw := range m.Blocks {
		var r row
		if json.Unmarshal(raw, &r) == nil {
			c.rows = append(c.rows, r)
		}
	}
	return nil
}

// has reports whether the button is in the message.
func (c clicked) has(a action) bool {
	return slices.ContainsFunc(c.rows, func(r row) bool {
		return slices.Contains(r.Elements, action{ActionID: a.ActionID, Value: a.Value}) &&
			(a.BlockID == "" || a.BlockID == r.BlockID)
	})
}

func (p clickPayload) caller() sshforward.Caller {
	channel, team := p.Channel.ID, p.User.TeamID
	if channel == "" {
		channel = p.Container.ChannelID
	}
	if team == "" {
		team = p.Team.ID
	}
	c := sshforward.Caller{Team: team, User: p.User.ID, Channel: channel, Message: cmp.Or(p.Container.MessageTS, p.Message.ts),
		Direct: p.Channel.Name == "directmessage" || strings.HasPrefix(channel, "D")}
	if p.View.Type != "" && channel == "" {
		// A modal carries where it was opened from. What is opened from Home
		// belongs to no channel, so it is answered in direct messages.
		m := p.View.meta()
		c.Channel, c.Message, c.Direct = m.Channel, m.Message, m.Direct || m.Channel == ""
	}
	return c
}

// home reports whether it happened in the app's home tab.
func (p clickPayload) home() bool { return p.View.Type == "home" }

// origin is the kind of message a button was in. It is the first part of the
// block's id, since the payload of a click on an ephemeral message carries
// nothing of the message itself.
type origin string

const (
	fromPrompt   origin = "prompt"
	fromCard     origin = "card"
	fromReminder origin = "reminder"
	fromShow     origin = "show"
	fromChoice   origin = "choice"
	fromMine     origin = "mine" // the list of one's own leases
	fromAll      origin = "all"  // the list of all leases
	fromHome     origin = "home" // one's own leases in the home tab
	fromWaiting  origin = "wait" // the requests of others in there
	fromNowhere  origin = ""     // a block without an id of ours
)

// blockID makes an id that is unique in a message with one row of buttons a
// lease.
func (o origin) blockID(lease string) string { return string(o) + "." + lease }

func originOf(blockID string) origin {
	kind, _, _ := strings.Cut(blockID, ".")
	return origin(kind)
}

// interactive takes what people do other than typing a command.
func (d *dispatcher) interactive(h *handling) {
	var p clickPayload
	if err := json.Unmarshal(h.envelope.payload, &p); err != nil {
		d.b.log.Error("interaction not understood", "envelope", h.envelope.id, "err", d.b.clean(err))
		d.unknown(sshforward.Caller{}, "interaction that cannot be read")
		h.acknowledge(nil)
		return
	}
	c := p.caller()
	if p.Team.ID != "" && p.Team.ID != c.Team || !d.ours(c.Team) {
		d.b.log.Warn("interaction from another workspace refused", "team", c.Team, "user", c.User)
		d.unknown(c, "another workspace")
		h.acknowledge(nil)
		d.b.answer(recipient{caller: c, responseURL: p.ResponseURL}, d.b.in(d.ctx, c.User).otherTeam(), false)
		return
	}
	switch p.Type {
	case "block_actions":
		d.click(h, p)
	case "block_suggestion":
		d.suggest(h, p)
	case "view_submission":
		d.submitted(h, p)
	case "view_closed":
		d.closed(h, p)
	default:
		d.unknown(c, "interaction "+p.Type)
		h.acknowledge(nil)
	}
}

// click records a click and then acknowledges it, so that no approval is shown
// that was not recorded. If recording takes too long, the click is
// acknowledged all the same and the outcome told when it is there.
func (d *dispatcher) click(h *handling, p clickPayload) {
	c := p.caller()
	to := recipient{caller: c, responseURL: p.ResponseURL}
	if len(p.Actions) == 0 {
		d.unknown(c, "click on nothing")
		h.acknowledge(nil)
		return
	}
	if p.View.Type != "" && !p.home() { // the modals have no buttons but their own two
		d.unknown(c, "click in a view of type "+p.View.Type)
		h.acknowledge(nil)
		d.refuse(to, p, d.voice(h, c.User).failure(notALease(false)))
		return
	}
	a := p.Actions[0] // a click is one action
	if p.home() {
		d.b.homes.saw(c) // who clicks in it has it before their eyes
	}
	switch a.ActionID {
	case actionForm:
		d.openForm(h, to, p.TriggerID, sshforward.OpenLease{})
		return
	case actionSource:
		d.openSource(h, p, to, a)
		return
	}
	cmd, known, err := commandOf(a)
	if err != nil {
		what := "button " + a.ActionID
		if known {
			what = "value of " + a.ActionID
		}
		d.unknown(c, what)
		h.acknowledge(nil)
		d.refuse(to, p, d.b.in(d.ctx, c.User).failure(err))
		return
	}
	if deny, ok := cmd.(sshforward.DenyLease); ok && p.TriggerID != "" {
		d.askWhy(h, p, to, a, deny)
		return
	}

	d.b.learn(c.User) // while the keeper works
	result := d.start(c, cmd)
	var o outcome
	select {
	case o = <-result:
	case <-time.After(d.b.opt.ClickBudget - time.Since(h.envelope.at)):
		d.b.log.Warn("click acknowledged before it was recorded", "user", c.User, "step", commandName(cmd))
		h.acknowledge(nil)
		o = <-result
	}
	h.acknowledge(nil)
	if o.err != nil {
		d.logRefusal(c, cmd, o.err)
		d.stale(to, p, a, cmd, o.err)
		d.refuse(to, p, d.b.in(d.ctx, c.User).failure(o.err))
		return
	}
	d.afterClick(to, p, a, cmd, o.reply)
}

// commandOf reads a button. known is false for ids that are not ours; there is
// an error then, too.
func commandOf(a action) (cmd sshforward.Command, known bool, err error) {
	value, rest, more := strings.Cut(a.Value, " ")
	id, ok := sshforward.ParseID(value)
	switch a.ActionID {
	case actionConfirm:
		urgent := rest == urgentWord
		return sshforward.ConfirmLease{ID: id, Urgent: urgent}, true, notALease(ok && (urgent || !more))
	case actionCancel:
		return sshforward.CancelLease{ID: id}, true, notALease(ok && !more)
	case actionClose:
		return sshforward.CloseLease{Ref: id}, true, notALease(ok && !more)
	case actionApprove:
		by, right := extensionOf(rest)
		return sshforward.ApproveLease{ID: id, Extend: by}, true, notALease(ok && right)
	case actionDeny:
		by, right := extensionOf(rest)
		return sshforward.DenyLease{ID: id, Extend: by}, true, notALease(ok && right)
	case actionExtend:
		by, err := sshforward.ParseDuration(rest)
		return sshforward.ExtendLease{Ref: id, Duration: by}, true, notALease(ok && err == nil)
	}
	return nil, false, notALease(false)
}

// extensionOf reads the extension that is to be decided about, if it is one
// and not the lease itself.
func extensionOf(s string) (by time.Duration, ok bool) {
	if s == "" {
		return 0, true
	}
	by, err := sshforward.ParseDuration(s)
	return by, err == nil
}

// afterClick changes the message that the button was in, where it is one that
// nobody else changes: cards belong to the keeper's outbox.
func (d *dispatcher) afterClick(to recipient, p clickPayload, a action, cmd sshforward.Command, r sshforward.Reply) {
	if p.home() {
		d.afterHome(p, cmd, r)
		return
	}
	from, own := p.source(a)
	show := d.b.in(d.ctx, to.caller.User) // but what a channel sees is in its language
	switch {
	case own && (from == fromMine || from == fromAll):
		if !d.listAgain(to, from, show) {
			d.b.answer(to, show.reply(to.caller, cmd, r), false)
		}
	case own && from == fromShow && r.Lease != nil:
		d.b.answer(to, show.lease(to.caller, r.Lease), true)
	case own && from == fromReminder && r.Lease != nil:
		d.b.answer(to, d.b.publicly(to.caller, show).reminded(to.caller, cmd, r.Lease), true)
	case from == fromCard || from == fromReminder:
		// the card's next update shows it, and takes a reminder's buttons away
	default:
		d.b.answer(to, show.reply(to.caller, cmd, r), own)
	}
}

// source tells where a button was, and whether that message may be replaced.
// Of a message that everybody sees the payload carries the content, so a claim
// to have been in it can be checked: a forged click must not overwrite a card.
// Other servers than Slack's may leave out container, message and block id.
func (p clickPayload) source(a action) (from origin, own bool) {
	from = originOf(a.BlockID)
	alone := p.Container.IsEphemeral || !p.Message.present || p.Message.has(a)
	switch from {
	case fromReminder, fromShow, fromChoice, fromMine, fromAll:
		return from, alone
	}
	if p.prompted(a) {
		return fromPrompt, alone || len(p.Message.rows) == 0
	}
	if from != fromCard {
		from = fromNowhere
	}
	// Without a word on where it was, it may have been a card.
	return from, p.Container.IsEphemeral
}

// prompted reports whether the button was in a prompt. No card has the one that
// confirms; the one that cancels is on both, and a message that everybody sees
// tells by its other buttons which one it is.
func (p clickPayload) prompted(a action) bool {
	switch a.ActionID {
	case actionConfirm:
		return true
	case actionCancel:
		if originOf(a.BlockID) == fromCard {
			return false
		}
		return !slices.ContainsFunc(p.Message.rows, func(r row) bool {
			return slices.ContainsFunc(r.Elements, func(e action) bool { return e.ActionID == actionApprove })
		})
	}
	return false
}
