package sshforward

import "testing"

func TestTyped(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"ｏｐｅｎ　ｗｅｂ－１": "open web-1", "203。0．113｡7、198.51.100.9": "203.0.113.7,198.51.100.9",
		"i‐0abc": "i-0abc", "i–0abc": "i-0abc", "i−0abc": "i-0abc", "iー0abc": "i-0abc",
		"サーバー1": "サーバー1", "ｻｰﾊﾞｰ": "ｻーﾊﾞー", // a long vowel is no hyphen
		"\u200bweb\u2060-1\ufeff": "web-1", "web\u00a01": "web 1", "R&D": "R&D", "日本": "日本",
	} {
		if got := Typed(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestInstanceRef(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"I-0ABC1234DEF567890": "i-0abc1234def567890", "Ｉ－０ＡＢＣ": "i-0abc", "Web-1": "Web-1", "I-beam": "I-beam",
		" web-1\u200b": "web-1",
	} {
		if got := InstanceRef(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestBlank(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"": true, " \u200b\u3000\ufeff\n": true, "\u2800": true, "x": false, "。": false} {
		if Blank(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}
