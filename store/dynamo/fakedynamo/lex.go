package fakedynamo

import (
	"strconv"
	"strings"
)

type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a name, a keyword or a function
	tokenName             // #name
	tokenValue            // :value
	tokenNumber           // an index into a list
	tokenSign             // what is left
)

type token struct {
	kind tokenKind
	text string
	at   int
}

func (t token) String() string {
	if t.kind == tokenEnd {
		return "<EOF>"
	}
	return t.text
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// lex splits an expression.
func lex(src string) []token {
	var out []token
	for at := 0; at < len(src); {
		c := src[at]
		end := at + 1
		t := token{kind: tokenSign, at: at}
		more := func(ok func(byte) bool) {
			for end < len(src) && ok(src[end]) {
				end++
			}
		}
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			at++
			continue
		case isLetter(c), c == '#', c == ':':
			t.kind = tokenWord
			if c == '#' {
				t.kind = tokenName
			} else if c == ':' {
				t.kind = tokenValue
			}
			more(func(c byte) bool { return isLetter(c) || isDigit(c) })
		case isDigit(c):
			t.kind = tokenNumber
			more(isDigit)
		case end < len(src) && (c == '<' && (src[end] == '>' || src[end] == '=') || c == '>' && src[end] == '='):
			end++
		}
		t.text = src[at:end]
		out = append(out, t)
		at = end
	}
	return append(out, token{kind: tokenEnd, at: len(src)})
}

// maxExpression is how long an expression may be (developer guide, "Quotas").
const maxExpression = 4096

// names are what the expressions of one request may refer to, and what they did.
type names struct {
	attributes map[string]string
	values     map[string]value
	used       map[string]bool
}

// parser reads one expression. What is wrong with it comes out of parse as an
// error, from wherever it is found.
type parser struct {
	what   string // such as ConditionExpression
	src    string
	tokens []token
	names  *names
}

// parse runs a rule on the whole of an expression, if there is one.
func parse[T any](what string, expression *string, n *names, rule func(*parser) T) (result T, e *apiError) {
	if expression == nil {
		return result, nil
	}
	src := *expression
	defer func() {
		if r := recover(); r != nil {
			failed, ok := r.(*apiError)
			if !ok {
				panic(r)
			}
			e = failed
		}
	}()
	p := &parser{what: what, src: src, tokens: lex(src), names: n}
	switch {
	case strings.TrimSpace(src) == "":
		p.fail("The expression can not be empty;")
	case len(src) > maxExpression:
		p.fail("Expression size has exceeded the maximum allowed size; expression size: " + strconv.Itoa(len(src)))
	}
	result = rule(p)
	if p.tokens[0].kind != tokenEnd {
		p.syntax()
	}
	return result, nil
}

func (p *parser) fail(message string) { panic(invalid("Invalid %s: %s", p.what, message)) }

func (p *parser) syntax() {
	t := p.tokens[0]
	near := p.src[max(0, t.at-10):min(len(p.src), t.at+len(t.text)+10)]
	p.fail("Syntax error; token: \"" + t.String() + "\", near: \"" + near + "\"")
}

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

// word takes a keyword if it is next, in whatever case.
func (p *parser) word(keyword string) bool {
	if t := p.tokens[0]; t.kind == tokenWord && strings.EqualFold(t.text, keyword) {
		p.next()
		return true
	}
	return false
}

func (p *parser) sign(text string) bool {
	if t := p.tokens[0]; t.kind == tokenSign && t.text == text {
		p.next()
		return true
	}
	return false
}

func (p *parser) need(sign string) {
	if !p.sign(sign) {
		p.syntax()
	}
}

// at is the text of a token further on.
func (p *parser) at(i int) string {
	if i >= len(p.tokens) {
		return ""
	}
	return p.tokens[i].text
}
