package bot

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/slack-go/slack"
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
		ThreadTS    string `json:"thread_ts"`
		IsEphemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	Message     clickedMessage `json:"message"`
	ResponseURL string         `json:"response_url"`
	TriggerID   string         `json:"trigger_id"`
	Actions     []action       `json:"actions"`
	View        viewPayload    `json:"view"` // instead of channel and message, for what happens in one

	// Of a block_suggestion.
	ActionID string `json:"action_id"`
	Value    string `json:"value"`

	envelope string // that it came in
}

type action struct {
	ActionID string `json:"action_id"`
	BlockID  string `json:"block_id"`
	Value    string `json:"value"`
}

// clickedMessage is what a payload says of the message that the button was in:
// nothing if that was ephemeral, since Slack does not keep those.
type clickedMessage struct {
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
func (c *clickedMessage) UnmarshalJSON(b []byte) error {
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
func (c clickedMessage) has(a action) bool {
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
		Direct: p.Channel.Name == "directmessage" || isDirect(channel), Envelope: p.envelope}
	if p.View.Type != "" && channel == "" {
		// A modal carries where it was opened from. What is opened from Home
		// belongs to no channel, so it is answered in direct messages.
		m := p.View.meta()
		c.Channel, c.Message, c.Direct = m.Channel, m.Message, m.Direct || m.Channel == ""
	}
	return c
}

// thread is the message on whose thread it happened; empty where it stands in the
// channel, as the first message of a thread does.
func (p clickPayload) thread() string {
	if t := p.Container.ThreadTS; t != p.Container.MessageTS {
		return t
	}
	if p.View.Type != "" {
		return p.View.meta().Thread
	}
	return ""
}

// home reports whether it happened in the app's home tab.
func (p clickPayload) home() bool { return p.View.Type == "home" }

// slashPayload is what is used of a slash command's payload.
type slashPayload struct {
	TeamID      string `json:"team_id"`
	ChannelID   string `json:"channel_id"`
	ChannelName string `json:"channel_name"`
	UserID      string `json:"user_id"`
	Text        string `json:"text"`
	ResponseURL string `json:"response_url"`
	TriggerID   string `json:"trigger_id"`
}

func (p slashPayload) caller() sshforward.Caller {
	// A private channel's name is hidden, a direct message's is always this.
	direct := p.ChannelName == "directmessage" || isDirect(p.ChannelID)
	return sshforward.Caller{Team: p.TeamID, User: p.UserID, Channel: p.ChannelID, Direct: direct}
}

// viewPayload is what is used of the view in an interaction's payload.
type viewPayload struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"` // modal or home
	CallbackID string          `json:"callback_id"`
	Metadata   string          `json:"private_metadata"`
	State      json.RawMessage `json:"state"`
}

// meta reads what meta.String wrote; empty if it is anything else.
func (p viewPayload) meta() (m meta) {
	if json.Unmarshal([]byte(p.Metadata), &m) != nil {
		return meta{}
	}
	return m
}

// input is what a person has put into one input of a view.
type input struct {
	Value    string `json:"value"`
	Selected *struct {
		Text struct {
			Text string `json:"text"`
		} `json:"text"`
		Value string `json:"value"`
	} `json:"selected_option"`
}

// chosen is the value of the option that was chosen or, in a form from before
// there were options, what was typed.
func (in input) chosen() string {
	if in.Selected != nil {
		return in.Selected.Value
	}
	return in.Value
}

// input finds one by its id; an empty one if there is none, or none that can
// be read.
func (p viewPayload) input(id string) (in input) {
	var state struct {
		Values map[string]map[string]json.RawMessage `json:"values"`
	}
	_ = json.Unmarshal(p.State, &state)
	_ = json.Unmarshal(state.Values[id][id], &in)
	return in
}

// meta travels with a view in its private_metadata (3000 characters at most):
// the payload of a submission does not say where the view was opened from.
type meta struct {
	Channel string `json:"channel,omitempty"`
	Direct  bool   `json:"direct,omitempty"`
	Message string `json:"message,omitempty"` // ts of the message with the button
	Thread  string `json:"thread,omitempty"`  // that the message stands in
	Port    int    `json:"port,omitempty"`    // typed before the form came
	Urgent  bool   `json:"urgent,omitempty"`
	Lease   string `json:"lease,omitempty"`
	Extend  string `json:"extend,omitempty"` // the extension that is to be denied
	Click   string `json:"click,omitempty"`  // key of the click that opened the view
}

func metaOf(c sshforward.Caller) meta {
	return meta{Channel: c.Channel, Direct: c.Direct, Message: c.Message}
}

func (m meta) String() string {
	b, _ := json.Marshal(m) // strings, bools and a number
	return string(b)
}

// optionsPayload is the answer to a block_suggestion. slack-go's own type leaves
// an empty list out, and without a list Slack shows an error.
type optionsPayload struct {
	Options []*slack.OptionBlockObject `json:"options"`
}

// messagePayload is a message in an acknowledgement or to a response URL.
type messagePayload struct {
	ResponseType    string        `json:"response_type,omitempty"`
	ReplaceOriginal bool          `json:"replace_original"`
	ThreadTS        string        `json:"thread_ts,omitempty"`
	Text            string        `json:"text"`
	Blocks          []slack.Block `json:"blocks,omitempty"`
	UnfurlLinks     bool          `json:"unfurl_links"`
	UnfurlMedia     bool          `json:"unfurl_media"`
}

// ephemeral is a message that only the caller sees or, with replace, the new
// content of the message the button was in.
func ephemeral(m message, replace bool) messagePayload {
	p := messagePayload{ReplaceOriginal: replace, Text: m.Text, Blocks: m.Blocks}
	if !replace {
		p.ResponseType = "ephemeral"
	}
	return p
}

// maxAckBytes bounds an acknowledgement; Slack drops one of 20 KB without a word.
const maxAckBytes = 19_000

// fitsAck reports whether an acknowledgement may carry an answer.
func fitsAck(answer any) bool {
	b, err := json.Marshal(answer)
	return err == nil && len(b) < maxAckBytes
}

// isDirect reports whether a channel is a direct message with the bot.
func isDirect(channel string) bool { return strings.HasPrefix(channel, "D") }

// eventPayload is what is used of an event's payload.
type eventPayload struct {
	TeamID string `json:"team_id"`
	Event  struct {
		Type string `json:"type"`
		User string `json:"user"`
		Tab  string `json:"tab"`
	} `json:"event"`
}
