package sshforward

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// do checks a request as far as it can be checked before anything is made, and
// records it. Nothing happens in AWS before the requester confirms it.
func (cmd OpenLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	l := &Lease{
		State: Requested, Team: c.Team, Owner: c.User, Channel: c.Channel, Direct: c.Direct,
		Terms: Terms{
			TargetPort: cmp.Or(cmd.Port, 22), Sources: cmd.Sources, Because: cmd.Because, Urgent: cmd.Urgent,
			Duration: cmp.Or(cmd.Duration, k.timing.Default), Reminders: k.timing.Reminders,
		},
	}
	if l.Duration < k.timing.Min {
		return Reply{}, Errorf(EINVALID, "%s is shorter than the %s a lease has at least.", l.Duration, k.timing.Min).
			try("open", cmd.Instance, FormatDuration(k.timing.Min)).about(FieldDuration)
	}
	if len(l.Sources) == 0 {
		saved, err := k.sources.Source(ctx, c.User)
		if err != nil {
			return Reply{}, err
		}
		l.Sources = saved
	}
	if len(l.Sources) == 0 {
		l.Sources = k.policy.Sources.Default
	}
	if err := k.policy.AdmitShape(l); err != nil {
		return Reply{}, err
	}

	candidates, err := k.find(ctx, l, cmd.Instance)
	if err != nil {
		return Reply{}, err
	}
	if len(candidates) > 1 {
		return Reply{Instances: candidates, Choose: true}, nil
	}
	l.Instance = candidates[0]
	rule, err := k.policy.Admit(ctx, k.slack, l)
	if err != nil {
		return Reply{}, err
	}
	if !l.Instance.Running {
		return Reply{}, notRunning(l.Instance)
	}
	l.Max = rule.Max
	l.applyRule(rule)
	if err := k.roomFor(ctx, l); err != nil {
		return Reply{}, err
	}
	if l.Placement, err = k.cloud.Preflight(ctx, l.Instance, l.Sources); err != nil {
		return Reply{}, err
	}
	l.Notes = l.Placement.Notes
	account := k.accounts[l.Instance.Account]
	l.ListenerPort = cmp.Or(account.ListenerPort, 22)
	l.SSHUser, l.HostKeyAlias = sshUser(l.Instance, account), hostKeyAlias(l.Instance, account)
	l.Placement.Warnings = append(l.Placement.Warnings, refusedTags(l.Instance)...)

	l.RequestedAt = time.Now()
	l.ConfirmBy = l.RequestedAt.Add(k.timing.Confirm)
	for {
		l.ID = NewID()
		err := k.ledger.insert(ctx, l, l.RequestedAt, actor{ActOpen, c}, false)
		if ErrorCode(err) == ECONFLICT {
			continue // the id is taken; draw again
		}
		return k.reply(l, err)
	}
}

// find looks the instance up. Where a Name tag matches several, those that the
// caller could not open anyway are left out: the list is a help, and not a way
// to learn what there is.
func (k *Keeper) find(ctx context.Context, l *Lease, ref string) ([]Instance, error) {
	found, err := k.cloud.Find(ctx, ref)
	if err != nil || len(found) == 1 {
		return found, err
	}
	var allowed []Instance
	var refused error
	for _, in := range found {
		probe := l.Clone()
		probe.Instance = in
		if _, err := k.policy.Admit(ctx, k.slack, probe); err == nil {
			allowed = append(allowed, in)
		} else if refused == nil || ErrorCode(err) == EUNAVAILABLE {
			refused = err
		}
	}
	if len(allowed) == 0 {
		return nil, cmp.Or(refused, errors.New("the provisioner returned neither an instance nor an error"))
	}
	return allowed, nil
}
