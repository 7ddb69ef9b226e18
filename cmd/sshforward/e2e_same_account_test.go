package main

import (
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// Two names of the configuration for one AWS account and region: the log says so
// once, and the bot works all the same. Two regions of an account are two.
func TestOneAccountUnderTwoNames(t *testing.T) {
	testenv.SkipRaced(t, "TestDoctorAsksIAM finds the same")
	t.Parallel()
	const warning = "two accounts of the configuration are one AWS account"
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{others: ", {name: second, region: ap-northeast-1, wait_dns: 0s}, {name: third, region: eu-central-1}"})
	w.logged(warning)
	w.logged("main and second of the configuration are both AWS account 123456789012 in ap-northeast-1")
	id := w.open(ann, dev, c.instance+" 1m from 203.0.113.7")
	card := w.card(dev, id, "ssh -p 22")
	w.click(ann, card, "lease.close")
	w.card(dev, id, "Last resource gone")
	w.nothingLeft()
	if n := strings.Count(w.log.String(), warning); n != 1 {
		t.Errorf("the log says so %d times:\n%s", n, w.log)
	}
	if strings.Contains(w.log.String(), "third of the configuration") {
		t.Errorf("another region is taken for the same:\n%s", w.log)
	}
}
