package sshforward_test

import (
	"testing"

	"github.com/sshforward/sshforward/internal/layers"
	"github.com/sshforward/sshforward/internal/testenv"
)

// The package is read from the bottom up: a file uses only files of layers
// below it, and of its own layer only such as do not use it. The words of
// which everything else is made, sentences and errors about them, count as one.
func TestLayers(t *testing.T) {
	testenv.SkipRaced(t, "it reads the sources")
	layers.Check(t, ".", 1, []string{"text.go", "error.go", "duration.go"})
	layers.CheckOrder(t, ".",
		layers.Layer{Name: "do", Files: []string{"keeper_do.go", "doc.go"}},
		layers.Layer{Name: "commands", Files: []string{
			"keeper_open.go", "keeper_suggest.go", "keeper_again.go", "keeper_approve.go", "keeper_extend.go", "keeper_close.go",
			"keeper_list.go", "keeper_overview.go", "keeper_instances.go", "keeper_source.go", "keeper_abandon.go",
			"keeper_from.go", "keeper_why.go", "keeper_help.go", "keeper_search.go",
			"keeper_audit.go", "keeper_command.go", "keeper_quota.go", "keeper_answer.go", "keeper_prepare.go",
		}},
		layers.Layer{Name: "sweeps", Files: []string{
			"keeper_begin.go", "keeper_sweep.go", "keeper_elsewhere.go", "keeper_judge.go", "keeper_drift.go", "keeper_watch.go",
		}},
		layers.Layer{Name: "loops", Files: []string{"keeper_work.go", "keeper_recall.go", "keeper_members.go"}},
		layers.Layer{Name: "effects", Files: []string{"keeper_step.go", "keeper_notify.go", "keeper_ask.go"}},
		layers.Layer{Name: "machine", Files: []string{
			"keeper.go", "ledger.go", "silence.go", "recalls.go", "unwritten.go", "copies.go", "membership.go",
			"workers.go", "sightings.go", "snapshot.go", "watches.go", "held.go", "instance_cache.go",
			"keyed_mutex.go", "pace.go",
		}},
		layers.Layer{Name: "rules", Files: []string{
			"next.go", "outbox.go", "posted.go", "claim.go", "approval.go", "quorum.go", "transition.go", "transition_sweep.go", "audit.go",
			"admission.go", "policy.go", "amend.go", "correct.go", "ruling.go", "timing.go", "reply.go", "abandon.go", "from.go", "prepare.go",
			"envelope.go", "ownership.go", "carry.go",
		}},
		layers.Layer{Name: "contracts", Files: []string{"store.go", "provisioner.go", "survey.go", "notifier.go", "directory.go"}},
		layers.Layer{Name: "words", Files: []string{
			"lease.go", "member.go", "piece.go", "state.go", "instance.go", "account.go", "notice.go", "caller.go", "command.go", "event.go",
			"source.go", "cost.go",
			"duration.go", "error.go", "text.go", "typed.go",
			"preparation.go",
		}},
	)
}
