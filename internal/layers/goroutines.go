package layers

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// starts are the methods and functions that run their argument in a goroutine
// of its own.
var starts = []string{"Go", "TryGo", "DoChan", "AfterFunc"}

// CheckGoroutines fails for each goroutine in the Go files under dir in which a
// panic would end the process. It looks at neither tests nor the folders that are
// left out, which are paths below dir.
//
// A goroutine is guarded if its function begins with a deferred safe.Recover or
// safe.Catch, or a method called recovered; only other defers may come first. One
// that does nothing but wait, close a channel or start another needs no guard,
// and neither does a function that somebody else has made, such as a
// context.CancelFunc.
func CheckGoroutines(t testing.TB, dir string, without ...string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (slices.Contains(without, filepath.ToSlash(below)) ||
			strings.HasPrefix(d.Name(), ".") && below != "." || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		found, err := unguarded(path)
		for _, at := range found {
			t.Errorf("%s:%d: a panic in this goroutine ends the process", below, at)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// unguarded returns the lines of a file on which such goroutines are started.
func unguarded(file string) (lines []int, err error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			if lit, ok := n.Call.Fun.(*ast.FuncLit); !ok || !guarded(lit) {
				lines = append(lines, fset.Position(n.Pos()).Line)
			}
		case *ast.CallExpr:
			if _, name := selector(n.Fun); !slices.Contains(starts, name) || len(n.Args) == 0 {
				return true
			}
			if lit, ok := n.Args[len(n.Args)-1].(*ast.FuncLit); ok && !guarded(lit) {
				lines = append(lines, fset.Position(n.Pos()).Line)
			}
		}
		return true
	})
	return lines, nil
}

func guarded(lit *ast.FuncLit) bool {
	if !slices.ContainsFunc(lit.Body.List, func(s ast.Stmt) bool { return !harmless(s) }) {
		return true
	}
	for _, s := range lit.Body.List {
		d, ok := s.(*ast.DeferStmt)
		if !ok {
			return false
		}
		switch of, name := selector(d.Call.Fun); {
		case of == "safe" && (name == "Recover" || name == "Catch"), name == "recovered":
			return true
		}
	}
	return false
}

// harmless reports whether a statement only waits, closes a channel or starts
// another goroutine, which is looked at by itself.
func harmless(s ast.Stmt) bool {
	x, ok := s.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := x.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	if id, ok := call.Fun.(*ast.Ident); ok {
		return id.Name == "close" || id.Name == "cancel"
	}
	_, name := selector(call.Fun)
	return name == "Wait" || slices.Contains(starts, name)
}

// selector splits x.name; x is empty where it is more than a name.
func selector(e ast.Expr) (x, name string) {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if id, ok := s.X.(*ast.Ident); ok {
		x = id.Name
	}
	return x, s.Sel.Name
}
