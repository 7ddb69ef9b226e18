package layers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/layers"
)

// Three files in a circle, a fourth that uses one of them and is used by none.
var circle = map[string]string{
	"go.mod":    "module example.com/circle\n\ngo 1.26\n",
	"a.go":      "package circle\n\ntype a struct{ of b }\n",
	"b.go":      "package circle\n\nimport \"slices\"\n\ntype b []int\n\nfunc (x b) sorted() bool { return slices.IsSorted(x) && !x.odd() }\n",
	"c.go":      "package circle\n\nfunc (x b) odd() bool { return a{}.of == nil }\n",
	"top.go":    "package circle\n\nvar _ a\n",
	"a_test.go": "package circle\n\nvar _ = top\n\nvar top int\n",
}

func TestCycles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change map[string]string
		groups [][]string
		want   []string // the files of the one cycle, then the uses in it
	}{
		{"a circle of three", nil, nil, []string{"a.go b.go c.go",
			"a.go uses b.go: b (line 3)", "b.go uses c.go: odd (line 7)", "c.go uses a.go: a (line 3)", "c.go uses b.go: b (line 3)"}},
		{"a group counts as one file", nil, [][]string{{"a.go", "b.go", "c.go"}}, nil},
		{"a smaller group leaves a smaller circle", nil, [][]string{{"b.go", "c.go"}}, []string{"a.go b.go+c.go",
			"a.go uses b.go+c.go: b (line 3)", "b.go+c.go uses a.go: a (line 3)"}},
		{"layers", map[string]string{"c.go": "package circle\n\nfunc (x b) odd() bool { return false }\n",
			"b.go": "package circle\n\ntype b []int\n"}, nil, nil},
		{"a use of a field is one of the file that has it", map[string]string{
			"a.go": "package circle\n\ntype a struct{ of b }\n\nfunc get(w wrapped) b { return w.inner }\n",
			"b.go": "package circle\n\ntype b []int\n\nvar _ = get\n", "c.go": "package circle\n\ntype wrapped struct{ inner b }\n"}, nil,
			[]string{"a.go b.go c.go", "a.go uses b.go: b (line 3)", "a.go uses c.go: wrapped (line 5)",
				"b.go uses a.go: get (line 5)", "c.go uses b.go: b (line 3)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range circle {
				if other, ok := tt.change[name]; ok {
					text = other
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cycles, err := layers.Cycles(dir, tt.groups...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range cycles {
				got = append(append(got, strings.Join(c.Files, " ")), c.Uses...)
			}
			if g, w := strings.Join(got, "\n"), strings.Join(tt.want, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}

// reports is a test whose errors are what is looked at.
type reports struct {
	testing.TB
	said []string
}

func (r *reports) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func TestCheckOrder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range circle {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := &reports{TB: t}
	layers.CheckOrder(r, dir, layers.Layer{Name: "upper", Files: []string{"[ab].go"}}, layers.Layer{Name: "lower", Files: []string{"c.go"}})
	slices.Sort(r.said)
	want := []string{"c.go (lower) uses a.go (upper): a (line 3)", "c.go (lower) uses b.go (upper): b (line 3)", "top.go is in no layer"}
	if got, want := strings.Join(r.said, "\n"), strings.Join(want, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
