package main

import (
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// A command as a phone or an input method writes it is asked like any other, and
// what is suggested for one with a mistake works when it is typed.
func TestCommandsAsTheyAreTyped(t *testing.T) {
	testenv.SkipRaced(t, "what it looks for is in texts")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	for _, text := range []string{
		"ｏｐｅｎ　ｗｅｂ－１　１時間３０分　ｆｒｏｍ　２０３。０。１１３。７ because １時間だけ、お願いします",
		"open “web‐1” 1h 30m from 203.0.113.7、 because １時間だけ、お願いします",
		"open\u200b `" + strings.ToUpper(c.instance) + "` 1.5h from 203.0.113.7 because １時間だけ、お願いします",
	} {
		prompt := w.slash(ann, dev, text)
		if !containsAll(prompt.Visible(), []string{"web-1", "1h30m", "203.0.113.7", "１時間だけ、お願いします"}) {
			t.Errorf("%q: %s", text, prompt.Visible())
		}
		w.click(ann, prompt, "lease.cancel")
	}
	for _, text := range []string{
		"open web-1 3 weeks from 203.0.113.7", "open web-1 99h from 10.0.0.1 port 3389", "open web-1 2x", "opne web-1 1s from 203.0.113.9/28",
	} {
		says := w.slash(ann, dev, text).Visible()
		_, example, ok := strings.Cut(says, "Try `/sshforward ")
		example, _, _ = strings.Cut(example, "`")
		if !ok {
			t.Errorf("%q: nothing is suggested: %s", text, says)
			continue
		}
		prompt := w.slash(ann, dev, example)
		if !strings.Contains(prompt.Visible(), "Open SSH to") {
			t.Errorf("%q: it suggested %q: %s", text, example, prompt.Visible())
			continue
		}
		w.click(ann, prompt, "lease.cancel")
	}
	w.nothingLeft()
}
