package playground

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/internal/safe"
	"github.com/sshforward/sshforward/store/dynamo"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

// MaxReplicas is how many bots can run: each has two connections to Slack, which
// allows ten.
const MaxReplicas = 5

// tableName is the table of a playground with replicas.
const tableName = "sshforward-playground"

// lookEvery is how often the table is read for the picture.
const lookEvery = time.Second

// table is what the bots of a playground with replicas share: a DynamoDB in this
// process's memory. It knows each of them by its access key.
type table struct {
	db   *fakedynamo.DB
	url  string
	note func() // is called when what Status says has changed
	// inherited is called when all that a bot had which was killed is with others.
	inherited func(after time.Duration)

	mu      sync.Mutex
	cut     map[string]bool   // bots that do not get through, by access key
	members map[string]string // by the id that a bot has in the table: its access key
	owned   map[string][]string
	orphans []string  // leases of the one that was killed last
	killed  string    // its access key
	since   time.Time // when that was
}

// accessKey is that of the nth bot.
func accessKey(n int) string { return "AKIAREPLICA" + strconv.Itoa(n) }

// startTable serves the table, and looks who has which lease.
func (p *Playground) startTable() error {
	t := &table{
		db: fakedynamo.New(fakedynamo.Options{}), note: p.note, inherited: p.inherited,
		cut: make(map[string]bool), members: make(map[string]string), owned: make(map[string][]string),
	}
	t.db.SetFault(t.fault)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.serve(l, t.db)
	t.url = "http://" + l.Addr().String()
	store, err := dynamo.Open(context.Background(), dynamo.Options{
		Table: tableName, Create: true, HTTPClient: t.db.HTTPClient("picture"), Logger: slog.New(slog.DiscardHandler),
		AWS: &aws.Config{Region: fakedynamo.DefaultRegion, Credentials: credentials.NewStaticCredentialsProvider("picture", "playground", "")},
	})
	if err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer safe.Catch(func(err error) { p.log.Error("the picture does not show any more who has which lease", "err", err) })
		t.look(ctx, store)
	}()
	p.undo = append(p.undo, func() { cancel(); <-done; _ = store.Close() })
	p.table = t
	return nil
}

// fault cuts off who is to be, and learns from the beats which process is which
// member.
func (t *table) fault(c fakedynamo.Call) fakedynamo.Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id := beatOf(c); id != "" {
		t.members[id] = c.Client
	}
	return fakedynamo.Fault{Unsent: t.cut[c.Client]}
}

// beatOf is the id of the member whose beat a call writes; "" if it does none.
func beatOf(c fakedynamo.Call) string {
	if c.Operation != "PutItem" || !strings.Contains(c.Body, `"member"`) {
		return ""
	}
	var put struct {
		Item struct{ PK, SK struct{ S string } }
	}
	if json.Unmarshal([]byte(c.Body), &put) != nil || put.Item.PK.S != "member" {
		return ""
	}
	return put.Item.SK.S
}

// look reads every second whose the leases are.
func (t *table) look(ctx context.Context, store *dynamo.Store) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		active, err := store.Active(ctx)
		if err != nil {
			continue // it is in this process's memory, and comes back
		}
		owned := make(map[string][]string)
		t.mu.Lock()
		for _, l := range active {
			key := t.members[l.Worker]
			owned[key] = append(owned[key], l.ID)
		}
		over := len(t.orphans) > 0 && !slices.ContainsFunc(owned[t.killed], func(id string) bool { return slices.Contains(t.orphans, id) })
		if t.owned = owned; over {
			t.orphans = nil
		}
		since := t.since
		t.mu.Unlock()
		if over {
			t.inherited(time.Since(since))
		}
		t.note()
	}
}

// orphan waits for others to have what a bot has that is killed.
func (t *table) orphan(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since, t.killed, t.orphans = time.Now(), key, slices.Clone(t.owned[key])
}

// lose deletes the table. Who starts next makes an empty one.
func (t *table) lose() {
	t.db.Drop(tableName)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owned, t.orphans = make(map[string][]string), nil
}

// inherited tells that others have what a replica had that was killed.
func (p *Playground) inherited(after time.Duration) {
	p.tour.returned()
	p.chronicle.add(time.Now(), ofBot, "Another replica has what that one had, after %.1f s", after.Seconds())
}

func (t *table) setCut(key string, cut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cut[key] = cut
}

// of is what the table knows of a bot.
func (t *table) of(key string) (leases []string, cut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.owned[key]), t.cut[key]
}

// replicaKinds are what Trouble takes for one of several bots, as in kill-2.
var replicaKinds = []struct{ name, does, story string }{
	{"kill", "kill -9 that replica", "Somebody kills replica %d (kill -9)"},
	{"start", "start it again, and wait until it is connected", "Replica %d is back"},
	{"pause", "stop its process where it is, as a machine does that sleeps", "Somebody puts replica %d to sleep"},
	{"resume", "let it go on", "Replica %d goes on"},
	{"cut", "cut it off from the table", "Somebody cuts replica %d off from the table"},
	{"join", "let it reach the table again", "Replica %d reaches the table again"},
}

// replicaTrouble takes a kind apart; false if it is about no one replica.
func replicaTrouble(kind string) (what string, n int, ok bool) {
	what, number, found := strings.Cut(kind, "-")
	n, err := strconv.Atoi(number)
	return what, n, found && err == nil && storyOf(what) != ""
}

// storyOf is how it is told what was done to a replica; "" if there is no such kind.
func storyOf(what string) string {
	for _, k := range replicaKinds {
		if k.name == what {
			return k.story
		}
	}
	return ""
}

// troubleReplica does something to the nth bot, and tells it.
func (p *Playground) troubleReplica(ctx context.Context, what string, n int) error {
	if err := p.toReplica(ctx, what, n); err != nil {
		return err
	}
	by := ofTrouble
	if what == "start" || what == "resume" || what == "join" {
		by = ofBot
	}
	p.chronicle.add(time.Now(), by, storyOf(what), n)
	return nil
}

func (p *Playground) toReplica(ctx context.Context, what string, n int) error {
	if p.table == nil || n < 1 || n > len(p.bots) {
		return fmt.Errorf("there is no replica %d", n)
	}
	b := p.bots[n-1]
	if what != "start" && what != "join" && b.pid() == 0 {
		return fmt.Errorf("replica %d is not running", n)
	}
	switch what {
	case "kill":
		p.table.orphan(accessKey(n))
		b.kill()
		p.tour.died()
	case "pause":
		return b.pause()
	case "resume":
		return b.resume()
	case "start":
		if b.pid() != 0 {
			return errRunning
		}
		if err := p.startOne(ctx, b); err != nil {
			return err
		}
		p.tour.returned()
	default:
		p.table.setCut(accessKey(n), what == "cut")
	}
	return nil
}

// startOne starts one of several bots and returns when it has its connections to
// Slack beside those of the others.
func (p *Playground) startOne(ctx context.Context, b *botProcess) error {
	// Those of the one before it, which Slack may not have missed yet, are not to be
	// taken for its own.
	others := 2 * p.running()
	late, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	if err := p.workspace.Wait(late, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) <= others }); err != nil {
		return fmt.Errorf("wait for the old connections to end: %w", err)
	}
	if err := b.start(); err != nil {
		return err
	}
	return p.connected(ctx)
}

// running is how many bots run.
func (p *Playground) running() (n int) {
	for _, b := range p.bots {
		if b.pid() != 0 {
			n++
		}
	}
	return n
}

// replicas is what Status says of them; nil if there is one bot alone.
func (p *Playground) replicas() (all []web.Replica) {
	if p.table == nil {
		return nil
	}
	for i, b := range p.bots {
		r := web.Replica{PID: b.pid(), Paused: b.isPaused()}
		r.Leases, r.Cut = p.table.of(accessKey(i + 1))
		all = append(all, r)
	}
	return all
}

// errNoPause is said where a process cannot be stopped and go on.
var errNoPause = errors.New("this system cannot pause a process")
