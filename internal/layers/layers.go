// Package layers tells which files of a package use each other. A package
// whose files form layers can be read from the bottom up, a file at a time;
// one in which everything uses everything has to be read whole.
package layers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// Check fails the test for each cycle of more than most files in the package
// in dir, and says who uses what in it. The files of each of the groups count
// as one. With most 1 no file may use one that uses it, however indirectly.
func Check(t testing.TB, dir string, most int, groups ...[]string) {
	t.Helper()
	cycles, err := Cycles(dir, groups...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cycles {
		if len(c.Files) > most {
			t.Errorf("%d files use each other in a circle: %s\n\t%s", len(c.Files), strings.Join(c.Files, ", "), strings.Join(c.Uses, "\n\t"))
		}
	}
}

// Layer is files that may use each other and those of the layers below.
type Layer struct {
	Name  string
	Files []string // patterns as package path has them
}

// CheckOrder fails the test for each use of a file by one in a lower layer,
// and for each file that is in no layer. The top layer comes first.
func CheckOrder(t testing.TB, dir string, order ...Layer) {
	t.Helper()
	list, err := list(dir)
	if err != nil {
		t.Fatal(err)
	}
	uses, err := graph(dir, list, nil)
	if err != nil {
		t.Fatal(err)
	}
	height := make(map[string]int)
	for _, file := range list.files {
		height[file] = slices.IndexFunc(order, func(l Layer) bool {
			return slices.ContainsFunc(l.Files, func(pattern string) bool { ok, _ := path.Match(pattern, file); return ok })
		})
		if height[file] < 0 {
			t.Errorf("%s is in no layer", file)
		}
	}
	for _, from := range list.files {
		for to, what := range uses[from] {
			if min(height[from], height[to]) >= 0 && height[from] > height[to] {
				t.Errorf("%s (%s) uses %s (%s): %s", from, order[height[from]].Name, to, order[height[to]].Name, what)
			}
		}
	}
}

// Cycle is a set of files each of which uses each other, if need be through
// third ones.
type Cycle struct {
	Files []string
	Uses  []string // one line for each file and each other one that it uses: what, and where
}

// Cycles returns the cycles in the package in dir, its tests left out. It
// needs the go command.
func Cycles(dir string, groups ...[]string) ([]Cycle, error) {
	list, err := list(dir)
	if err != nil {
		return nil, err
	}
	uses, err := graph(dir, list, groups)
	if err != nil {
		return nil, err
	}
	var cycles []Cycle
	for _, files := range circles(uses) {
		c := Cycle{Files: files}
		for _, from := range files {
			for _, to := range files {
				if what, ok := uses[from][to]; ok {
					c.Uses = append(c.Uses, fmt.Sprintf("%s uses %s: %s", from, to, what))
				}
			}
		}
		cycles = append(cycles, c)
	}
	return cycles, nil
}

// graph returns, for each file, each file of which it uses a declaration, with
// the first such use.
func graph(dir string, list *listing, groups [][]string) (map[string]map[string]string, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range list.files {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", list.open)}
	pkg, err := conf.Check(list.path, fset, files, info)
	if err != nil {
		return nil, fmt.Errorf("check the types of %s: %w", list.path, err)
	}
	node := func(p token.Pos) string {
		name := filepath.Base(fset.Position(p).Filename)
		for _, g := range groups {
			if slices.Contains(g, name) {
				return strings.Join(g, "+")
			}
		}
		return name
	}
	uses := make(map[string]map[string]string)
	first := make(map[string]map[string]token.Pos)
	for id, o := range info.Uses {
		if o.Pkg() != pkg || !o.Pos().IsValid() {
			continue
		}
		from, to := node(id.Pos()), node(o.Pos())
		if from == to {
			continue
		}
		if uses[from] == nil {
			uses[from], first[from] = make(map[string]string), make(map[string]token.Pos)
		}
		if at, ok := first[from][to]; ok && at <= id.Pos() {
			continue
		}
		first[from][to] = id.Pos()
		uses[from][to] = fmt.Sprintf("%s (line %d)", o.Name(), fset.Position(id.Pos()).Line)
	}
	return uses, nil
}

// circles returns the strongly connected components of more than one file,
// the largest first (Tarjan's algorithm).
func circles(uses map[string]map[string]string) [][]string {
	var (
		found [][]string
		stack []string
		index = make(map[string]int)
		low   = make(map[string]int)
		visit func(string)
	)
	visit = func(v string) {
		index[v] = len(index) + 1
		low[v] = index[v]
		stack = append(stack, v)
		for _, w := range slices.Sorted(maps.Keys(uses[v])) {
			if index[w] == 0 {
				visit(w)
				low[v] = min(low[v], low[w])
			} else if slices.Contains(stack, w) {
				low[v] = min(low[v], index[w])
			}
		}
		if low[v] != index[v] {
			return
		}
		at := slices.Index(stack, v)
		if circle := slices.Clone(stack[at:]); len(circle) > 1 {
			slices.Sort(circle)
			found = append(found, circle)
		}
		stack = stack[:at]
	}
	for _, v := range slices.Sorted(maps.Keys(uses)) {
		if index[v] == 0 {
			visit(v)
		}
	}
	slices.SortStableFunc(found, func(a, b []string) int { return len(b) - len(a) })
	return found
}

// listing is what the go command knows of a package and what it imports.
type listing struct {
	path    string
	files   []string
	exports map[string]string // import path -> file with its export data
}

func list(dir string) (*listing, error) {
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export"}
	if raced() {
		args = append(args, "-race") // or everything would be compiled once more
	}
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.String())
	}
	l := &listing{exports: make(map[string]string)}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return l, nil // the package itself comes last, after what it imports
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		l.exports[p.ImportPath] = p.Export
		l.path, l.files = p.ImportPath, p.GoFiles
	}
}

func (l *listing) open(imported string) (io.ReadCloser, error) {
	file := l.exports[imported]
	if file == "" {
		return nil, fmt.Errorf("no export data for %s", imported)
	}
	return os.Open(file)
}

// raced reports whether this program was built with the race detector.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}
