package bot

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/sshforward/sshforward"
)

// with is a lease in a state with a change.
func with(s sshforward.State, change func(*sshforward.Lease)) *sshforward.Lease {
	l := lease(s)
	change(l)
	return l
}

func ended(r sshforward.Reason) *sshforward.Lease {
	return with(sshforward.Closed, func(l *sshforward.Lease) {
		l.Reason, l.ClosedBy = r, "U2"
		switch r {
		case sshforward.Cancelled, sshforward.Denied, sshforward.Lapsed:
			l.OpenedAt, l.ExpiresAt, l.AccessEndedAt, l.ConfirmedAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
			if r == sshforward.Cancelled {
				l.ClosedBy = l.Owner
			}
		case sshforward.Failed:
			l.OpenedAt, l.ExpiresAt = time.Time{}, time.Time{}
			l.Why = sshforward.Textf("It was not ready within %s.", 10*time.Minute)
		}
	})
}

// unreached is an open lease whose instance is in a state, or out of service.
func unreached(state string) *sshforward.Lease {
	return with(sshforward.Open, func(l *sshforward.Lease) {
		l.Outage = sshforward.Outage{Since: noon, State: state}
		if state != "" {
			l.Outage.CloseAt = noon.Add(30 * time.Minute)
			return
		}
		l.Outage.Why = sshforward.Textf("The load balancer says: %s.",
			"Instance has failed at least the UnhealthyThreshold number of health checks consecutively").
			And(sshforward.Textf("Does anything listen on port %d of the instance, and do its firewall and network ACL let the subnet in?", 22))
	})
}

// preparing is a lease of which something was built while a yes was missing.
func preparing(s sshforward.State, change func(*sshforward.Lease)) *sshforward.Lease {
	return with(s, func(l *sshforward.Lease) {
		l.Prepared.Since, l.Prepared.BilledAt = noon.Add(-time.Hour), noon.Add(-time.Hour)
		if change != nil {
			change(l)
		}
	})
}

func ready(l *sshforward.Lease) { l.Prepared.ReadyAt = noon.Add(-59 * time.Minute) }

func cold(l *sshforward.Lease) {
	l.Prepared.Cold = sshforward.Textf("Requests that wait hold %d load balancers in account %s, a quarter of its quota, which is the most. "+
		"This one opens only after the yes.", 5, "main")
}

// unopened makes of a lease one that was denied when it was ready.
func unopened(l *sshforward.Lease) {
	ready(l)
	l.Reason, l.ClosedBy, l.DeniedFor, l.Prepared.GoneAt = sshforward.Denied, "U2", "not today", noon
	l.OpenedAt, l.ExpiresAt, l.AccessEndedAt, l.Approved = time.Time{}, time.Time{}, time.Time{}, nil
}

// abandoned is a lease that was given up.
func abandoned(change func(*sshforward.Lease)) *sshforward.Lease {
	return with(sshforward.Closed, func(l *sshforward.Lease) {
		l.Reason, l.ClosedBy, l.AccessEndedAt = sshforward.Lost, "U2", time.Time{}
		l.Abandoned = sshforward.Abandonment{By: "U2", At: noon, Because: "the account is closed", Was: sshforward.Expired}
		l.Resources.GroupID, l.Resources.InstanceRuleID, l.Resources.InstanceGroupID = "sg-0abc", "sgr-0abc", "sg-0web"
		l.Abandoned.Unseen = l.Unproved(blind)
		change(l)
	})
}

// moved is an open lease whose source is being changed.
func moved(change func(*sshforward.Lease)) *sshforward.Lease {
	return with(sshforward.Open, func(l *sshforward.Lease) {
		to := netip.MustParsePrefix("203.0.113.20/32")
		l.Moved = sshforward.SourceChange{User: l.Owner, At: noon, To: to, From: l.Sources}
		l.Sources, l.Former = []netip.Prefix{to}, l.Sources
		l.Approved = []sshforward.Approval{{User: "U2", At: noon}}
		change(l)
	})
}

var blind = sshforward.Remains{Blind: sshforward.Textf("The AWS account %q is not in my configuration.", "old")}

func many(n int, owner string) []*sshforward.Lease {
	var out []*sshforward.Lease
	for i := range n {
		out = append(out, with(sshforward.Open, func(l *sshforward.Lease) {
			l.ID, l.Owner = fmt.Sprintf("k7m2q%02d", i), owner
		}))
	}
	return out
}

// every is one of each message there is.
func every(v render) map[string]message {
	stuck := func(s sshforward.State) *sshforward.Lease {
		return with(s, func(l *sshforward.Lease) {
			l.Alarmed, l.Attempts, l.LastError = true, 7, sshforward.Textf("AWS does not let me %s: my role in account %s lacks the permission %s.",
				sshforward.Textf("delete the load balancer"), "main", "elasticloadbalancing:DeleteLoadBalancer")
		})
	}
	pendingPrompt := with(sshforward.Requested, func(l *sshforward.Lease) {
		l.Approvers, l.Approvals, l.TargetPort, l.ListenerPort = []string{"S1", "U2"}, 2, 2222, 443
		l.Notes = []sshforward.Text{sshforward.Textf("I could not check whether the account's quota has room for one more load balancer.")}
	})
	pendingPrompt.Placement.Warnings = []sshforward.Text{
		sshforward.Textf("AWS refused the last load balancer in %s: %s.", "us-east-1e",
			"Load balancers are not supported in availability zone us-east-1e"),
		sshforward.Textf("The network ACL %s of the load balancer's subnet keeps %s from port %d, which no health check shows.",
			"acl-0abc", "203.0.113.7", 443),
	}
	open := lease(sshforward.Open)
	open.Card.Channel = "C1"
	two := sshforward.Instance{Account: "main", Region: "us-east-1", ID: "i-0second", Name: "web-1", State: "stopped", Zone: "us-east-1b"}
	var oneOfEach []*sshforward.Lease
	for i, s := range sshforward.States[:5] {
		oneOfEach = append(oneOfEach, with(s, func(l *sshforward.Lease) { l.ID = fmt.Sprintf("k7m2q3%d", i) }))
	}
	out := map[string]message{
		"prompt":               v.prompt(lease(sshforward.Requested)),
		"prompt-approval":      v.prompt(pendingPrompt),
		"confirmed":            v.replyConfirm(lease(sshforward.Opening)),
		"confirmed-approval":   v.replyConfirm(with(sshforward.Pending, func(l *sshforward.Lease) { l.Card.Channel = "C2" })),
		"confirmed-direct":     v.replyConfirm(with(sshforward.Opening, func(l *sshforward.Lease) { l.Direct, l.Card.Channel = true, "D1" })),
		"cancelled":            v.reply(ann, sshforward.CancelLease{}, about(ended(sshforward.Cancelled))),
		"card-requested":       v.card(lease(sshforward.Requested)),
		"card-pending":         v.card(lease(sshforward.Pending)),
		"card-open-soon":       v.card(with(sshforward.Open, func(l *sshforward.Lease) { l.ReadyIn = 1240 * time.Millisecond })),
		"card-preparing":       v.card(preparing(sshforward.Pending, nil)),
		"card-prepared":        v.card(preparing(sshforward.Pending, ready)),
		"card-prepared-prompt": v.card(preparing(sshforward.Requested, ready)),
		"card-cold":            v.card(with(sshforward.Pending, cold)),
		"card-prepared-ending": v.card(preparing(sshforward.Closing, unopened)),
		"card-prepared-ended":  v.card(preparing(sshforward.Closed, unopened)),
		"notice-unopened":      v.notice(preparing(sshforward.Closing, unopened), sshforward.Notice{Kind: sshforward.NoticeEnded}, noon),
		"notice-locked":        v.notice(preparing(sshforward.Pending, ready), sshforward.Notice{Kind: sshforward.NoticeNarrowed}, noon),
		"prompt-preparing":     v.prompt(preparing(sshforward.Requested, nil)),
		"prompt-prepares": v.prompt(with(sshforward.Requested, func(l *sshforward.Lease) {
			l.Approvers, l.Approvals, l.Prepare = []string{"S1"}, 1, sshforward.PrepareApproval
		})),
		"list-prepared":        v.list(ann, false, []*sshforward.Lease{preparing(sshforward.Pending, nil)}),
		"card-opening":         v.card(lease(sshforward.Opening)),
		"card-opening-stuck":   v.card(stuck(sshforward.Opening)),
		"card-open":            v.card(open),
		"card-open-at-max":     v.card(with(sshforward.Open, func(l *sshforward.Lease) { l.Max = 2 * time.Hour })),
		"card-open-nearly-max": v.card(with(sshforward.Open, func(l *sshforward.Lease) { l.Max = 2*time.Hour + 20*time.Minute })),
		"card-open-out":        v.card(unreached("")),
		"card-open-stopped":    v.card(unreached("stopped")),
		"why": v.why(sshforward.Why{
			Instance: instance1, Rule: sshforward.Rule{Name: "development", Max: 8 * time.Hour},
			Tags: map[string]string{"sshforward": "allow"}, Sources: prefixes("203.0.113.7/32"),
		}),
		"why-approval": v.why(sshforward.Why{
			Instance: instance1, Tags: map[string]string{"Env": "prod"}, Able: 2, AbleKnown: true, Urgent: true,
			Rule: sshforward.Rule{Name: "production", Max: time.Hour, Approvers: []string{"S1", "U2"}, Approvals: 2, ExtendApprovals: 1,
				Urgent: &sshforward.Urgent{Max: 30 * time.Minute}},
			Missing: []sshforward.Text{sshforward.Textf("The rule %q wants a reason.", "production")},
		}),
		"why-needs": v.why(sshforward.Why{Instance: instance1, Rule: sshforward.Rule{Name: "any", Max: time.Hour, Approvals: 3,
			Needs: []sshforward.Need{{From: "S1", N: 2}, {From: "U2", N: 1}}}}),
		"why-several": v.why(sshforward.Why{Several: []sshforward.Instance{instance1, two}}),
		"from":        v.reply(ann, sshforward.ChangeSource{}, about(moved(func(*sshforward.Lease) {}))),
		"card-moving": v.card(moved(func(*sshforward.Lease) {})),
		"notice-moved": v.notice(moved(func(l *sshforward.Lease) { l.Former = nil }),
			sshforward.Notice{Kind: sshforward.NoticeMoved}, noon),
		"notice-unmoved": v.notice(moved(func(l *sshforward.Lease) {
			l.Sources, l.Former = l.Moved.From, nil
			l.Moved.Refused = sshforward.Textf("AWS did not %s: %s", sshforward.Textf("let the source addresses in"),
				"The maximum number of rules per security group has been reached.")
		}), sshforward.Notice{Kind: sshforward.NoticeMoved}, noon),
		"abandon-confirm": v.reply(ann, sshforward.AbandonLease{ID: "k7m2q3x", Because: "the account is closed"}, outcome{reply: sshforward.Reply{
			Lease: stuck(sshforward.Closing), Remains: &blind}}),
		"abandon-confirm-seen": v.confirmAbandon(sshforward.AbandonLease{ID: "k7m2q3x", Because: "of a test"}, stuck(sshforward.Closing),
			sshforward.Remains{Found: &sshforward.Found{Balancer: true}}),
		"abandoned":      v.reply(ann, sshforward.AbandonLease{Sure: true}, about(abandoned(func(*sshforward.Lease) {}))),
		"card-abandoned": v.card(abandoned(func(*sshforward.Lease) {})),
		"notice-abandoned": v.notice(abandoned(func(l *sshforward.Lease) { l.Abandoned.By = "" }),
			sshforward.Notice{Kind: sshforward.NoticeAbandoned}, noon),
		"notice-ended-abandoned": v.notice(abandoned(func(*sshforward.Lease) {}), sshforward.Notice{Kind: sshforward.NoticeEnded}, noon),
		"notice-found": v.notice(abandoned(func(l *sshforward.Lease) { l.Abandoned.FoundAt = noon }),
			sshforward.Notice{Kind: sshforward.NoticeFound}, noon),
		"card-closed-by-admin-before": v.card(with(sshforward.Closed, func(l *sshforward.Lease) {
			*l = *ended(sshforward.Cancelled)
			l.ClosedBy = "U2"
		})),
		"card-closing":         v.card(lease(sshforward.Closing)),
		"card-closing-cleanup": v.card(with(sshforward.Closing, func(l *sshforward.Lease) { l.AccessEndedAt = l.ExpiresAt })),
		"card-closing-stuck":   v.card(stuck(sshforward.Closing)),
		"notice-ready":         v.notice(open, sshforward.Notice{Kind: sshforward.NoticeReady}, noon),
		"notice-reminder":      v.notice(open, sshforward.Notice{Kind: sshforward.NoticeReminder}, open.ExpiresAt.Add(-15*time.Minute)),
		"notice-ended":         v.notice(ended(sshforward.Expired), sshforward.Notice{Kind: sshforward.NoticeEnded}, noon),
		"notice-failed":        v.notice(ended(sshforward.Failed), sshforward.Notice{Kind: sshforward.NoticeFailed}, noon),
		"notice-approval":      v.notice(lease(sshforward.Pending), sshforward.Notice{Kind: sshforward.NoticeApproval}, noon),
		"notice-rebuilt":       v.notice(open, sshforward.Notice{Kind: sshforward.NoticeRebuilt}, noon),
		"notice-mended":        v.notice(open, sshforward.Notice{Kind: sshforward.NoticeMended}, noon),
		"notice-outage":        v.notice(unreached(""), sshforward.Notice{Kind: sshforward.NoticeOutage}, noon),
		"notice-stopped":       v.notice(unreached("stopped"), sshforward.Notice{Kind: sshforward.NoticeOutage}, noon),
		"notice-back":          v.notice(open, sshforward.Notice{Kind: sshforward.NoticeBack}, noon),
		"cannot-get-in": v.cannotGetIn(sshforward.Help{Lease: open, Health: &sshforward.Health{InService: true}, Sources: open.Sources,
			Found: &sshforward.Found{Lease: open, Balancer: true, Registered: true, Group: true, Rule: true, Ingress: open.Sources}}),
		"cannot-get-in-out": v.cannotGetIn(sshforward.Help{Lease: open,
			Health:  &sshforward.Health{Why: unreached("").Outage.Why, State: "running"},
			Found:   &sshforward.Found{Lease: open, Balancer: true, Registered: true, Group: true, Ingress: open.Sources},
			Sources: []netip.Prefix{netip.MustParsePrefix("198.51.100.7/32")}}),
		"cannot-get-in-unknown": v.cannotGetIn(sshforward.Help{Lease: open}),
		"card-unproven": v.card(with(sshforward.Closed, func(l *sshforward.Lease) {
			l.Reason, l.Owner, l.ClosedBy = sshforward.Lost, "", ""
			l.Why = sshforward.Textf("It was found in AWS without a record of mine, and nothing proves what its tags say.")
			l.Alleged = []sshforward.TagWord{
				{Key: "sshforward:owner", Value: "U0EVE"}, {Key: "sshforward:expires", Value: "2036-01-02T03:04:05Z"}, {Key: "sshforward:ssh-user"},
			}
		})),
		"notice-reshaped":   v.notice(open, sshforward.Notice{Kind: sshforward.NoticeReshaped}, noon),
		"notice-narrowed":   v.notice(open, sshforward.Notice{Kind: sshforward.NoticeNarrowed}, noon),
		"open-already":      v.reply(ann, sshforward.OpenLease{}, about(open)),
		"notice-shortened":  v.notice(open, sshforward.Notice{Kind: sshforward.NoticeShortened}, noon),
		"notice-unjudged":   v.notice(open, sshforward.Notice{Kind: sshforward.NoticeUnjudged}, noon),
		"notice-rejected":   v.notice(ended(sshforward.NotAdmitted), sshforward.Notice{Kind: sshforward.NoticeRejected}, noon),
		"notice-stuck":      v.notice(stuck(sshforward.Closing), sshforward.Notice{Kind: sshforward.NoticeStuck}, noon),
		"notice-freed":      v.notice(ended(sshforward.Expired), sshforward.Notice{Kind: sshforward.NoticeFreed}, noon),
		"reminded-extended": v.reminderPressed(ann, sshforward.ExtendLease{}, open),
		"reminded-closed":   v.reminderPressed(ann, sshforward.CloseLease{}, lease(sshforward.Closing)),
		"overtaken-extended": v.reminderOver(with(sshforward.Open, func(l *sshforward.Lease) {
			l.ExpiresAt, l.Extended = l.ExpiresAt.Add(time.Hour), sshforward.Extension{User: "U1", By: time.Hour}
		})),
		"overtaken-moved":   v.reminderOver(open),
		"overtaken-closing": v.reminderOver(lease(sshforward.Closing)),
		"overtaken-closed":  v.reminderOver(ended(sshforward.ClosedByAdmin)),
		"list":              v.list(ann, false, oneOfEach),
		"list-all":          v.list(ann, true, append(many(1, "U2"), stuck(sshforward.Closing))),
		"list-empty":        v.list(ann, false, nil),
		"list-all-empty":    v.list(ann, true, nil),
		"choose-close":      v.chooseLease(sshforward.CloseLease{}, many(2, "U1")),
		"choose-extend":     v.chooseLease(sshforward.ExtendLease{Duration: 30 * time.Minute}, many(2, "U1")),
		"choose-instance": v.chooseInstance(sshforward.OpenLease{Instance: "web-1", Duration: time.Hour, Sources: open.Sources,
			Because: "disk is full"}, []sshforward.Instance{instance1, two}),
		"closing": v.replyClose(lease(sshforward.Closing)),
		"closed-all": v.replyCloseAll([]*sshforward.Lease{lease(sshforward.Closing),
			with(sshforward.Opening, func(l *sshforward.Lease) { l.ID, l.State = "k7m2q3y", sshforward.Closed })}),
		"closing-unrecorded": v.reply(ann, sshforward.CloseLease{}, outcome{
			reply: sshforward.Reply{Lease: lease(sshforward.Closing), Unrecorded: true}}),
		"extended":    v.replyExtend(open),
		"show-open":   v.lease(ann, open),
		"show-closed": v.lease(ann, ended(sshforward.ClosedByAdmin)),
		"ip":          v.reply(ann, showSource{}, outcome{reply: sshforward.Reply{Sources: open.Sources}}),
		"ip-none":     v.reply(ann, showSource{}, outcome{}),
		"ip-saved":    v.reply(ann, sshforward.SetSource{Sources: open.Sources}, outcome{reply: sshforward.Reply{Sources: open.Sources}}),
		"ip-cleared":  v.reply(ann, sshforward.SetSource{Clear: true}, outcome{reply: sshforward.Reply{}}),
		"error": v.failure(&sshforward.Error{Code: sshforward.EFORBIDDEN,
			Message: sshforward.Textf("No rule of the policy allows access to %s. An operator can add one for its tags.",
				"i-0abc"), Err: errors.New("secret")}),
		"help":               v.help(),
		"history":            v.history(nil, sshforward.Bill{}),
		"restarting":         v.restarting(),
		"other-team":         v.otherTeam(),
		"done":               v.reply(ann, showLease{}, outcome{reply: sshforward.Reply{}}),
		"no-lease-to-close":  v.replyCloseAll(nil),
		"no-lease-to-choose": v.chooseLease(sshforward.CloseLease{}, nil),
	}
	for _, r := range []sshforward.Reason{sshforward.Cancelled, sshforward.Denied, sshforward.Lapsed, sshforward.Failed, sshforward.Expired,
		sshforward.ClosedByUser, sshforward.ClosedByAdmin, sshforward.InstanceGone, sshforward.NotAdmitted, sshforward.Lost} {
		out["card-closed-"+string(r)] = v.card(ended(r))
	}
	early := ended(sshforward.Expired)
	early.ExpiresAt = early.ExpiresAt.Add(time.Hour)
	early.Why = sshforward.Textf("It had been extended meanwhile, which the replica that ended it could not read.")
	out["card-closed-early"] = v.card(early)
	maps.Copy(out, everyApproval(v))
	return out
}

var languages = map[string]render{
	"en": show,
	"ja": {language: japanese, prices: sshforward.DefaultPrices(), channel: "C2"},
}
