package bot

import (
	"github.com/chai2010/gettext-go/plural"
	"github.com/chai2010/gettext-go/po"
)

// catalogue is what a PO file has of translations. Of the file nothing else stays in memory.
type catalogue struct {
	words map[msg]string
	forms map[string][]string // by the English singular
	form  func(n int) int     // which of the forms n takes
}

// msg is what a PO file finds a translation by.
type msg struct{ context, id string }

// mustCatalogue reads a PO file that is part of the program.
func mustCatalogue(text []byte) *catalogue {
	file, err := po.Load(text)
	if err != nil {
		panic(err) // TestCatalogue reads each
	}
	c := &catalogue{words: make(map[msg]string, len(file.Messages)), forms: make(map[string][]string),
		form: plural.Formula(file.MimeHeader.Language)}
	for _, m := range file.Messages {
		if m.MsgIdPlural != "" {
			c.forms[m.MsgId] = m.MsgStrPlural
		} else {
			c.words[msg{m.MsgContext, m.MsgId}] = m.MsgStr
		}
	}
	return c
}

// get is a translation, or what is to be translated where there is none.
func (c *catalogue) get(context, english string) string {
	if s := c.words[msg{context, english}]; s != "" {
		return s
	}
	return english
}

// getN is the same for what English has in two forms.
func (c *catalogue) getN(one, many string, n int) string {
	if i, forms := c.form(n), c.forms[one]; i < len(forms) && forms[i] != "" {
		return forms[i]
	}
	if n == 1 {
		return one
	}
	return many
}
