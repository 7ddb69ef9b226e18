package provisioner

import "context"

// UseBudget takes one call of an account's budget, as closing does.
func (p *Provisioner) UseBudget(ctx context.Context, account string) error {
	a, err := p.account(account)
	if err != nil {
		return err
	}
	return a.budget.take(ctx, forClosing)
}
