package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot"
)

const (
	// refusedPause is how long to wait before Slack is asked again whether it
	// takes the tokens.
	refusedPause = time.Minute
	// firstAnswerWithin is how long a start waits for Slack's first answer before
	// it goes on without. An opening that the last process left half done waits
	// for it, and nothing that ends access does.
	firstAnswerWithin = 5 * time.Second
)

// slackClient is Slack for the keeper, also while Slack refuses the bot: access
// ends without it, and nothing opens. Each attempt takes a bot of its own, with
// the tokens as they are by then.
type slackClient struct {
	newBot func(tokens, func(again bool)) *bot.Bot
	tokens func() (tokens, error)
	log    *slog.Logger
	pause  time.Duration // refusedPause

	answered chan struct{} // closed once Slack has taken the tokens or not, or too late
	once     sync.Once

	mu      sync.Mutex
	bot     *bot.Bot
	refused error // nil while Slack takes the tokens
}

func newSlackClient(secrets tokens, read func() (tokens, error), log *slog.Logger,
	newBot func(tokens, func(again bool)) *bot.Bot) *slackClient {
	s := &slackClient{newBot: newBot, tokens: read, log: log, pause: refusedPause, answered: make(chan struct{})}
	s.bot = newBot(secrets, s.connected)
	return s
}

func (s *slackClient) hasAnswered() { s.once.Do(func() { close(s.answered) }) }

// run keeps the bot connected until ctx ends.
func (s *slackClient) run(ctx context.Context, keeper bot.Keeper) error {
	late := time.AfterFunc(firstAnswerWithin, s.hasAnswered)
	defer late.Stop()
	for {
		current, _ := s.state()
		err := current.Run(ctx, keeper)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		s.refuse(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.pause):
		}
		if secrets, err := s.tokens(); err == nil {
			s.replace(s.newBot(secrets, s.connected))
		} else {
			s.log.Error("the tokens cannot be read", "err", err)
		}
	}
}

func (s *slackClient) state() (current *bot.Bot, refused error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bot, s.refused
}

func (s *slackClient) refuse(err error) {
	s.mu.Lock()
	s.refused = err
	s.mu.Unlock()
	s.hasAnswered()
	s.log.Error("SLACK REFUSES THE BOT: what is open ends on time, and nothing is opened", "err", err, "retry_in", s.pause)
}

func (s *slackClient) replace(b *bot.Bot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bot = b
}

// connected is called by the bot when a connection is up, which needs both tokens.
func (s *slackClient) connected(bool) {
	s.mu.Lock()
	was := s.refused
	s.refused = nil
	s.mu.Unlock()
	s.hasAnswered()
	if was != nil {
		s.log.Info("Slack takes the tokens again")
	}
}

// ready returns an error while people cannot reach the bot.
func (s *slackClient) ready() error {
	current, refused := s.state()
	if refused != nil {
		return refused
	}
	if !current.Connected() {
		return errors.New("not connected to Slack")
	}
	return nil
}

// Watched implements changes.
func (s *slackClient) Watched() bool {
	current, refused := s.state()
	return refused == nil && current.Watched()
}

// Changed implements changes.
func (s *slackClient) Changed(l *sshforward.Lease) {
	current, _ := s.state()
	current.Changed(l)
}

// ChangedAll implements changes.
func (s *slackClient) ChangedAll() {
	current, _ := s.state()
	current.ChangedAll()
}

// rivals is how many connections a second process has with the same app token.
func (s *slackClient) rivals() int {
	current, _ := s.state()
	return current.Rivals()
}

// isRefused reports whether Slack does not take the tokens.
func (s *slackClient) isRefused() bool {
	_, refused := s.state()
	return refused != nil
}

// writer is the bot if it can write messages, for which it needs the bot token
// alone. EUNAVAILABLE if Slack does not take that.
func (s *slackClient) writer() (*bot.Bot, error) {
	current, refused := s.state()
	if r, ok := errors.AsType[*bot.RefusedError](refused); refused == nil || ok && r.Variable == "SLACK_APP_TOKEN" {
		return current, nil
	}
	return nil, errRefused()
}

// reader is the bot if what Slack tells of people may decide anything.
// EUNAVAILABLE while Slack refuses either token: what it told before opens no
// forward whose owner could not be told, or could not close it.
func (s *slackClient) reader(ctx context.Context) (*bot.Bot, error) {
	select {
	case <-s.answered:
	case <-ctx.Done():
		return nil, &sshforward.Error{Code: sshforward.EUNAVAILABLE,
			Message: sshforward.Textf("Slack cannot be reached just now."), Err: ctx.Err()}
	}
	current, refused := s.state()
	if refused != nil {
		return nil, errRefused()
	}
	return current, nil
}

// errRefused is without a cause, which is in the log once a minute already.
func errRefused() error {
	return sshforward.Errorf(sshforward.EUNAVAILABLE, "Slack no longer takes my token.")
}

// Card implements sshforward.Notifier.
func (s *slackClient) Card(ctx context.Context, l *sshforward.Lease) (channel, ts string, err error) {
	b, err := s.writer()
	if err != nil {
		return "", "", err
	}
	return b.Card(ctx, l)
}

// Notice implements sshforward.Notifier.
func (s *slackClient) Notice(ctx context.Context, l *sshforward.Lease, n sshforward.Notice) (sshforward.Place, error) {
	b, err := s.writer()
	if err != nil {
		return sshforward.Place{}, err
	}
	return b.Notice(ctx, l, n)
}

// Edit implements sshforward.Notifier.
func (s *slackClient) Edit(ctx context.Context, l *sshforward.Lease, p sshforward.Posted) error {
	b, err := s.writer()
	if err != nil {
		return err
	}
	return b.Edit(ctx, l, p)
}

// Announce implements sshforward.Notifier.
func (s *slackClient) Announce(ctx context.Context, text sshforward.Text) error {
	b, err := s.writer()
	if err != nil {
		return err
	}
	return b.Announce(ctx, text)
}

// Members implements sshforward.Directory.
func (s *slackClient) Members(ctx context.Context, group string) ([]string, error) {
	b, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	return b.Members(ctx, group)
}

// Person implements sshforward.Directory.
func (s *slackClient) Person(ctx context.Context, user string) (sshforward.Person, error) {
	b, err := s.reader(ctx)
	if err != nil {
		return sshforward.Person{}, err
	}
	return b.Person(ctx, user)
}
