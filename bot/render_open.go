package bot

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// form asks for a lease. problem says what was wrong with the last try, when
// that can no longer be said under an input.
func (v render) form(f formFields, m meta, problem string) slack.ModalViewRequest {
	instances := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plain(v.say("Type a part of its name or id"), 150),
		sshforward.FieldInstance)
	instances.MinQueryLength = new(int) // Slack's default is 3; some can open two or three and want to see them
	instances.InitialOption = f.instance
	source := textInput(sshforward.FieldSource, f.source)
	source.Placeholder = plain(v.exampleSources(), 150)
	sourceHint := v.say("The public address you connect from.")
	if f.saved != "" {
		sourceHint = v.say("The public address you connect from. Left empty, it is your saved one: %s", f.saved)
	}
	duration := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plain(v.say("Choose, or type one: %s", "90m"), 150),
		sshforward.FieldDuration)
	duration.MinQueryLength = new(int)
	duration.InitialOption = v.durationOption(f.duration)
	reason := textInput(sshforward.FieldReason, f.reason)
	reason.Multiline, reason.MaxLength = true, maxReason
	view := modal(formOpen, v.say("Open SSH access"), m, withoutNil(
		problemOf(problem),
		slack.NewInputBlock(sshforward.FieldInstance, plain(v.say("Instance"), maxField), nil, instances),
		slack.NewInputBlock(sshforward.FieldDuration, plain(v.say("For how long"), maxField),
			plain(v.say("45s, 90m, 2h, 1h30m or 1d, from when it is ready"), maxField), duration).WithOptional(true),
		slack.NewInputBlock(sshforward.FieldSource, plain(v.say("From which address"), maxField),
			plain(sourceHint, maxField), source).WithOptional(true),
		slack.NewInputBlock(sshforward.FieldReason, plain(v.say("Reason"), maxField), nil, reason).WithOptional(true),
		v.conditions(m),
	)...)
	view.Submit, view.Close = plain(v.label("Next"), maxTitle), plain(v.label("Cancel"), maxTitle)
	return view
}

// conditions are what was typed and has no input in the form; nil if nothing.
func (v render) conditions(m meta) slack.Block {
	var out []string
	if m.Port != 0 {
		out = append(out, v.say("Port %d on the instance.", m.Port))
	}
	if m.Urgent {
		out = append(out, v.say("Urgent: without approval, where the rules allow that."))
	}
	if len(out) == 0 {
		return nil
	}
	return small(v.sentences(out...))
}

// confirmForm is the prompt as the modal's second step.
func (v render) confirmForm(l *sshforward.Lease, m meta) slack.ModalViewRequest {
	// A form may ask for an urgent lease, which needs a confirmation of its own.
	m.Lease, m.Urgent, m.Port = l.ID, false, 0
	view := modal(formConfirm, v.say("Open it?"), m, withoutButtons(v.prompt(l))...)
	view.Submit, view.Close, view.NotifyOnClose = plain(v.label("Open"), maxTitle), plain(v.label("Cancel"), maxTitle), true
	return view
}

// urgentForm is the modal's third step, for a lease that skips approval.
func (v render) urgentForm(l *sshforward.Lease, m meta) slack.ModalViewRequest {
	m.Lease, m.Urgent = l.ID, true
	view := modal(formConfirm, v.say("Open without approval?"), m, withoutButtons(v.confirmUrgent(l))...)
	view.Submit, view.Close, view.NotifyOnClose = plain(v.label("Open without approval"), maxTitle), plain(v.label("Cancel"), maxTitle), true
	return view
}

// confirmFailed offers another try where that can help.
func (v render) confirmFailed(err error, m meta) slack.ModalViewRequest {
	view := modal(formConfirm, v.say("Not opened"), m, problemOf(v.says(err)))
	view.Close = plain(v.say("Close"), maxTitle)
	if code := sshforward.ErrorCode(err); code == sshforward.EUNAVAILABLE || code == sshforward.EQUOTA || code == sshforward.EINTERNAL {
		view.Submit, view.NotifyOnClose = plain(v.label("Try again"), maxTitle), true
		return view
	}
	view.CallbackID = formNote
	return view
}

// typeInstead takes the place of a form that cannot be shown: it has the command
// that does the same, with what was typed already.
func (v render) typeInstead(open sshforward.OpenLease) message {
	if v.threaded {
		return paragraph(v.say("I could not show you the form. Press the button again."))
	}
	if open.Instance == "" {
		open.Instance = "i-0123456789abcdef0"
	}
	instead := code(Slash+" "+formatCommand(open), 2500)
	return paragraph(v.say("I could not show you the form. Type the command instead, with your instance: %s", instead) + "\n" +
		v.say("%s shows all commands.", code(Slash+" help", 50)))
}

// chooseInstance answers an open whose Name tag is on several, with the exact
// command for each.
func (v render) chooseInstance(cmd sshforward.OpenLease, instances []sshforward.Instance) message {
	title := v.say("%s could be any of %d instances. Use an id:", code(cmd.Instance, 80), len(instances))
	blocks := []slack.Block{section(title)}
	room := maxBlockText
	for i, in := range instances {
		cmd.Instance = in.ID
		s := instance(in) + " · " + line(in.Zone, 40) + " · " + account(in)
		if !in.Running && in.State != "" {
			s += " · " + line(in.State, 30)
		}
		next := section(s + "\n" + code(Slash+" "+formatCommand(cmd), 2500))
		if room -= textIn(next); i == maxBlocks-2 || room < 0 {
			blocks = append(blocks, small(v.say("and %d more.", len(instances)-i)))
			break
		}
		blocks = append(blocks, next)
	}
	return message{Text: title, Blocks: blocks}
}

// read makes a command of the form, or says what is wrong with which input.
func (v render) read(f formFields, m meta) (cmd sshforward.OpenLease, wrong map[string]string) {
	wrong = map[string]string{}
	cmd.Port, cmd.Urgent, cmd.Because = m.Port, m.Urgent, strings.TrimSpace(f.reason)
	if f.instance != nil {
		cmd.Instance = f.instance.Value
	}
	if cmd.Instance == "" {
		wrong[sshforward.FieldInstance] = v.say("Choose an instance.")
	} else if problem := badName(cmd.Instance); !problem.IsZero() {
		wrong[sshforward.FieldInstance] = v.text(problem)
	}
	var err error
	if s := strings.TrimSpace(f.duration); s != "" {
		if cmd.Duration, err = sshforward.ParseDuration(s); err != nil {
			wrong[sshforward.FieldDuration] = v.inForm(err)
		}
	}
	if s := strings.TrimSpace(f.source); s != "" {
		if cmd.Sources, err = sshforward.ParseSources(sourceText(s)); err != nil {
			sources, _ := sshforward.ParseSources(guessSources(s))
			v.wrongSource(wrong, err, sources)
		}
	}
	if s := tooLongReason(cmd.Because); !s.IsZero() {
		wrong[sshforward.FieldReason] = v.text(s)
	}
	return cmd, wrong
}

// wrongSource says what is wrong with the address, with one that would do.
func (v render) wrongSource(wrong map[string]string, err error, better []netip.Prefix) {
	wrong[sshforward.FieldSource] = v.inForm(&sshforward.Error{Code: sshforward.EINVALID, Message: messageOf(err),
		Field: sshforward.FieldSource,
		Try:   sshforward.Suggestion{Command: sshforward.OpenLease{Sources: better}}})
}

// formFields is what stands in the form for a lease.
type formFields struct {
	instance                 *slack.OptionBlockObject
	duration, source, reason string
	saved                    string // the address that is taken when source is empty
}

// withSaved fills the saved address in where none was typed.
func (f formFields) withSaved(sources []netip.Prefix) formFields {
	if len(sources) == 0 {
		return f // the form works without
	}
	f.saved = sshforward.FormatSources(sources)
	if f.source == "" {
		f.source = f.saved
	}
	return f
}

// filledIn is the form as it was submitted.
func filledIn(p viewPayload) formFields {
	f := formFields{duration: p.input(sshforward.FieldDuration).chosen(), source: p.input(sshforward.FieldSource).Value,
		reason: p.input(sshforward.FieldReason).Value}
	if s := p.input(sshforward.FieldInstance).Selected; s != nil && s.Value != "" && utf8.RuneCountInString(s.Value) <= maxValue {
		f.instance = option(s.Value, s.Text.Text)
	}
	return f
}
