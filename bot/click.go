package bot

import (
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
		IsEphemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	Message     clicked  `json:"message"`
	ResponseURL string   `json:"response_url"`
	Actions     []action `json:"actions"`
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
		Blocks []json.RawMessage `json:"blocks"`
	}
	c.present = string(b) != "null"
	_ = json.Unmarshal(b, &m)
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
	return sshforward.Caller{Team: team, User: p.User.ID, Channel: channel,
		Direct: p.Channel.Name == "directmessage" || strings.HasPrefix(channel, "D")}
}

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
	fromNowhere  origin = ""     // a block without an id of ours
)

// blockID makes an id that is unique in a message with one row of buttons a
// lease.
func (o origin) blockID(lease string) string { return string(o) + "." + lease }

func originOf(blockID string) origin {
	kind, _, _ := strings.Cut(blockID, ".")
	return origin(kind)
}

// interactive records a click and then acknowledges it, so that no approval
// is shown that was not recorded. If recording takes too long, the click is
// acknowledged all the same and the outcome told when it is there.
func (d *dispatcher) interactive(h *handling) {
	var p clickPayload
	if err := json.Unmarshal(h.envelope.payload, &p); err != nil {
		d.b.log.Error("interaction not understood", "envelope", h.envelope.id, "err", d.b.clean(err))
		return
	}
	if p.Type != "block_actions" || len(p.Actions) == 0 {
		d.b.log.Info("interaction ignored", "kind", p.Type)
		return
	}
	a := p.Actions[0] // a click is one action
	c := p.caller()
	to := recipient{caller: c, responseURL: p.ResponseURL}
	if p.Team.ID != "" && p.Team.ID != c.Team || !d.ours(c.Team) {
		d.b.log.Warn("click from another workspace refused", "team", c.Team, "user", c.User)
		h.acknowledge(nil)
		d.b.answer(to, d.b.in(d.ctx, c.User).otherTeam(), false)
		return
	}
	cmd, known, err := commandOf(a)
	switch {
	case !known:
		d.b.log.Warn("unknown button ignored", "action", cut(a.ActionID, 100), "user", c.User)
		return
	case err != nil:
		d.b.log.Warn("button with a value that is not ours", "action", a.ActionID, "user", c.User)
		h.acknowledge(nil)
		d.b.answer(to, d.b.in(d.ctx, c.User).failure(err), false)
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
		d.b.answer(to, d.b.in(d.ctx, c.User).failure(o.err), false)
		return
	}
	d.afterClick(to, p, a, cmd, o.reply)
}

// commandOf reads a button. known is false for ids that are not ours.
func commandOf(a action) (cmd sshforward.Command, known bool, err error) {
	value, rest, _ := strings.Cut(a.Value, " ")
	id, ok := sshforward.ParseID(value)
	switch a.ActionID {
	case actionConfirm:
		cmd = sshforward.ConfirmLease{ID: id}
	case actionCancel:
		cmd = sshforward.CancelLease{ID: id}
	case actionApprove:
		cmd = sshforward.ApproveLease{ID: id}
	case actionDeny:
		cmd = sshforward.DenyLease{ID: id}
	case actionClose:
		cmd = sshforward.CloseLease{Ref: id}
	case actionExtend:
		var e sshforward.ExtendLease
		e.Ref = id
		if e.Duration, err = sshforward.ParseDuration(rest); err != nil {
			return nil, true, err
		}
		return e, true, notALease(ok)
	default:
		return nil, false, nil
	}
	if rest != "" {
		ok = false
	}
	return cmd, true, notALease(ok)
}

// afterClick changes the message that the button was in, where it is one that
// nobody else changes: cards belong to the keeper's outbox.
func (d *dispatcher) afterClick(to recipient, p clickPayload, a action, cmd sshforward.Command, r sshforward.Reply) {
	from, own := p.source(a)
	show := d.b.in(d.ctx, to.caller.User) // but what a channel sees is in its language
	switch {
	case own && (from == fromMine || from == fromAll):
		list := sshforward.ListLeases{All: from == fromAll}
		if o := <-d.start(to.caller, list); o.err == nil {
			d.b.answer(to, show.reply(to.caller, list, o.reply), true)
			return
		}
		d.b.answer(to, show.reply(to.caller, cmd, r), false)
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
