package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/store/bolt"
	"github.com/sshforward/sshforward/store/dynamo"
)

type abandonOptions struct {
	config, id, because string
}

func newAbandon(con console) *cobra.Command {
	var o abandonOptions
	c := &cobra.Command{
		Use:     "abandon LEASE --because WHY",
		Short:   "Give up a lease that can never be proved closed, while the bot is stopped",
		GroupID: groupStore,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("say which lease to give up")
			}
			o.id = args[0]
			return nil
		},
		PreRunE: func(*cobra.Command, []string) error {
			if o.because = strings.Join(strings.Fields(o.because), " "); o.because == "" {
				return errors.New("--because is empty; say why, it is recorded")
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), con) },
	}
	configFlag(c, &o.config)
	c.Flags().StringVar(&o.because, "because", "", "`WHY` it is given up, for the record")
	declared(c.MarkFlagRequired("because"))
	return c
}

// run gives the lease up in the store. People are told by the bot: the next one
// that starts, or with a table one that runs.
func (o *abandonOptions) run(ctx context.Context, con console) (err error) {
	c, err := readConfig(o.config)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(con.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	store, err := openToAbandon(ctx, c.Store, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	aws, err := provisioner.New(ctx, provisioner.Options{
		Deployment: c.Deployment, Accounts: convert(c.AWS, awsConfig.account), Logger: log,
	})
	if err != nil {
		return err
	}
	keeper := sshforward.NewKeeper(sshforward.Options{
		Store: store, Cloud: aws, Slack: noSlack{},
		Policy: c.Policy.policy(c.Slack.Admins), Timing: c.Timing.timing(), Accounts: leaseAccounts(c.AWS),
		Prices: c.prices(), Logger: log,
	})
	l, err := keeper.Abandon(ctx, o.id, o.because)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.stdout, "%s: given up, nothing was proved. %s\n"+
		"The operators' channel is told when the bot starts again; what of it is seen in AWS then is closed.\n",
		l.ID, printable(l.Abandoned.Unseen.String()))
	return err
}

// openToAbandon opens the store: a file that no bot has meanwhile, or a table,
// whoever has it.
func openToAbandon(ctx context.Context, c storeConfig, log *slog.Logger) (leaseStore, error) {
	if c.DynamoDB != nil {
		return dynamoStore(ctx, c.DynamoDB, dynamo.Options{Logger: log})
	}
	if _, err := os.Stat(c.Bolt); err != nil {
		return nil, fmt.Errorf("the store cannot be used: %w", err)
	}
	store, err := bolt.Open(c.Bolt, bolt.Options{Logger: log})
	if sshforward.ErrorCode(err) == sshforward.EUNAVAILABLE {
		return nil, fmt.Errorf("the bot runs and has the store to itself: "+
			"give the lease up in Slack with /sshforward abandon, or stop the bot first (%w)", err)
	}
	return store, err
}

// noSlack is Slack for what works while nobody can be told.
type noSlack struct{}

var errNoSlack = sshforward.Errorf(sshforward.EUNAVAILABLE, "Slack is not asked here.")

// Card implements sshforward.Notifier.
func (noSlack) Card(context.Context, *sshforward.Lease) (channel, ts string, err error) {
	return "", "", errNoSlack
}

// Notice implements sshforward.Notifier.
func (noSlack) Notice(context.Context, *sshforward.Lease, sshforward.Notice) (sshforward.Place, error) {
	return sshforward.Place{}, errNoSlack
}

// Edit implements sshforward.Notifier.
func (noSlack) Edit(context.Context, *sshforward.Lease, sshforward.Posted) error { return errNoSlack }

// Announce implements sshforward.Notifier.
func (noSlack) Announce(context.Context, sshforward.Text) error { return errNoSlack }

// Members implements sshforward.Directory.
func (noSlack) Members(context.Context, string) ([]string, error) { return nil, errNoSlack }

// Person implements sshforward.Directory.
func (noSlack) Person(context.Context, string) (sshforward.Person, error) {
	return sshforward.Person{}, errNoSlack
}
