package fakeslack

import (
	"crypto/tls"
	"time"
)

// Options sets up a Workspace. The zero value is a usable workspace that
// behaves as Slack documents it.
type Options struct {
	TeamID     string // default T0FAKE
	TeamName   string // default Fakeslack
	TeamDomain string // default fakeslack
	// EnterpriseID makes the workspace one of an Enterprise Grid organisation;
	// default none. EnterpriseName defaults to it.
	EnterpriseID, EnterpriseName string
	// OrgInstall installs the app on the whole organisation instead of the one
	// workspace: auth.test then names the organisation as the team.
	OrgInstall bool
	AppID      string // default A0FAKE
	BotUserID  string // default U0BOT
	BotID      string // default B0BOT
	BotName    string // default sshforward
	// Scopes of the bot token; default what a bot like this needs. None of them
	// reads messages: conversations.history answers missing_scope.
	Scopes   []string
	BotToken string // default xoxb-fake
	AppToken string // default xapp-fake
	Command  string // slash command that Slash types; default /sshforward

	// BaseURL is where the handler is reached from outside, without a trailing
	// slash. Start sets it. Without it the Host of apps.connections.open is used.
	BaseURL string

	AckDeadline     time.Duration // for an envelope; default 3 s
	TriggerLife     time.Duration // of a trigger_id; default 3 s
	ResponseURLLife time.Duration // default 30 min
	ResponseURLUses int           // default 5
	TicketLife      time.Duration // of a Socket Mode URL; default 30 s
	PingInterval    time.Duration // between WebSocket pings; default 2 s
	MaxConnections  int           // Socket Mode connections at once; default 10

	// ConnectionLife, when set, is how long Slack lets a Socket Mode connection
	// live: a few hours in Slack, which warns some 10 s before and then asks for
	// a new one. Connections that were opened together, within a tenth of it,
	// are ended together.
	ConnectionLife time.Duration
	// TLS serves https and HTTP/2 with this configuration, and its certificate.
	TLS *tls.Config

	// RetryDelays are the pauses before an event that was not acknowledged is
	// delivered again; default at once, after 1 min, after 5 min.
	// Slash commands and interactions are never delivered again.
	RetryDelays []time.Duration

	// Latency is added to every Web API call and response URL before its effect.
	Latency time.Duration

	// Rates enforces Slack's rates: 429 with Retry-After above a method's tier
	// (chat.update 50 a minute, users.info 100, usergroups.* 20 …) and above one
	// message a second and channel. It is off so that tests are fast; Usage
	// counts either way. The rate of all messages of a workspace ("several
	// hundred a minute") is not enforced.
	Rates      bool
	RateWindow time.Duration // that tiers count over; default 1 min

	// PostInterval, when set, answers 429 to a message that comes sooner than
	// this after the last one in the same channel; default 1 s with Rates.
	PostInterval time.Duration
	// PostBurst is how many messages may come at once after a rest; default 4
	// with Rates, else 1. Slack allows short bursts and names no figure.
	PostBurst int

	// Fault decides what goes wrong; nil means nothing does. It is called
	// without locks, possibly from several goroutines at once.
	Fault func(Call) Outcome

	// Seed makes ids and the choice of connection repeatable.
	Seed uint64

	// History is how many calls, deliveries and failures are kept, each; default 20000.
	History int
}

func (o Options) withDefaults() Options {
	text := func(p *string, def string) {
		if *p == "" {
			*p = def
		}
	}
	text(&o.TeamID, "T0FAKE")
	text(&o.TeamName, "Fakeslack")
	text(&o.TeamDomain, "fakeslack")
	if o.OrgInstall {
		text(&o.EnterpriseID, "E0FAKE")
	}
	text(&o.EnterpriseName, o.EnterpriseID)
	text(&o.AppID, "A0FAKE")
	text(&o.BotUserID, "U0BOT")
	text(&o.BotID, "B0BOT")
	text(&o.BotName, "sshforward")
	if o.Scopes == nil {
		o.Scopes = []string{"channels:read", "chat:write", "chat:write.public", "commands", "groups:read", "im:write",
			"usergroups:read", "users:read"}
	}
	text(&o.BotToken, "xoxb-fake")
	text(&o.AppToken, "xapp-fake")
	text(&o.Command, "/sshforward")
	span := func(p *time.Duration, def time.Duration) {
		if *p == 0 {
			*p = def
		}
	}
	span(&o.AckDeadline, 3*time.Second)
	span(&o.TriggerLife, 3*time.Second)
	span(&o.ResponseURLLife, 30*time.Minute)
	span(&o.TicketLife, 30*time.Second)
	span(&o.PingInterval, 2*time.Second)
	count := func(p *int, def int) {
		if *p == 0 {
			*p = def
		}
	}
	span(&o.RateWindow, time.Minute)
	burst := 1
	if o.Rates {
		span(&o.PostInterval, time.Second)
		burst = 4
	}
	count(&o.PostBurst, burst)
	count(&o.ResponseURLUses, 5)
	count(&o.MaxConnections, 10)
	count(&o.History, 20000)
	if o.RetryDelays == nil {
		o.RetryDelays = []time.Duration{0, time.Minute, 5 * time.Minute}
	}
	return o
}
