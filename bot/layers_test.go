package bot

import (
	"testing"

	"github.com/sshforward/sshforward/internal/layers"
	"github.com/sshforward/sshforward/internal/testenv"
)

// The package is read from the bottom up. Rendering is below all that talks to
// Slack or to the keeper, so that what people read depends on what is rendered
// and on nothing else.
func TestLayers(t *testing.T) {
	testenv.SkipRaced(t, "it reads the sources")
	layers.Check(t, ".", 1)
	layers.CheckOrder(t, ".",
		layers.Layer{Name: "bot", Files: []string{"bot.go", "doctor.go"}},
		layers.Layer{Name: "connections", Files: []string{"link.go", "dispatcher.go", "crowd.go"}},
		layers.Layer{Name: "routes", Files: []string{"slash.go", "interactive.go", "event.go"}},
		layers.Layer{Name: "what people do", Files: []string{
			"click.go", "click_result.go", "help.go", "open.go", "again.go", "from.go", "confirm.go", "deny.go", "source.go", "instances.go",
			"modal.go", "handler.go",
		}},
		layers.Layer{Name: "what people are shown", Files: []string{"home.go", "follow.go", "notifier.go"}},
		layers.Layer{Name: "keeper", Files: []string{"keeper.go", "inbound.go", "dedup.go"}},
		layers.Layer{Name: "people", Files: []string{"locale.go", "people.go", "groups.go", "channels.go"}},
		layers.Layer{Name: "client", Files: []string{"answer.go", "client.go", "rates.go", "scopes.go", "message.go", "slackerr.go",
			"options.go", "pause.go",
			"cache.go"}},
		layers.Layer{Name: "rendering", Files: []string{"render*.go"}},
		layers.Layer{Name: "parsing", Files: []string{"parse*.go", "lex.go", "syntax.go"}},
		layers.Layer{Name: "wire", Files: []string{"button.go", "payload.go", "blocks.go", "mrkdwn.go",
			"language.go", "catalogue.go", "operation.go"}},
	)
}
