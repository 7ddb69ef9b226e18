package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/store/bolt"
)

// Who asks in a drill, and who says yes. Nobody else hears of it.
const (
	drillAsks     = "U0DRILL"
	drillApproves = "U0DRILLYES"
)

// drill is one under way: the real keeper and provisioner with a store of its own,
// and nobody at the other end.
type drill struct {
	drillOptions
	c       *config
	store   *bolt.Store
	aws     *provisioner.Provisioner
	sources []netip.Prefix
	in      sshforward.Instance
	log     *slog.Logger
	report  drillReport

	keeper *sshforward.Keeper
	stop   func() // ends the keeper, as the death of its process would
}

func (o *drillOptions) newDrill(ctx context.Context, c *config, dir string, stderr io.Writer) (*drill, error) {
	sources, err := o.sources(c)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	store, err := bolt.Open(filepath.Join(dir, "drill.db"), bolt.Options{Logger: log})
	if err != nil {
		return nil, err
	}
	// A key of its own: should this process die, what it made proves nothing to the
	// bot of the deployment, which takes it down as an orphan.
	key := make([]byte, provisioner.MinKey)
	rand.Read(key) // never fails
	aws, err := provisioner.New(ctx, provisioner.Options{
		Deployment: c.Deployment, Accounts: convert(c.AWS, awsConfig.account),
		Signing: provisioner.Signing{Key: key, Store: store.ID()}, Logger: log,
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	d := &drill{drillOptions: *o, c: c, store: store, aws: aws, sources: sources, log: log, report: drillReport{Instance: o.instance}}
	if d.in, err = o.drillRule(ctx, c, aws); err == nil && o.kill && !leaseAccounts(c.AWS)[d.in.Account].DeadMan {
		err = fmt.Errorf("account %s has no dead-man switch (deadman), so nothing would end what is open", d.in.Account)
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	d.start()
	return d, nil
}

// start brings up a keeper on the drill's store.
func (d *drill) start() {
	timing := d.c.Timing.timing()
	timing.Reminders = nil
	policy := d.c.Policy.policy(nil)
	policy.LeasesPerUser, policy.Prepare = 0, sshforward.PrepareApproval
	policy.Rules = []sshforward.Rule{{
		Name: "drill", Instances: []string{d.in.ID}, Max: time.Hour, Approvers: []string{drillApproves}, Approvals: 1,
	}}
	d.keeper = sshforward.NewKeeper(sshforward.Options{
		Store: d.store, Cloud: d.aws, Slack: nobodyToTell{}, Policy: policy, Timing: timing,
		Accounts: leaseAccounts(d.c.AWS), Prices: d.c.prices(), Logger: d.log,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer safe.Catch(func(err error) { d.log.Error("panic", "err", err) })
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := d.keeper.Tick(ctx); err != nil && ctx.Err() == nil {
					d.log.Error("tick", "err", err)
				}
			}
		}
	})
	keeper := d.keeper
	d.stop = func() {
		cancel()
		wg.Wait()
		keeper.Stop(ctx)
	}
}

// whole goes through it, and leaves nothing, whatever happens on the way.
func (d *drill) whole(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, d.clean(), d.store.Close()) }()
	if err := d.opened(ctx); err != nil {
		return err
	}
	if d.kill {
		return d.killed(ctx)
	}
	return d.closed(ctx)
}

// opened has it built, approved and answered by sshd.
func (d *drill) opened(ctx context.Context) error {
	err := d.timed("built while a yes is missing", func() error {
		l, err := d.do(ctx, drillAsks, sshforward.OpenLease{
			Instance: d.in.ID, Duration: max(drillLasts, d.c.Timing.timing().Min), Sources: d.sources, Because: "drill",
		})
		if err != nil {
			return err
		}
		d.report.Lease = l.ID
		if _, err := d.do(ctx, drillAsks, sshforward.ConfirmLease{ID: l.ID}); err != nil {
			return err
		}
		return d.until(ctx, func(l *sshforward.Lease) bool { return l.Prepared.Ready() || !l.Prepared.Cold.IsZero() })
	})
	if err != nil {
		return err
	}
	err = d.timed("last yes to open", func() error {
		if _, err := d.do(ctx, drillApproves, sshforward.ApproveLease{ID: d.report.Lease}); err != nil {
			return err
		}
		return d.until(ctx, func(l *sshforward.Lease) bool { return l.State == sshforward.Open })
	})
	if err != nil {
		return err
	}
	return d.timed("open to the banner of sshd", func() error { return d.banner(ctx) })
}

// closed extends it and closes it.
func (d *drill) closed(ctx context.Context) error {
	err := d.timed("extended", func() error {
		if _, err := d.do(ctx, drillAsks, sshforward.ExtendLease{Ref: d.report.Lease, Duration: time.Minute}); err != nil {
			return err
		}
		return d.until(ctx, func(l *sshforward.Lease) bool { return l.Resources.Until.Equal(l.ExpiresAt) })
	})
	if err != nil {
		return err
	}
	return d.timed("closed, access ended", func() error {
		if _, err := d.do(ctx, drillAsks, sshforward.CloseLease{Ref: d.report.Lease}); err != nil {
			return err
		}
		return d.ended(ctx, func(l *sshforward.Lease) bool { return !l.AccessEndedAt.IsZero() })
	})
}

const (
	// deadManLate is how long after its time the dead-man switch is waited for.
	deadManLate = 5 * time.Minute
	// clocksDiffer is how much earlier than here it may be time for it at AWS.
	clocksDiffer = 10 * time.Second
)

// killed has the bot die, and waits for the dead-man switch to end access.
func (d *drill) killed(ctx context.Context) error {
	l, err := d.lease(ctx)
	if err != nil {
		return err
	}
	d.stop()
	defer d.start() // as whoever comes next does, for the rest
	grace := time.Duration(0)
	for _, a := range d.c.AWS {
		if a.Name == l.Instance.Account {
			grace = a.account().DeadMan.Grace
		}
	}
	due := l.ExpiresAt.Add(grace)
	wait, cancel := context.WithDeadline(ctx, due.Add(deadManLate))
	defer cancel()
	for {
		_, err := d.aws.Health(wait, l)
		if sshforward.ErrorCode(err) == sshforward.ENOTFOUND {
			if time.Until(due) > clocksDiffer {
				return errors.New("something else ended it before the dead-man switch was due; does a bot of the deployment run?")
			}
			d.note("end to the dead-man switch", time.Since(l.ExpiresAt))
			return nil
		}
		select {
		case <-wait.Done():
			return errors.New("the dead-man switch did not end it in time")
		case <-time.After(time.Second):
		}
	}
}

// cleanWithin is how long the interfaces of a load balancer may hold what is left.
const cleanWithin = 20 * time.Minute

// clean closes what is there and waits until AWS says that nothing is, also when
// the drill was interrupted.
func (d *drill) clean() error {
	defer func() { d.stop() }()
	if d.report.Lease == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanWithin)
	defer cancel()
	began := time.Now()
	_, err := d.do(ctx, drillAsks, sshforward.CloseLease{Ref: d.report.Lease})
	if err == nil || sshforward.ErrorCode(err) == sshforward.ECONFLICT {
		err = d.ended(ctx, func(l *sshforward.Lease) bool { return l.State == sshforward.Closed })
	}
	if l, lerr := d.lease(ctx); lerr == nil {
		d.report.Overstay = l.Overstay().Seconds()
	}
	if err != nil {
		return fmt.Errorf("something of lease %s is left; remove it with sshforward close %s: %w", d.report.Lease, d.report.Lease, err)
	}
	d.note("read back that nothing is left", time.Since(began))
	return nil
}

func (d *drill) timed(stage string, do func() error) error {
	began := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", stage, err)
	}
	d.note(stage, time.Since(began))
	return nil
}

func (d *drill) note(stage string, took time.Duration) {
	d.report.Stages = append(d.report.Stages, drillStage{stage, took.Seconds()})
}

func (d *drill) do(ctx context.Context, user string, cmd sshforward.Command) (*sshforward.Lease, error) {
	reply, err := d.keeper.Do(ctx, sshforward.Caller{User: user, Channel: "drill"}, cmd)
	if err != nil {
		return nil, err
	}
	if reply.Lease == nil {
		return nil, errors.New("the instance is not to be told from others")
	}
	return reply.Lease, nil
}

func (d *drill) lease(ctx context.Context) (*sshforward.Lease, error) {
	return d.store.Lease(ctx, d.report.Lease)
}

// until waits for something of the lease, or for its end, which is an error.
func (d *drill) until(ctx context.Context, done func(*sshforward.Lease) bool) error {
	return d.ended(ctx, func(l *sshforward.Lease) bool { return done(l) || l.Reason != "" }, done)
}

// ended waits for something of the lease. It fails if that does not hold what must.
func (d *drill) ended(ctx context.Context, done func(*sshforward.Lease) bool, must ...func(*sshforward.Lease) bool) error {
	for {
		l, err := d.lease(ctx)
		if err != nil {
			return err
		}
		if done(l) {
			for _, holds := range must {
				if !holds(l) {
					return fmt.Errorf("it ended, %s: %s", l.Reason, cmp.Or(l.Why.String(), l.LastError.String()))
				}
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("interrupted while it was %s: %s", l.State, cmp.Or(l.LastError.String(), l.Detail.String()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// bannerWithin is how long a name may need to resolve.
const bannerWithin = 30 * time.Second

// banner connects as ssh does and reads the first line of sshd.
func (d *drill) banner(ctx context.Context) error {
	l, err := d.lease(ctx)
	if err != nil {
		return err
	}
	host := cmp.Or(d.connect, l.ByAddress(), l.Resources.DNSName)
	ctx, cancel := context.WithTimeout(ctx, bannerWithin)
	defer cancel()
	for {
		line, err := readBanner(ctx, net.JoinHostPort(host, strconv.Itoa(l.ListenerPort)))
		if err == nil && strings.HasPrefix(line, "SSH-") {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nothing that speaks ssh answers at %s: %w", host, cmp.Or(err, fmt.Errorf("it says %q", line)))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func readBanner(ctx context.Context, at string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", at)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetReadDeadline(end)
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 255)).ReadString('\n')
	return line, err
}

// nobodyToTell is the Slack of a drill: two full members, and nobody who reads.
type nobodyToTell struct{}

func (nobodyToTell) Card(context.Context, *sshforward.Lease) (channel, ts string, err error) {
	return "drill", "1.0", nil
}

func (nobodyToTell) Notice(context.Context, *sshforward.Lease, sshforward.Notice) (sshforward.Place, error) {
	return sshforward.Place{Channel: "drill", TS: "1.0"}, nil
}

func (nobodyToTell) Edit(context.Context, *sshforward.Lease, sshforward.Posted) error { return nil }
func (nobodyToTell) Announce(context.Context, sshforward.Text) error                  { return nil }
func (nobodyToTell) Members(context.Context, string) ([]string, error)                { return nil, nil }
func (nobodyToTell) Person(context.Context, string) (sshforward.Person, error) {
	return sshforward.Person{}, nil
}
