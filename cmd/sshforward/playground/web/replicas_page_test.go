package web_test

import (
	"slices"
	"testing"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

func TestReplicasOnThePage(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	b := webtest.Open(t, w.server.URL, "web")
	b.See("#cloud .picture")
	b.JS(`document.querySelector(".replicas").hidden`) // one bot is no fleet

	w.stage.set(web.Status{BotRunning: true, Replicas: []web.Replica{
		{PID: 11, Leases: []string{"k7m2q3x", "abcdefg"}}, {PID: 12, Paused: true}, {Cut: true},
	}})
	b.See("[data-replica='1'][data-state='well'] [data-lease='k7m2q3x']")
	b.See("[data-replica='1'] [data-lease='abcdefg']")
	b.See("[data-replica='2'][data-state='paused'] [data-kind='resume-2']")
	b.See("[data-replica='3'][data-state='dead'] [data-kind='start-3']")
	b.See("[data-kind='join-3']")
	b.Shot("replicas")
	b.Click("[data-kind='kill-1']")
	b.JS(`document.getElementById("announcer").textContent === "Done: kill replica 1"`)
	b.Click("[data-kind='cut-2']")
	b.JS(`document.getElementById("announcer").textContent === "Done: cut replica 2"`)
	if got := w.stage.troubles(); !slices.Equal(got, []string{"kill-1", "cut-2"}) {
		t.Errorf("the page causes %v", got)
	}
	// On a phone nothing of it goes past the edge.
	b.Size(375, 700)
	b.JS(`document.querySelector(".replica-list").scrollWidth <= document.querySelector(".replica-list").clientWidth`)
}
