package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot"
)

type slackConfig struct {
	Channel  string   `yaml:"channel"`
	Admins   []person `yaml:"admins"`
	Language string   `yaml:"language"`
	Ask      string   `yaml:"ask"`
	Cards    []string `yaml:"cards"`
}

// check looks at the values and fills in defaults.
func (s *slackConfig) check() error {
	s.Language = cmp.Or(s.Language, "en")
	s.Ask = cmp.Or(s.Ask, string(sshforward.AskBoth))
	switch {
	case s.Channel != "" && !channelID.MatchString(s.Channel):
		return fmt.Errorf("slack.channel: %q is not the id of a channel; Slack shows the id (C…) at the end of the channel's details",
			s.Channel)
	case !slices.Contains(bot.Languages(), s.Language):
		return fmt.Errorf("slack.language: %q is not there; write one of %s", s.Language, strings.Join(bot.Languages(), ", "))
	}
	for i, id := range s.Cards {
		if !channelID.MatchString(id) {
			return fmt.Errorf("slack.cards[%d]: %q is not the id of a channel; write for example: cards: [C0OPS]", i, id)
		}
	}
	switch sshforward.AskBy(s.Ask) {
	case sshforward.AskDirect, sshforward.AskChannel, sshforward.AskBoth:
		return nil
	}
	return fmt.Errorf("slack.ask: %q is not there; write dm, channel or both", s.Ask)
}
