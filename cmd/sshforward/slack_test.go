package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// TestTokensAreTriedAgain has Slack refuse a token for a while, and then another
// one be there in its place.
func TestTokensAreTriedAgain(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]func(*fakeslack.Workspace) string{
		"bot token": (*fakeslack.Workspace).BotToken, "app token": (*fakeslack.Workspace).AppToken,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slack := fakeslack.New(fakeslack.Options{})
			slack.AddUser(fakeslack.User{ID: ann, Name: "ann"})
			slack.AddChannel(fakeslack.Channel{ID: dev, Name: "dev", Members: []string{ann}, BotMember: true})
			if err := slack.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(slack.Close)
			var reads atomic.Int32
			right := tokens{bot: slack.BotToken(), app: slack.AppToken()}
			log := new(logBuffer)
			s := newSlackClient(right, func() (tokens, error) { reads.Add(1); return right, nil }, slog.New(slog.NewTextHandler(log, nil)),
				func(has tokens, connected func(bool)) *bot.Bot {
					return bot.New(bot.Options{Token: has.bot, AppToken: has.app, APIURL: slack.APIURL(), OnConnect: connected})
				})
			s.pause = 200 * time.Millisecond
			slack.SetTokenError(token(slack), "token_revoked")
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- s.run(ctx, nil) }()

			waitFor(t, "the refusal", s.isRefused)
			if _, err := s.Person(ctx, ann); sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
				t.Errorf("of a person it tells %v", err)
			}
			if err := s.ready(); err == nil {
				t.Error("it is ready")
			}
			_, _, err := s.Card(ctx, &sshforward.Lease{ID: "k7m2q3x", State: sshforward.Closed, Channel: dev, Owner: ann})
			if name == "bot token" {
				if sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE || len(slack.Calls("chat.postMessage")) > 0 {
					t.Errorf("the card: %v", err)
				}
			} else if err != nil {
				t.Errorf("with the bot token alone, the card: %v", err)
			}
			waitFor(t, "another try", func() bool { return reads.Load() > 1 })
			slack.SetTokenError(token(slack), "")
			waitFor(t, "the end of it", func() bool { return s.ready() == nil })
			if _, err := s.Person(ctx, ann); err != nil {
				t.Errorf("of a person it tells %v", err)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// An opening that was left half done waits for Slack's first answer, but not for
// ever, and nobody waits who is told to stop.
func TestSlackIsAskedFirst(t *testing.T) {
	t.Parallel()
	s := newSlackClient(tokens{}, nil, slog.New(slog.DiscardHandler), func(tokens, func(bool)) *bot.Bot { return nil })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Person(ctx, ann); sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
		t.Errorf("of a person it tells %v", err)
	}
}

func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
