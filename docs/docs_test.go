package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

// repository is what documents may name: files, test functions, and what Go
// files declare.
type repository struct {
	root  string
	files []string                   // slash-separated, from the root
	decls map[string]map[string]bool // by file: functions, methods (bare and as Type.Method), types, constants, variables, fields
}

func readRepository(t *testing.T) repository {
	t.Helper()
	r := repository{root: "..", decls: make(map[string]map[string]bool)}
	err := filepath.WalkDir(r.root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		rel, err := filepath.Rel(r.root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		r.files = append(r.files, rel)
		if strings.HasSuffix(rel, ".go") {
			r.decls[rel], err = declared(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func declared(path string) (map[string]bool, error) {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			names[n.Name.Name] = true
			if n.Recv != nil {
				of := n.Recv.List[0].Type
				if star, ok := of.(*ast.StarExpr); ok {
					of = star.X
				}
				if name, ok := of.(*ast.Ident); ok {
					names[name.Name+"."+n.Name.Name] = true
				}
			}
		case *ast.TypeSpec:
			names[n.Name.Name] = true
		case *ast.ValueSpec:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.Field:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		}
		return true
	})
	return names, nil
}

// documents returns the Markdown files of the repository.
func (r repository) documents(t *testing.T) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, f := range r.files {
		if !strings.HasSuffix(f, ".md") || strings.Contains(f, "testdata/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(r.root, f))
		if err != nil {
			t.Fatal(err)
		}
		out[f] = string(text)
	}
	if len(out) < 8 {
		t.Fatalf("only %d documents; is it the right folder?", len(out))
	}
	return out
}

var (
	fence   = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```")
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	code    = regexp.MustCompile("`([^`\n]+)`")
	test    = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	file    = regexp.MustCompile(`^[\w.*/-]+\.(?:go|md|json|mjs|js|po|service|yaml|yml)$`)
	// in is how documents say where something is: `one`, `other` and `third` in [file](path).
	in = regexp.MustCompile("(`[\\w.]+`(?:(?:, | and )`[\\w.]+`)*) in \\[[^\\]]*\\]\\(([^()\\s#]+)\\)")
)

// TestLinks follows every link that stays in the repository, to its heading.
func TestLinks(t *testing.T) {
	testenv.SkipRaced(t, "it reads text and starts nothing")
	r := readRepository(t)
	docs := r.documents(t)
	for name, text := range docs {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			to := name
			if target != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(name), target))
			}
			if _, err := os.Stat(filepath.Join(r.root, to)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			} else if anchor != "" && !slices.Contains(anchors(docs[to]), anchor) {
				t.Errorf("%s links to %s, which has no such heading", name, m[1])
			}
		}
	}
}

// anchors are the headings of a document as GitHub makes anchors of them.
func anchors(text string) []string {
	var out []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		slug := strings.ToLower(strings.TrimSpace(m[1]))
		slug = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(slug, "")
		out = append(out, strings.ReplaceAll(slug, " ", "-"))
	}
	return out
}

// TestNames looks for the files, tests and declarations that documents name. The
// changelog tells of the past and may name what is gone.
func TestNames(t *testing.T) {
	testenv.SkipRaced(t, "it reads text and starts nothing")
	r := readRepository(t)
	tests := make(map[string]bool)
	for name, decls := range r.decls {
		if strings.HasSuffix(name, "_test.go") {
			maps.Copy(tests, decls)
		}
	}
	for name, text := range r.documents(t) {
		if name == "CHANGELOG.md" {
			continue
		}
		for _, m := range test.FindAllString(text, -1) {
			if !tests[m] {
				t.Errorf("%s names %s, which is no test", name, m)
			}
		}
		for _, m := range code.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			if file.MatchString(m[1]) && !r.has(name, m[1]) {
				t.Errorf("%s names the file %s, which is not there", name, m[1])
			}
		}
		for _, m := range in.FindAllStringSubmatch(text, -1) {
			of := filepath.ToSlash(filepath.Join(filepath.Dir(name), m[2]))
			decls, ok := r.decls[of]
			if !ok {
				continue // no Go file
			}
			for _, word := range code.FindAllStringSubmatch(m[1], -1) {
				if !decls[word[1]] {
					t.Errorf("%s says that %s has %s, which it does not declare", name, of, word[1])
				}
			}
		}
	}
}

// has reports whether a file is named from the document's folder or the root, or
// by its bare name, which may be a pattern.
func (r repository) has(document, name string) bool {
	from := filepath.ToSlash(filepath.Join(filepath.Dir(document), name))
	return slices.ContainsFunc(r.files, func(f string) bool {
		candidates := []string{f}
		if !strings.Contains(name, "/") {
			candidates = append(candidates, filepath.Base(f))
		}
		return slices.ContainsFunc(candidates, func(c string) bool {
			byName, _ := filepath.Match(name, c)
			return byName || c == from
		})
	})
}

// TestLifeIsDrawnWhole holds the picture of a lease's life against the code.
func TestLifeIsDrawnWhole(t *testing.T) {
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, life, _ := strings.Cut(string(text), "\n## The life of a lease\n")
	life, _, _ = strings.Cut(life, "\n## ")
	for _, s := range sshforward.States {
		if !strings.Contains(life, "`"+string(s)+"`") {
			t.Errorf("the state %s is not explained", s)
		}
	}
	for _, stage := range sshforward.Stages {
		if !strings.Contains(life, "`"+string(stage)+"`") {
			t.Errorf("the stage %s is not explained", stage)
		}
	}
	for _, reason := range constants(t, "../state.go", "Reason") {
		if !strings.Contains(life, "`"+reason+"`") {
			t.Errorf("the reason %s is not explained", reason)
		}
	}
}

// constants are the values of the constants of a type, which are strings.
func constants(t *testing.T, path, kind string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || v.Type == nil || fmt.Sprint(v.Type) != kind {
			return true
		}
		for _, value := range v.Values {
			if lit, ok := value.(*ast.BasicLit); ok {
				out = append(out, strings.Trim(lit.Value, `"`))
			}
		}
		return true
	})
	if len(out) < 3 {
		t.Fatalf("found only %v of type %s in %s", out, kind, path)
	}
	return out
}

// TestLayersAreDrawn holds the pictures of the layers against the tests that
// keep them: what the pictures call a layer is one, from the top down.
func TestLayersAreDrawn(t *testing.T) {
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"../layers_test.go", "../bot/layers_test.go"} {
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for _, m := range regexp.MustCompile(`layers\.Layer\{Name: "([^"]+)"`).FindAllStringSubmatch(string(kept), -1) {
			next := regexp.MustCompile(`(?m)^ +` + m[1] + ` {2,}`).FindIndex(text[at:])
			if next == nil {
				t.Errorf("the layer %q of %s is not drawn below the one above it", m[1], path)
				continue
			}
			at += next[1]
		}
	}
}

// TestSecurityClaimsAreTested wants a test for each claim of security.md but
// those that say what is known and accepted.
func TestSecurityClaimsAreTested(t *testing.T) {
	text, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	claims, _, ok := strings.Cut(string(text), "\n## What is known and accepted\n")
	if !ok {
		t.Fatal("where is what is known and accepted?")
	}
	n := 0
	for line := range strings.Lines(claims) {
		if strings.HasPrefix(line, "- ") {
			n++
			if !test.MatchString(line) {
				t.Errorf("which test would fail if this were not so? %s", line)
			}
		}
	}
	if n < 30 {
		t.Errorf("found only %d claims", n)
	}
}

// TestErrorsOfTheLogAreExplained wants every line that the program logs as an
// error in logs.md, and nothing there that it does not log.
func TestErrorsOfTheLogAreExplained(t *testing.T) {
	testenv.SkipRaced(t, "it reads text and starts nothing")
	text, err := os.ReadFile("logs.md")
	if err != nil {
		t.Fatal(err)
	}
	_, errs, _ := strings.Cut(string(text), "\n## Errors\n")
	errs, warnings, _ := strings.Cut(errs, "\n## ")
	logged := regexp.MustCompile(`\.(Error|Warn)(?:Context)?\((?:ctx, )?(?:\n\s*)?"([^"]+)"`)
	r, sources := readRepository(t), ""
	for _, name := range r.files {
		dir := filepath.ToSlash(filepath.Dir(name))
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(dir, "test") ||
			strings.Contains(dir, "/fake") || strings.Contains(dir, "playground") || strings.HasPrefix(dir, "internal/") {
			continue
		}
		source, err := os.ReadFile(filepath.Join(r.root, name))
		if err != nil {
			t.Fatal(err)
		}
		sources += string(source)
		for _, m := range logged.FindAllStringSubmatch(string(source), -1) {
			if m[1] != "Error" {
				continue
			}
			explained := false
			for _, c := range code.FindAllStringSubmatch(errs, -1) {
				explained = explained || strings.HasPrefix(m[2], c[1])
			}
			if !explained {
				t.Errorf("%s logs the error %q, which logs.md does not explain", name, m[2])
			}
		}
	}
	for line := range strings.Lines(errs + warnings) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		for _, c := range code.FindAllStringSubmatch(cell, -1) {
			if strings.HasPrefix(line, "| `") && !strings.Contains(sources, c[1]) {
				t.Errorf("logs.md explains %q, which nothing logs", c[1])
			}
		}
	}
}

// TestJapaneseReadmeHasEveryCommand wants the same commands in both READMEs.
func TestJapaneseReadmeHasEveryCommand(t *testing.T) {
	commands := func(name string) (out []string) {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?m)^\\| `/sshforward ?(\\w*)").FindAllStringSubmatch(string(text), -1) {
			out = append(out, m[1])
		}
		return out
	}
	english, japanese := commands("README.md"), commands("README.ja.md")
	if len(english) < 8 || !slices.Equal(english, japanese) {
		t.Errorf("README.md has the commands %q, README.ja.md %q", english, japanese)
	}
}
