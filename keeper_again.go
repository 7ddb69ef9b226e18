package sshforward

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"
)

// Request is what was asked for once, to be asked for again, and about which
// instance.
type Request struct {
	Open     OpenLease
	Instance Instance // as much as is remembered of it
}

// Again returns what a lease was asked for with, so that it can be asked for once
// more; policy decides about that anew. What another person said of themselves,
// their address and their reason, is left out. EINVALID or ENOTFOUND if there is
// no such lease.
func (k *Keeper) Again(ctx context.Context, c Caller, id string) (Request, error) {
	r, err := look(ctx, k, c, func() (Request, error) { return k.again(ctx, c, id) })
	return r, k.looked(ctx, c, id, err)
}

// LastRequest is Again for the nth of the caller's leases that are over, the first
// being the newest, as the history lists them. ENOTFOUND if there are not as many.
func (k *Keeper) LastRequest(ctx context.Context, c Caller, n int) (Request, error) {
	r, err := look(ctx, k, c, func() (Request, error) {
		past, err := k.history.Past(ctx, c.User, time.Time{}, historyMost)
		switch {
		case err != nil:
			return Request{}, err
		case len(past) == 0:
			return Request{}, Errorf(ENOTFOUND, "You have had no lease yet that is over.").try("open", "", "")
		case n < 1 || n > len(past):
			return Request{}, Errorf(ENOTFOUND, "Requests to choose from, the newest first: %d.", len(past)).try("history", "", "")
		}
		return k.again(ctx, c, past[n-1].Lease)
	})
	return r, k.looked(ctx, c, "", err)
}

func (k *Keeper) again(ctx context.Context, c Caller, id string) (Request, error) {
	l, err := k.visible(ctx, c, id)
	if ErrorCode(err) == ENOTFOUND {
		return k.againFromRecord(ctx, c, id, err)
	}
	if err != nil {
		return Request{}, err
	}
	r := Request{Instance: l.Instance, Open: OpenLease{Instance: l.Instance.ID, Duration: l.Duration}}
	if l.TargetPort != 22 {
		r.Open.Port = l.TargetPort
	}
	if l.Owner == c.User {
		r.Open.Sources, r.Open.Because, r.Open.Urgent = l.Sources, l.Because, l.Urgent
	}
	return r, nil
}

// againFromRecord finds a lease of the caller's that is forgotten already.
func (k *Keeper) againFromRecord(ctx context.Context, c Caller, id string, missing error) (Request, error) {
	past, err := k.history.Past(ctx, c.User, time.Time{}, historyMost)
	if err != nil {
		return Request{}, err
	}
	id, _ = ParseID(id)
	i := slices.IndexFunc(past, func(e Event) bool { return e.Lease == id })
	if i < 0 {
		return Request{}, missing
	}
	e := past[i]
	r := Request{Instance: Instance{Account: e.Account, Region: e.Region, ID: e.Instance, Name: e.Name}, Open: OpenLease{
		Instance: e.Instance, Duration: time.Duration(e.Duration * float64(time.Second)), Because: e.Because, Urgent: e.Urgent}}
	if e.Port != 22 {
		r.Open.Port = e.Port
	}
	var bad error
	for _, s := range e.Sources {
		p, err := netip.ParsePrefix(s)
		bad = errors.Join(bad, err)
		r.Open.Sources = append(r.Open.Sources, p)
	}
	if bad != nil {
		r.Open.Sources = nil // they are asked for anew
	}
	return r, nil
}
