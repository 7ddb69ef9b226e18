package bot

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// BenchmarkAck measures the time from the receipt of an envelope to its
// acknowledgement over the wire, while 200 leases are being opened: the keeper
// takes its time over each command, and each lease's card is updated all the
// while. Slack waits 3 s.
func BenchmarkAck(b *testing.B) {
	for name, one := range map[string]func(*life, int) (fakeslack.Result, error){
		"slash": func(x *life, _ int) (fakeslack.Result, error) {
			return x.w.Slash(context.Background(), "U1", "C1", "open web-1 2h")
		},
		"click": func(x *life, _ int) (fakeslack.Result, error) {
			return x.w.ForgeClick(context.Background(), "U2", fakeslack.Forged{Channel: "C1", ActionID: actionApprove, Value: "k7m2q3x"})
		},
	} {
		b.Run(name, func(b *testing.B) { benchmarkAck(b, one) })
	}
}

func benchmarkAck(b *testing.B, one func(*life, int) (fakeslack.Result, error)) {
	w := office(b, fakeslack.Options{History: 1000})
	var mu sync.Mutex
	var inside []time.Duration
	k := &keeper{do: func(ctx context.Context, _ sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		if _, slow := cmd.(sshforward.OpenLease); slow {
			sleep(ctx, 200*time.Millisecond) // preflight in AWS
		} else {
			sleep(ctx, 5*time.Millisecond) // one durable write
		}
		return sshforward.Reply{Lease: lease(sshforward.Requested)}, nil
	}}
	x := live(b, w, k, func(o *Options) {
		o.OnAck = func(d time.Duration) { mu.Lock(); inside = append(inside, d); mu.Unlock() }
	})

	ctx, cancel := context.WithCancel(context.Background())
	var opening sync.WaitGroup
	for range 200 {
		opening.Go(func() {
			l := lease(sshforward.Opening)
			for i := 0; sleep(ctx, time.Second); i++ {
				l.Stage = sshforward.Stages[i%len(sshforward.Stages)]
				if channel, ts, err := x.Card(ctx, l); err == nil {
					l.Card.Channel, l.Card.TS = channel, ts
				}
			}
		})
	}
	var wire []time.Duration
	mu.Lock()
	inside = inside[:0]
	mu.Unlock()
	for i := 0; b.Loop(); i++ {
		res, err := one(x, i)
		if err != nil || !res.Acked {
			b.Fatalf("%+v, %v", res, err)
		}
		wire = append(wire, res.Latency)
	}
	cancel()
	opening.Wait()
	report := func(what string, all []time.Duration) {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, what+"-p50-ms")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, what+"-p99-ms")
	}
	report("wire", wire)
	mu.Lock()
	defer mu.Unlock()
	report("bot", inside)
}
