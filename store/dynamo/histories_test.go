package dynamo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/store/storetest"
)

var howMany = flag.Int("histories", testenv.UnlessRaced(80, 6), "how many histories of leases, and of people, TestHistories looks at")

// register is one lease, or one person, as it should be: a value with a revision.
type register struct {
	revision uint64 // 0: it is not there
	value    string
}

// asked and answered are one call of somebody's.
type asked struct {
	kind     string // get, put, delete
	revision uint64
	value    string
}

type answered struct {
	code string // "", ECONFLICT, ENOTFOUND, EUNAVAILABLE: nobody knows
	got  register
}

// registers says which histories could be those of a register.
var registers = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{register{}} },
	Step: func(state, input, output any) []any {
		is, in, out := state.(register), input.(asked), output.(answered)
		var done any
		switch {
		case in.kind == "get" && out.got == is:
			return []any{is}
		case in.kind == "get":
			return nil
		case in.kind == "put":
			done = register{in.revision + 1, in.value}
		case in.kind == "delete":
			done = register{}
		}
		may := is.revision == in.revision
		switch out.code {
		case "":
			if in.kind == "delete" && is.revision == 0 {
				return []any{is} // it is done already
			}
			if may {
				return []any{done}
			}
		case sshforward.ECONFLICT:
			if !may && (in.kind == "put" || is.revision != 0) {
				return []any{is}
			}
		case sshforward.EUNAVAILABLE:
			if may {
				return []any{is, done}
			}
			return []any{is}
		}
		return nil
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v: %+v", in, out) },
}).ToModel()

// thing is what has a history.
type thing interface {
	get(ctx context.Context, s storetest.Store) (register, error)
	put(ctx context.Context, s storetest.Store, revision uint64, value string) error
	delete(ctx context.Context, s storetest.Store, revision uint64) error
}

type aLease string

func (id aLease) get(ctx context.Context, s storetest.Store) (register, error) {
	l, err := s.Lease(ctx, string(id))
	switch {
	case sshforward.ErrorCode(err) == sshforward.ENOTFOUND:
		return register{}, nil
	case err != nil:
		return register{}, err
	}
	return register{l.Revision, l.Because}, nil
}

func (id aLease) put(ctx context.Context, s storetest.Store, revision uint64, value string) error {
	l := newLease(string(id))
	l.Revision, l.Because = revision, value
	return s.Put(ctx, l, sshforward.Event{At: noon, Act: sshforward.ActOpen, Detail: value})
}

func (id aLease) delete(ctx context.Context, s storetest.Store, revision uint64) error {
	return s.Delete(ctx, string(id), revision)
}

type aPerson string

func (user aPerson) get(ctx context.Context, s storetest.Store) (register, error) {
	h, err := s.Held(ctx, string(user))
	return register{h.Revision, strings.Join(h.Leases, " ")}, err
}

func (user aPerson) put(ctx context.Context, s storetest.Store, revision uint64, value string) error {
	return s.SetHeld(ctx, &sshforward.Held{User: string(user), Revision: revision, Leases: []string{value}})
}

func (aPerson) delete(context.Context, storetest.Store, uint64) error { return errors.ErrUnsupported }

// history lets some do what they do to one thing, through handles of their own,
// and returns what each asked and was answered. An id is used once, as the package's
// doc has it: a lease is deleted when nobody is about to make it, and nobody makes
// it after that.
func history(ctx context.Context, what thing, name string, handles []storetest.Store, seed uint64) []porcupine.Operation {
	const clients, each = 4, 5
	var (
		mu  sync.Mutex
		ops []porcupine.Operation
		all sync.WaitGroup

		making  sync.RWMutex
		deleted bool
	)
	began := time.Now()
	for i := range clients {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		all.Go(func() {
			s := handles[i%len(handles)]
			note := func(in asked, do func() answered) answered {
				call := time.Since(began)
				out := do()
				op := porcupine.Operation{ClientId: i, Input: in, Call: int64(call), Output: out, Return: int64(time.Since(began))}
				if out.code == sshforward.EUNAVAILABLE {
					if in.kind == "get" {
						return out
					}
					op.Return = math.MaxInt64 // it may still be done
				}
				mu.Lock()
				defer mu.Unlock()
				ops = append(ops, op)
				return out
			}
			var last register
			for n := range each {
				if random.IntN(4) > 0 { // else from what was seen last
					out := note(asked{kind: "get"}, func() answered {
						got, err := what.get(ctx, s)
						return answered{sshforward.ErrorCode(err), got}
					})
					last = out.got
				}
				in := asked{kind: "put", revision: last.revision, value: fmt.Sprintf("%s %d %d", name, i, n)}
				_, leases := what.(aLease)
				if leases && last.revision > 0 && random.IntN(12) == 0 {
					in.kind, in.value = "delete", ""
				}
				done := func() {}
				switch {
				case in.kind == "delete":
					making.Lock()
					deleted, done = true, making.Unlock
				case in.revision == 0:
					making.RLock()
					done = making.RUnlock
					if deleted {
						done()
						continue
					}
				}
				out := note(in, func() answered {
					if in.kind == "delete" {
						return answered{code: sshforward.ErrorCode(what.delete(ctx, s, in.revision))}
					}
					return answered{code: sshforward.ErrorCode(what.put(ctx, s, in.revision, in.value))}
				})
				done()
				if out.code == "" && in.kind == "put" {
					last = register{in.revision + 1, in.value}
				}
			}
		})
	}
	all.Wait()
	return ops
}

// histories makes n of them and returns what is wrong with them: with each lease
// and person, and with the events of the leases.
func histories(t *testing.T, n int, reader storetest.Store, handles []storetest.Store, seed uint64) (wrong []string) {
	t.Helper()
	var (
		mu      sync.Mutex
		all     sync.WaitGroup
		atOnce  = make(chan struct{}, 8)
		puts    = make(map[string]string)
		unknown int
	)
	for i := range n {
		for _, what := range []thing{aLease(fmt.Sprintf("lease%04d", i)), aPerson(fmt.Sprintf("U%04d", i))} {
			atOnce <- struct{}{}
			all.Go(func() {
				defer func() { <-atOnce }()
				name := fmt.Sprint(what)
				rotated := slices.Concat(handles[i%len(handles):], handles[:i%len(handles)])
				ops := history(t.Context(), what, name, rotated, seed+uint64(i))
				result, _ := porcupine.CheckOperationsVerbose(registers, ops, 30*time.Second)
				mu.Lock()
				defer mu.Unlock()
				if result != porcupine.Ok {
					var lines []string
					slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
					for _, op := range ops {
						lines = append(lines, fmt.Sprintf("%d: %v-%v %+v: %+v",
							op.ClientId, time.Duration(op.Call), time.Duration(op.Return), op.Input, op.Output))
					}
					wrong = append(wrong, fmt.Sprintf("%s is %s:\n%s", name, result, strings.Join(lines, "\n")))
				}
				for _, op := range ops {
					in, out := op.Input.(asked), op.Output.(answered)
					if out.code == sshforward.EUNAVAILABLE {
						unknown++
					}
					if _, ok := what.(aLease); ok && in.kind == "put" {
						puts[in.value] = out.code
					}
				}
			})
		}
	}
	all.Wait()
	t.Logf("%d histories of leases and of people, %d answers are unknown", n, unknown)

	events := make(map[string]int)
	for e, err := range reader.EventsAfter(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		events[e.Detail]++
	}
	for value, code := range puts {
		switch n := events[value]; {
		case n > 1, code == "" && n != 1, code == sshforward.ECONFLICT && n != 0:
			wrong = append(wrong, fmt.Sprintf("of the put of %q, answered %q, there are %d events", value, code, n))
		}
	}
	return wrong
}

// badHandles are three replicas, with wires on which whatever is lost is lost.
func badHandles(t *testing.T, st stand, table string, seed uint64) (handles []storetest.Store, wires []*wire) {
	t.Helper()
	for i := range 3 {
		w := bad(st.next, seed+uint64(i))
		w.lost, w.lostAll, w.refused = 8, 4, 2
		wires = append(wires, w)
		handles = append(handles, st.open(t, table, func(o *Options) { o.HTTPClient, o.attempts = w, 3 }))
	}
	t.Cleanup(func() {
		for _, w := range wires {
			w.zombie.Wait()
		}
	})
	return handles, wires
}

// Whatever is lost on the way, each lease and each person have one history that
// explains every answer, and each event is there if and only if its write is.
func TestHistories(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, st stand, n int) {
		table := newTable()
		handles, wires := badHandles(t, st, table, 1)
		for _, wrong := range histories(t, n, st.open(t, table), handles, 1) {
			t.Error(wrong)
		}
		for _, s := range handles { // nobody writes while the table is read
			mustClose(t, s.(*Store))
		}
		for _, w := range wires {
			w.zombie.Wait()
		}
		wantConsistent(t, st, table)
		for _, w := range wires {
			if w.count("lost") < n/2 || w.count("repeated") == 0 || w.count("late") == 0 {
				t.Errorf("too little went wrong: %v", w.counts)
			}
		}
	}
	t.Run("dynalite", func(t *testing.T) {
		unlessRaced(t)
		t.Parallel()
		check(t, dynalite(t), *howMany/4)
	})
	t.Run("stand-in", func(t *testing.T) {
		t.Parallel()
		check(t, fake(), *howMany)
	})
}

// naive is a store that has no write ids: it takes a condition that is not met for
// another writer.
type naive struct{ *Store }

func (s naive) Put(ctx context.Context, l *sshforward.Lease, _ ...sshforward.Event) error {
	next := *l
	next.Revision++
	it, err := leaseItem(&next)
	if err != nil {
		return err
	}
	in := &dynamodb.PutItemInput{TableName: &s.table, Item: it, ConditionExpression: aws.String("attribute_not_exists(sk)")}
	if l.Revision > 0 {
		in.ConditionExpression = aws.String("rev = :r")
		in.ExpressionAttributeValues = item{":r": number(l.Revision)}
	}
	switch _, err := s.db.PutItem(ctx, in); {
	case isCondition(err):
		return sshforward.RevisionConflict(l.ID, l.Revision, 0)
	case err != nil:
		return failed("put", err)
	}
	l.Revision++
	return nil
}

// This is a test of the test: it finds the store that tells its own success as a
// conflict.
func TestHistoriesFindANaiveStore(t *testing.T) {
	t.Parallel()
	st, table := fake(), newTable()
	handles, _ := badHandles(t, st, table, 5)
	for i, s := range handles {
		handles[i] = naive{s.(*Store)}
	}
	illegal := 0
	wrong := histories(t, testenv.UnlessRaced(40, 10), st.open(t, table), handles, 5)
	for _, w := range wrong {
		if strings.Contains(w, "is "+string(porcupine.Illegal)) {
			illegal++
		}
	}
	t.Logf("%d histories are illegal", illegal)
	if illegal == 0 {
		t.Error("nothing is wrong with a store that has no write ids")
	}
}
