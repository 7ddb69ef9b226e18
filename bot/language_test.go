package bot

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

// spoken are the packages whose sentences people read.
var spoken = []string{"../*.go", "../provisioner/*.go", "*.go", "../store/bolt/*.go", "../store/dynamo/*.go",
	"../cmd/sshforward/announce.go"}

// seeds are the functions that take a key, and which argument it is. Functions
// that pass a parameter of theirs on to one of these are found by themselves.
var seeds = map[string][]int{"say": {0}, "label": {0}, "sayN": {0, 1}, "Textf": {0}, "Errorf": {1}}

// operators are places whose sentences only an operator sees, in the log or on
// the command line, which are English. By file, or file and function.
var operators = map[string]string{
	"../store/bolt/open.go":            "printed when the process does not start",
	"../audit.go":                      "the audit record is English, so that it can be searched",
	"../store/bolt/trail.go":           "what the program itself made cannot be saved",
	"client.go badToken":               "printed when the process ends",
	"../store/bolt/index.go checkKey":  "a key that the program itself made",
	"../store/dynamo/item.go checkKey": "a key that the program itself made",
	"../store/dynamo/pieces.go":        "printed when a backup is put back",
	"../store/bolt/pieces.go":          "printed when a backup is put back",
	"../store/dynamo/tail.go encode":   "what the program itself made cannot be saved",
}

// notLiteral are calls whose format is not a literal, with the reason why that
// is right. By file and function.
var notLiteral = map[string]string{}

// use is one key where the code has it.
type use struct {
	context, key, plural string
	at                   string
	args                 int // -1: unknown, passed on as args...
	operators            bool
}

// corpus are the parsed files of all spoken packages, by directory.
type corpus struct {
	fset *token.FileSet
	dirs map[string][]*ast.File
	name map[*ast.File]string
}

func readSources(t *testing.T) corpus {
	t.Helper()
	c := corpus{fset: token.NewFileSet(), dirs: map[string][]*ast.File{}, name: map[*ast.File]string{}}
	for _, glob := range spoken {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %d files", glob, err, len(files))
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(c.fset, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			c.dirs[filepath.Dir(file)] = append(c.dirs[filepath.Dir(file)], f)
			c.name[f] = file
		}
	}
	return c
}

// called is the name of what a call calls, without package or receiver.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok && x.Name == "fmt" {
			return "" // fmt.Errorf is not for people
		}
		return f.Sel.Name
	}
	return ""
}

// params are the names of a function's parameters, in order.
func params(f *ast.FuncDecl) []string {
	var out []string
	for _, field := range f.Type.Params.List {
		for _, n := range field.Names {
			out = append(out, n.Name)
		}
	}
	return out
}

// consts are the string constants within a node, by name.
func consts(n ast.Node) map[string]string {
	out := map[string]string{}
	ast.Inspect(n, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for i, name := range spec.Names {
				if i < len(spec.Values) {
					if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						out[name.Name], _ = strconv.Unquote(lit.Value)
					}
				}
			}
		}
		return true
	})
	return out
}

// uses collects every key in the sources.
func uses(t *testing.T) []use {
	t.Helper()
	c := readSources(t)
	var out []use
	for _, files := range c.dirs {
		takes, found := maps.Clone(seeds), []use(nil)
		for again := true; again; { // until no more functions turn out to take keys
			again, found = false, nil
			for _, f := range files {
				for _, d := range f.Decls {
					found = append(found, usesIn(t, c, f, d, takes, &again)...)
				}
			}
		}
		out = append(out, found...)
	}
	return out
}

// usesIn collects the keys in a declaration. A function that passes on a
// parameter as the key is added to takes, and again is set.
func usesIn(t *testing.T, c corpus, f *ast.File, n ast.Decl, takes map[string][]int, again *bool) []use {
	t.Helper()
	file, where := c.name[f], c.name[f]
	var names []string
	known := consts(n)
	fn, _ := n.(*ast.FuncDecl)
	if fn != nil {
		names, where = params(fn), file+" "+fn.Name.Name
	}
	_, forOperators := operators[file]
	if _, ok := operators[where]; ok {
		forOperators = true
	}
	var out []use
	ast.Inspect(n, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := called(call)
		u := use{at: c.fset.Position(call.Pos()).String(), operators: forOperators}
		if name == "label" {
			u.context = onButton
		}
		for i, arg := range takes[name] {
			if arg >= len(call.Args) {
				continue // another function of that name
			}
			key, ok := literal(call.Args[arg], known)
			if id, isID := call.Args[arg].(*ast.Ident); !ok && isID {
				if p := slices.Index(names, id.Name); p >= 0 {
					if !slices.Contains(takes[fn.Name.Name], p) {
						takes[fn.Name.Name] = append(slices.Clone(takes[fn.Name.Name]), p)
						*again = true
					}
					return true
				}
			}
			if !ok {
				if notLiteral[where] == "" {
					t.Errorf("%s: the format of %s is not a literal; if that is right, say why in notLiteral", u.at, name)
				}
				return true
			}
			u.args = len(call.Args) - takes[name][len(takes[name])-1] - 1
			if call.Ellipsis.IsValid() {
				u.args = -1
			}
			if name == "sayN" {
				u.args-- // the number that chooses the form
				if i == 0 {
					u.key = key
					continue
				}
				u.plural = key
			} else {
				u.key = key
				if !slices.Contains(variadic, name) {
					u.args = 0
				}
			}
			out = append(out, u)
		}
		return true
	})
	return out
}

// variadic are the functions whose arguments after the key go into it.
var variadic = []string{"say", "label", "sayN", "Textf", "Errorf", "instead", "invalid", "better", "suggestIfRead", "fail", "later", "note"}

func literal(e ast.Expr, known map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		a, ok := literal(e.X, known)
		b, ok2 := literal(e.Y, known)
		return a + b, ok && ok2 && e.Op == token.ADD
	case *ast.Ident:
		s, ok := known[e.Name]
		return s, ok
	}
	return "", false
}

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?[-+# 0]*\d*(?:\.\d+)?([a-zA-Z%])`)

// verbsOf are those of a format by the number of the argument they write, and how
// many arguments it needs.
func verbsOf(format string) (map[int]string, int) {
	out, next, most := map[int]string{}, 1, 0
	for _, m := range verb.FindAllStringSubmatch(format, -1) {
		if m[2] == "%" {
			continue
		}
		if m[1] != "" {
			next, _ = strconv.Atoi(m[1])
		}
		out[next] = m[2]
		most = max(most, next)
		next++
	}
	return out, most
}

// wordless keys are the same in any language.
func wordless(key string) bool {
	return !regexp.MustCompile(`[a-z]`).MatchString(verb.ReplaceAllString(key, ""))
}

// entry is one of a PO file.
type entry struct{ context, id, plural, str string }

func readPO(t *testing.T, file string) []entry {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []entry
	var e entry
	var into *string
	for n, l := range strings.Split(string(text)+"\n\n", "\n") {
		l = strings.TrimSpace(l)
		field, rest, _ := strings.Cut(l, " ")
		switch field {
		case "msgctxt":
			into = &e.context
		case "msgid":
			into = &e.id
		case "msgid_plural":
			into = &e.plural
		case "msgstr", "msgstr[0]":
			into = &e.str
		case "":
			if e.id != "" {
				out = append(out, e)
			}
			e, into = entry{}, nil
			continue
		default:
			if strings.HasPrefix(l, "#") {
				continue
			}
			rest = l
		}
		s, err := strconv.Unquote(rest)
		if err != nil || into == nil {
			t.Fatalf("%s:%d: %q", file, n+1, l)
		}
		*into += s
	}
	return out
}

func (u use) po() string {
	s := "#: " + u.at + "\n"
	if u.context != "" {
		s += fmt.Sprintf("msgctxt %q\n", u.context)
	}
	s += fmt.Sprintf("msgid %q\n", u.key)
	if u.plural != "" {
		return s + fmt.Sprintf("msgid_plural %q\nmsgstr[0] \"\"\n\n", u.plural)
	}
	return s + "msgstr \"\"\n\n"
}

func TestEverySentenceIsThereInJapanese(t *testing.T) {
	testenv.SkipRaced(t, "it reads the sources")
	t.Parallel()
	const file = "locale/ja.po"
	entries := map[[2]string]entry{}
	for _, e := range readPO(t, file) {
		id := [2]string{e.context, e.id}
		if _, twice := entries[id]; twice {
			t.Errorf("%s has %q twice", file, e.id)
		}
		entries[id] = e
	}
	used := map[[2]string]bool{}
	var missing strings.Builder
	for _, u := range uses(t) {
		want, most := verbsOf(u.key)
		for _, form := range []string{u.key, u.plural} {
			if _, n := verbsOf(form); form != "" && u.args >= 0 && n != u.args {
				t.Errorf("%s: %q needs %d args and gets %d", u.at, form, most, u.args)
			}
		}
		id := [2]string{u.context, u.key}
		if u.operators || wordless(u.key) && entries[id].id == "" || used[id] {
			continue
		}
		used[id] = true
		e, ok := entries[id]
		if !ok || e.str == "" {
			missing.WriteString(u.po())
			continue
		}
		if got, _ := verbsOf(e.str); !maps.Equal(got, want) {
			t.Errorf("%q and %q have different verbs: %v and %v", u.key, e.str, want, got)
		}
		if e.plural != u.plural {
			t.Errorf("%q has another plural in %s: %q", u.key, file, e.plural)
		}
	}
	if missing.Len() > 0 {
		t.Errorf("without Japanese; put it into %s:\n\n%s", file, missing.String())
	}
	for id := range entries {
		if !used[id] {
			t.Errorf("%s: nobody says %q (context %q)", file, id[1], id[0])
		}
	}
	if len(used) < 200 {
		t.Errorf("only %d sentences were found, so the search is broken", len(used))
	}
}
