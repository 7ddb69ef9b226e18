package bot

import "testing"

// TestCatalogue holds what the bot has of a PO file against another reading of it.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	c := japanese.words()
	entries := readPO(t, "locale/ja.po")
	if len(entries) < 300 {
		t.Fatalf("%d entries", len(entries))
	}
	for _, e := range entries {
		got := c.get(e.context, e.id)
		if e.plural != "" {
			got = c.getN(e.id, e.plural, 2)
		}
		if got != e.str {
			t.Errorf("%q is %q and not %q", e.id, got, e.str)
		}
	}
	if n := len(c.words) + len(c.forms); n != len(entries) {
		t.Errorf("it has %d of %d entries", n, len(entries))
	}
	const no = "a sentence that nobody has translated"
	if got := c.get("", no); got != no {
		t.Errorf("%q", got)
	}
	for n, want := range []string{"hats", "hat", "hats"} {
		if got := c.getN("hat", "hats", n); got != want {
			t.Errorf("%d %s", n, got)
		}
	}
}
