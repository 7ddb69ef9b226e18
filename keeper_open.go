package sshforward

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// open checks a request as far as it can be checked before anything is made,
// and records it. Nothing happens in AWS before the requester confirms it.
func (k *Keeper) open(ctx context.Context, c Caller, cmd OpenLease) (Reply, error) {
	l := &Lease{
		State: Requested, Team: c.Team, Owner: c.User, Channel: c.Channel, Direct: c.Direct,
		TargetPort: cmp.Or(cmd.Port, 22), Sources: cmd.Sources, Because: cmd.Because, Urgent: cmd.Urgent,
		Duration: cmp.Or(cmd.Duration, k.Timing.Default), Reminders: k.Timing.Reminders,
	}
	if l.Duration < k.Timing.Min {
		return Reply{}, Errorf(EINVALID, "%s is shorter than the %s a lease has at least.", l.Duration, k.Timing.Min).
			instead("Try: /sshforward open %s %s", cmd.Instance, FormatDuration(k.Timing.Min)).about(FieldDuration)
	}
	if len(l.Sources) == 0 {
		saved, err := k.SavedSources.Source(ctx, c.User)
		if err != nil {
			return Reply{}, err
		}
		l.Sources = saved
	}
	if len(l.Sources) == 0 {
		l.Sources = k.Policy.Sources.Default
	}
	if err := k.Policy.AdmitShape(l); err != nil {
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
	rule, err := k.Policy.Admit(ctx, k.Directory, l)
	if err != nil {
		return Reply{}, err
	}
	if !l.Instance.Running {
		return Reply{}, notRunning(l.Instance)
	}
	l.Max = rule.Max
	l.under(rule)
	if err := k.roomFor(ctx, l); err != nil {
		return Reply{}, err
	}
	if l.Placement, err = k.Provisioner.Preflight(ctx, l.Instance); err != nil {
		return Reply{}, err
	}
	l.Notes = l.Placement.Notes
	account := k.Accounts[l.Instance.Account]
	l.ListenerPort = cmp.Or(account.ListenerPort, 22)
	l.SSHUser = sshUser(l.Instance, account)

	l.RequestedAt = time.Now()
	l.ConfirmBy = l.RequestedAt.Add(k.Timing.Confirm)
	for {
		l.ID = NewID()
		l.DueAt = l.nextDue(l.RequestedAt)
		err := k.request(ctx, c, l)
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
	found, err := k.Provisioner.Find(ctx, ref)
	if err != nil || len(found) == 1 {
		return found, err
	}
	var allowed []Instance
	var refused error
	for _, in := range found {
		probe := l.Clone()
		probe.Instance = in
		if _, err := k.Policy.Admit(ctx, k.Directory, probe); err == nil {
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

// request writes a new lease, and that somebody asked for it.
func (k *Keeper) request(ctx context.Context, c Caller, l *Lease) error {
	events := happened(new(Lease), l, l.RequestedAt, deed{ActOpen, c}, k.Prices)
	err := k.Store.Put(ctx, l, events...)
	if err == nil {
		k.heard(events)
	}
	return err
}
