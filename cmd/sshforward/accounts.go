package main

import (
	"sync"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
	"github.com/sshforward/sshforward/provisioner"
)

// eachAccount asks about all accounts side by side, so that one which does not
// answer holds up no other, and returns the answers in the order of the
// configuration. failed makes the answer of an account whose look panicked.
func eachAccount[T any](accounts []awsConfig, ask func(account string) T, failed func(account string, err error) T) []T {
	out := make([]T, len(accounts))
	var wg sync.WaitGroup
	for i, a := range accounts {
		wg.Go(func() {
			defer safe.Catch(func(err error) { out[i] = failed(a.Name, err) })
			out[i] = ask(a.Name)
		})
	}
	wg.Wait()
	return out
}

func (a awsConfig) account() provisioner.Account {
	account := provisioner.Account{
		Name: a.Name, Region: a.Region, RoleARN: a.RoleARN, ExternalID: a.ExternalID,
		ListenerPort: int(a.ListenerPort), SSHUser: a.SSHUser, WaitDNS: time.Duration(*a.WaitDNS),
		Tags: a.Tags, Subnets: convert(a.Subnets, func(id subnetID) string { return string(id) }),
	}
	if a.DeadMan != nil {
		account.DeadMan = &provisioner.DeadMan{RoleARN: a.DeadMan.RoleARN, Grace: defaultGrace}
		if a.DeadMan.Grace != nil {
			account.DeadMan.Grace = time.Duration(*a.DeadMan.Grace)
		}
	}
	return account
}

func leaseAccounts(all []awsConfig) map[string]sshforward.Account {
	out := make(map[string]sshforward.Account)
	for _, a := range all {
		out[a.Name] = sshforward.Account{
			ListenerPort: int(a.ListenerPort), SSHUser: a.SSHUser, HostKeyAlias: a.HostKeyAlias, DeadMan: a.DeadMan != nil,
		}
	}
	return out
}
