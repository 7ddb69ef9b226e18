package playground

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// Play plays a script; name stands in its errors. What it does it writes to
// out. The error names the line that did not go as written.
func (p *Playground) Play(ctx context.Context, name string, text io.Reader, out io.Writer) error {
	s, err := parseScript(name, text)
	if err != nil {
		return err
	}
	r := &runner{p: p, user: Ann, channel: Dev, out: out}
	defer r.hangUp()
	for _, st := range s.steps {
		began := time.Now()
		if err := r.do(ctx, st); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%s:%d: %q: %w", s.name, st.number, st.text, err)
		}
		fmt.Fprintf(out, "%6.1fs  %s\n", time.Since(began).Seconds(), st.text)
	}
	return nil
}

// runner is where a script stands.
type runner struct {
	p             *Playground
	out           io.Writer
	user, channel string
	acted         time.Time // when the actor last did something
	typed         time.Time // when somebody last typed something
	lease         string    // whose card is meant
	live          *liveSession
}

func (r *runner) do(ctx context.Context, s step) error {
	switch s.verb {
	case "as":
		return r.as(s.args)
	case "type":
		return r.typeText(ctx, s.args[0])
	case "click":
		return r.click(ctx, s.args[0])
	case "expect":
		ctx, cancel := context.WithTimeout(ctx, s.within(r.p.opts.Speed))
		defer cancel()
		return r.expect(ctx, s.args)
	case "ssh":
		return r.ssh(ctx, s.args, s.want)
	case "session":
		return r.session(s.args)
	case "trouble":
		return r.p.Trouble(ctx, s.args[0])
	default: // wait
		select {
		case <-time.After(scaled(s.span, r.p.opts.Speed)):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *runner) as(args []string) error {
	s := r.p.workspace.Snapshot()
	users := s.Users()
	i := slices.IndexFunc(users, func(u fakeslack.User) bool { return u.Name == args[0] && !u.IsBot })
	if i < 0 {
		return fmt.Errorf("there is nobody called %s", args[0])
	}
	r.user, r.acted = users[i].ID, time.Now()
	if len(args) < 3 {
		return nil
	}
	if args[2] == "dm" {
		r.channel = r.p.workspace.DM(r.user)
		return nil
	}
	name := strings.TrimPrefix(args[2], "#")
	for _, c := range s.Channels() {
		if c.Name == name && !c.IM {
			r.channel = c.ID
			return nil
		}
	}
	return fmt.Errorf("there is no channel #%s", name)
}

func (r *runner) typeText(ctx context.Context, text string) error {
	r.acted = time.Now()
	r.typed = r.acted
	text = strings.ReplaceAll(text, "{lease}", r.lease)
	if !strings.HasPrefix(text, "/") {
		_, err := r.p.workspace.Say(r.user, r.channel, text)
		return err
	}
	result, err := r.p.workspace.Slash(ctx, r.user, r.channel, faster(text, r.p.opts.Speed))
	return shown(result, err)
}

// shown is the error that a person would have been shown.
func shown(result fakeslack.Result, err error) error {
	if err == nil && result.Error != "" {
		err = fmt.Errorf("what Slack shows is %s", result.Error)
	}
	return err
}

// click presses a button as soon as the actor sees it.
func (r *runner) click(ctx context.Context, label string) error {
	late, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var on fakeslack.Message
	var button fakeslack.Button
	err := r.p.workspace.Wait(late, func(s *fakeslack.Snapshot) bool {
		for _, m := range r.inSight(s) {
			for _, b := range m.Buttons() {
				if b.Text == label || strings.HasPrefix(b.Text, label+" ") {
					on, button = m, b
					return true
				}
			}
		}
		return false
	})
	if err != nil {
		instead := "no such button is in sight"
		if told := r.told(r.p.workspace.Snapshot()); len(told) > 0 {
			instead += "; the last answer was: " + strings.Join(strings.Fields(told[len(told)-1].Visible()), " ")
		}
		return r.not(err, instead)
	}
	if id, _, _ := strings.Cut(button.Value, " "); id != "" {
		if id, ok := sshforward.ParseID(id); ok {
			r.lease = id
		}
	}
	r.acted = time.Now()
	return shown(r.p.workspace.Click(ctx, r.user, on.TS, button.ActionID, button.Value))
}

// inSight is what the actor sees, the newest first. Prompts of before the last
// typed line are not looked at: the one it asks for may be on its way.
func (r *runner) inSight(s *fakeslack.Snapshot) []fakeslack.Message {
	var all []fakeslack.Message
	for _, c := range s.Channels() {
		if slices.Contains(c.Members, r.user) || c.IMUser == r.user {
			all = append(all, s.Messages(c.ID)...)
		}
	}
	for _, m := range s.Ephemerals(r.user, "") {
		if m.Posted.After(r.typed) {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b fakeslack.Message) int { return b.Posted.Compare(a.Posted) })
	return all
}

func (r *runner) expect(ctx context.Context, args []string) error {
	texts := args[1:]
	switch args[0] {
	case "card":
		return r.await(ctx, texts, func(s *fakeslack.Snapshot) []fakeslack.Message {
			if card, ok := r.card(s); ok {
				return []fakeslack.Message{card}
			}
			return nil
		})
	case "reply":
		return r.await(ctx, texts, func(s *fakeslack.Snapshot) (out []fakeslack.Message) {
			card, ok := r.card(s)
			for _, m := range s.Messages(card.Channel) {
				if ok && m.ThreadTS == card.TS {
					out = append(out, m)
				}
			}
			return out
		})
	case "answer":
		return r.await(ctx, texts, r.told)
	case "session":
		return r.expectSession(ctx, texts[0] == "cut")
	}
	return r.expectNothing(ctx)
}

// told is what the actor alone was told since they last did something.
func (r *runner) told(s *fakeslack.Snapshot) (out []fakeslack.Message) {
	for _, m := range s.Ephemerals(r.user, "") {
		if m.Posted.After(r.acted) || m.Edited.After(r.acted) {
			out = append(out, m)
		}
	}
	return out
}

// card is the first message outside of threads that shows the lease.
func (r *runner) card(s *fakeslack.Snapshot) (fakeslack.Message, bool) {
	if r.lease == "" {
		return fakeslack.Message{}, false
	}
	for _, c := range s.Channels() {
		for _, m := range s.Messages(c.ID) {
			if m.ThreadTS == "" && strings.Contains(m.Visible(), r.lease) {
				return m, true
			}
		}
	}
	return fakeslack.Message{}, false
}

// await waits until one of the messages says all of the texts.
func (r *runner) await(ctx context.Context, texts []string, look func(*fakeslack.Snapshot) []fakeslack.Message) error {
	var last []fakeslack.Message
	err := r.p.workspace.Wait(ctx, func(s *fakeslack.Snapshot) bool {
		last = look(s)
		return slices.ContainsFunc(last, func(m fakeslack.Message) bool {
			says := m.Visible()
			for _, b := range m.Buttons() {
				says += "\n[" + b.Text + "]"
			}
			return !slices.ContainsFunc(texts, func(t string) bool { return !strings.Contains(says, t) })
		})
	})
	if err == nil {
		return nil
	}
	if len(last) == 0 {
		return r.not(err, "there is no such message")
	}
	return r.not(err, "it says: "+strings.Join(strings.Fields(last[len(last)-1].Visible()), " "))
}

func (r *runner) expectNothing(ctx context.Context) error {
	for {
		left := r.p.cloud.Leftovers("sshforward:deployment", deployment)
		sessions, listeners := r.p.forward.count()
		if len(left) == 0 && sessions == 0 && listeners == 0 {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return r.not(ctx.Err(), fmt.Sprintf("%d listeners, %d sessions, in the cloud: %s", listeners, sessions, strings.Join(left, "; ")))
		}
	}
}

// not says what there was instead of what was expected.
func (r *runner) not(err error, instead string) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("waited in vain; " + instead)
	}
	return err
}
