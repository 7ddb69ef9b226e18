package sshforward

import (
	"cmp"
	"context"
	"errors"
)

// asked is the lease that a request asks for, before anything is known of the
// instance.
func (k *Keeper) asked(ctx context.Context, c Caller, cmd OpenLease) (*Lease, error) {
	if Blank(cmd.Because) {
		cmd.Because = ""
	}
	l := &Lease{
		State: Requested, Team: c.Team, Owner: c.User, Channel: c.Channel, Direct: c.Direct,
		Terms: Terms{
			TargetPort: cmp.Or(cmd.Port, 22), Sources: cmd.Sources, Because: cmd.Because, Urgent: cmd.Urgent,
			Duration: cmp.Or(cmd.Duration, k.timing.Default), Reminders: k.timing.Reminders,
		},
	}
	if len(l.Sources) == 0 {
		saved, err := k.sources.Source(ctx, c.User)
		if err != nil {
			return nil, err
		}
		l.Sources = saved
	}
	if len(l.Sources) == 0 {
		l.Sources = k.policy.Sources.Default
	}
	return l, nil
}

// admitShape checks what can be told of a request without knowing the instance.
func (k *Keeper) admitShape(l *Lease) error {
	if err := k.timing.admit(l); err != nil {
		return err
	}
	return k.policy.AdmitShape(l)
}

// mostAmended is how many faults of one request are corrected.
const mostAmended = 8

// suggest adds to the error the request as it would be let in, if there is such
// a one: everything that was right stays, and what would be refused next is
// corrected too.
func (k *Keeper) suggest(ctx context.Context, c Caller, cmd OpenLease, found Instance, err error) error {
	first, ok := errors.AsType[refusal](err)
	if !ok {
		return err
	}
	says := *first.says
	says.Try = Suggestion{}
	if better, ok := k.amended(ctx, c, cmd, found, err); ok {
		says.Try = Suggestion{Command: better}
	}
	return &says
}

// amended changes a request until policy lets it in; false if it would not.
func (k *Keeper) amended(ctx context.Context, c Caller, cmd OpenLease, found Instance, err error) (OpenLease, bool) {
	for range mostAmended {
		refused, ok := errors.AsType[refusal](err)
		if !ok {
			break
		}
		refused.amend(&cmd)
		err = k.wouldRefuse(ctx, c, cmd, found)
	}
	return cmd, err == nil
}

// wouldRefuse is the error that policy has for a request; an instance that is not
// known is not judged.
func (k *Keeper) wouldRefuse(ctx context.Context, c Caller, cmd OpenLease, found Instance) error {
	l, err := k.asked(ctx, c, cmd)
	if err != nil {
		return err
	}
	if err := k.admitShape(l); err != nil || found.ID == "" {
		return err
	}
	l.Instance = found
	_, err = k.policy.Admit(ctx, k.slack, l)
	return err
}
