package fakeaws

import (
	"encoding/base64"
	"strings"
)

const (
	// consoleKept is how much of the end of the console AWS keeps.
	consoleKept = 64 << 10
	// consoleLine is the width of its base64, which comes in lines.
	consoleLine = 76
)

// SetConsole sets what GetConsoleOutput answers.
func (h *Region) SetConsole(id, output string) {
	defer h.lock("SetConsole")()
	h.instance(id).Console = output
}

// getConsoleOutput answers with no output at all as long as there is none.
func getConsoleOutput(rq *request) (any, *apiError) {
	i, e := rq.r.instance(rq.p.str("InstanceId"))
	if e != nil {
		return nil, e
	}
	var out struct {
		Instance string `xml:"instanceId"`
		At       string `xml:"timestamp"`
		Output   string `xml:"output,omitempty"`
	}
	out.Instance, out.At = i.ID, stamp(rq.now)
	if rq.now.Sub(i.Launched) < rq.c.opts.ConsoleDelay {
		return out, nil
	}
	text := i.Console
	if len(text) > consoleKept {
		text = text[len(text)-consoleKept:]
	}
	out.Output = inLines(base64.StdEncoding.EncodeToString([]byte(text)))
	return out, nil
}

// inLines ends every line with a line feed, also the last one.
func inLines(s string) string {
	var b strings.Builder
	for s != "" {
		n := min(len(s), consoleLine)
		b.WriteString(s[:n])
		b.WriteByte('\n')
		s = s[n:]
	}
	return b.String()
}
