package bot

import (
	_ "embed"
	"fmt"
	"time"

	"github.com/leonelquinteros/gotext"

	"github.com/sshforward/sshforward"
)

// language is one that people are spoken to in. English stands in the code,
// where it is also the key of its translations; the others are PO files, which
// every translation tool reads (locale/ja.po).
type language struct {
	tag   string     // "en", "ja"
	words *gotext.Po // nil: English
}

//go:embed locale/ja.po
var japanesePO []byte

var (
	english  = &language{tag: "en"}
	japanese = &language{tag: "ja", words: parsePO(japanesePO)}
)

func parsePO(text []byte) *gotext.Po {
	po := gotext.NewPo()
	po.Parse(text)
	return po
}

// say puts a sentence into the language. The format is a literal wherever say
// is called, so that a test finds all of them (language_test.go).
func (g *language) say(format string, args ...any) string {
	if g.words == nil {
		return fmt.Sprintf(format, args...)
	}
	return fmt.Sprintf(g.translate(format), args...)
}

// text puts what the domain says into the language.
func (g *language) text(t sshforward.Text) string {
	if t.IsZero() {
		return ""
	}
	return t.In(g.translate, g.span)
}

func (g *language) translate(format string) string {
	if g.words == nil || !g.words.IsTranslated(format) {
		return format
	}
	return g.words.Get(format, []any(nil)...) // without vars it formats nothing
}

// span writes a duration as people read it; in a command it has to be
// [sshforward.FormatDuration] in any language.
func (g *language) span(d time.Duration) string {
	return sshforward.FormatDuration(d)
}
