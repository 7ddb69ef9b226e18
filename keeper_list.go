package sshforward

import "context"

// Active returns all leases that are not closed, the oldest request first. It
// is for the program itself; people are answered by List.
func (k *Keeper) Active(ctx context.Context) ([]*Lease, error) {
	return k.ledger.active(ctx, func(*Lease) bool { return true })
}

// List returns the caller's leases that are not closed, or everyone's. A guest of
// the workspace, who is not in every channel, is shown their own alone.
func (k *Keeper) List(ctx context.Context, c Caller, all bool) ([]*Lease, error) {
	leases, err := look(ctx, k, c, func() ([]*Lease, error) {
		guest, err := k.isGuest(ctx, c)
		if err != nil {
			return nil, err
		}
		return k.ledger.active(ctx, func(l *Lease) bool { return all && !guest || l.Owner == c.User })
	})
	return leases, k.looked(ctx, c, "", err)
}

// Show returns one lease by an id as people type it, also one that is closed.
// EINVALID or ENOTFOUND if there is none that the caller may see.
func (k *Keeper) Show(ctx context.Context, c Caller, id string) (*Lease, error) {
	l, err := look(ctx, k, c, func() (*Lease, error) { return k.visible(ctx, c, id) })
	return l, k.looked(ctx, c, id, err)
}
