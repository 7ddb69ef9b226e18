package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/logqueue"
	"github.com/sshforward/sshforward/internal/safe"
)

// meters are the metrics of section "Metrics" in docs/operations.md.
//
// The library is not Prometheus's own, which brings protobuf along for a format
// that nobody asks the bot for: that is 2 MB of the program and of what is resident.
type meters struct {
	set                           *metrics.Set
	help                          map[string]string // by name
	ackSeconds, openSeconds, stay *metrics.PrometheusHistogram
	reconnects, orphans, deaf     *metrics.Counter
	takeovers                     *metrics.Counter
	skew                          *metrics.Gauge
	counts                        []func(context.Context) error // set what is counted when it is asked for
}

func newMeters() *meters {
	metrics.ExposeMetadata(true) // the kind of each
	m := &meters{set: metrics.NewSet(), help: make(map[string]string)}
	m.ackSeconds = m.histogram("sshforward_ack_seconds",
		"From the arrival of a Slack envelope to its acknowledgement. Slack allows 3 s.",
		.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 3)
	m.openSeconds = m.histogram("sshforward_open_seconds", "From the last yes to a forward that works.",
		1, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600)
	m.stay = m.histogram("sshforward_overstay_seconds", "How long access lasted beyond its promised end.",
		0, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)
	m.reconnects = m.counter("sshforward_slack_reconnects_total", "Socket Mode connections made after the first of each client.")
	m.orphans = m.counter("sshforward_orphans_total", "Things found in AWS that no live lease owned, and that were torn down.")
	m.deaf = m.counter("sshforward_unheard_alarms_total",
		"Times that Slack did not take an alarm in slack.channel. It stays owed and is tried again.")
	m.takeovers = m.counter("sshforward_takeovers_total", "Leases that this replica has taken over from one that was gone or going.")
	m.skew = m.gauge("sshforward_clock_skew_seconds", "By how much the clock here is behind that of AWS. Leases end by it.", nil)
	// Of these there is one for each set of labels that comes up.
	m.help["sshforward_aws_calls_total"] = "Calls to AWS, retries included. The code is AWS's error code, empty for success."
	m.help["sshforward_unproven_resources"] =
		"Things in AWS that carry the deployment's tag and are not provably a lease's. They are never changed."
	m.help["sshforward_elsewhere_leases"] =
		"Leases of another bot of the same deployment, with a store of its own, that are open. They are left alone until their end."
	return m
}

func (m *meters) histogram(name, help string, upTo ...float64) *metrics.PrometheusHistogram {
	m.help[name] = help
	return m.set.NewPrometheusHistogramExt(name, upTo)
}

func (m *meters) counter(name, help string) *metrics.Counter {
	m.help[name] = help
	return m.set.NewCounter(name)
}

// gauge calls value when it is asked for; nil: it is set.
func (m *meters) gauge(name, help string, value func() float64) *metrics.Gauge {
	m.help[name] = help
	return m.set.NewGauge(name, value)
}

// labelled is a name with pairs of a label and its value, as the format wants them.
func labelled(name string, pairs ...string) string {
	var b strings.Builder
	b.WriteString(name)
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(pairs[i] + `="` + inLabel.Replace(pairs[i+1]) + `"`)
	}
	return b.String() + "}"
}

var inLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// countLog adds how many lines of the log were left out.
func (m *meters) countLog(q *logqueue.Queue) {
	dropped := m.counter("sshforward_log_dropped_total",
		"Lines that were left out of the log because nobody read it, or it could not be written.")
	m.counts = append(m.counts, func(context.Context) error {
		dropped.Set(uint64(q.Dropped()))
		return nil
	})
}

// watch adds the figures that are counted when they are asked for.
func (m *meters) watch(keeper *sshforward.Keeper, slack *slackClient, loop *pulse) {
	build := "sshforward_build_info"
	m.help[build] = "Always 1; the labels say what runs."
	m.set.NewGauge(labelled(build, "go", runtime.Version(), "version", versionString()), nil).Set(1)
	m.gauge("sshforward_slack_refused", "1 while Slack does not take the bot's tokens: access ends, nothing opens, nobody is told.",
		func() float64 { return oneIf(slack.isRefused()) })
	m.gauge("sshforward_slack_connected", "1 while the bot has a connection to Slack.",
		func() float64 { return oneIf(slack.ready() == nil) })
	m.gauge("sshforward_slack_rival_connections",
		"Connections that a second process has with the same app token: Slack gives it a share of the commands.",
		func() float64 { return float64(slack.rivals()) })
	m.gauge("sshforward_members", "Replicas that this one sees at work, itself included.",
		func() float64 { return float64(keeper.Replicas()) })
	m.gauge("sshforward_round_age_seconds", "Since the loop that ends access went round last; it does every second.",
		func() float64 { return loop.age().Seconds() })
	m.watchLeases(keeper)
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func (m *meters) ack(d time.Duration)      { m.ackSeconds.Update(d.Seconds()) }
func (m *meters) opened(d time.Duration)   { m.openSeconds.Update(d.Seconds()) }
func (m *meters) overstay(d time.Duration) { m.stay.Update(d.Seconds()) }
func (m *meters) unheard()                 { m.deaf.Inc() }
func (m *meters) orphan()                  { m.orphans.Inc() }
func (m *meters) takeover()                { m.takeovers.Inc() }
func (m *meters) skewed(off time.Duration) { m.skew.Set(off.Seconds()) }
func (m *meters) connected(again bool) {
	if again {
		m.reconnects.Inc()
	}
}
func (m *meters) unprovenIn(account string, n int) {
	m.set.GetOrCreateGauge(labelled("sshforward_unproven_resources", "account", account), nil).Set(float64(n))
}
func (m *meters) elsewhereIn(account string, n int) {
	m.set.GetOrCreateGauge(labelled("sshforward_elsewhere_leases", "account", account), nil).Set(float64(n))
}
func (m *meters) awsCall(service, operation, code string) {
	m.set.GetOrCreateCounter(labelled("sshforward_aws_calls_total", "code", code, "operation", operation, "service", service)).Inc()
}

// watchLeases counts the leases when it is asked, so that the figures survive a
// restart and hold also for what a full disk keeps in memory.
func (m *meters) watchLeases(keeper *sshforward.Keeper) {
	const leases = "sshforward_leases"
	m.help[leases] = "Leases that are not closed, by state."
	stuck := m.gauge("sshforward_stuck_leases", "Leases on which the work keeps failing. They cost money and may be an open door.", nil)
	strays := m.gauge("sshforward_unconfigured_leases",
		"Leases with something in AWS in an account that is not in the configuration: nothing of them can be ended.", nil)
	m.counts = append(m.counts, func(ctx context.Context) error {
		all, err := keeper.Active(ctx)
		if err != nil {
			return err
		}
		in, failing := make(map[sshforward.State]int), 0
		for _, l := range all {
			in[l.State]++
			if l.Stuck() {
				failing++
			}
		}
		elsewhere, err := keeper.Unconfigured(ctx)
		if err != nil {
			return err
		}
		for _, s := range sshforward.States {
			if s != sshforward.Closed {
				m.set.GetOrCreateGauge(labelled(leases, "state", string(s)), nil).Set(float64(in[s]))
			}
		}
		stuck.Set(float64(failing))
		strays.Set(float64(len(elsewhere)))
		return nil
	})
}

// ServeHTTP serves the metrics in Prometheus's text format. What cannot be
// counted makes the scrape fail, rather than show what was so once.
func (m *meters) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	var page bytes.Buffer
	err := safe.Do(func() error {
		for _, count := range m.counts {
			if err := count(ctx); err != nil {
				return err
			}
		}
		m.set.WritePrometheus(&page)
		metrics.WriteGoMetrics(&page)
		writeProcess(&page)
		return nil
	})
	if err != nil {
		http.Error(w, "the metrics cannot be gathered: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.explain(w, page.String())
}

// explain writes a page with the help that there is; the library leaves it empty.
func (m *meters) explain(w io.Writer, page string) {
	for line := range strings.Lines(page) {
		if name, ok := strings.CutPrefix(line, "# HELP "); ok {
			name = strings.TrimSpace(name)
			if line = ""; m.help[name] != "" {
				line = fmt.Sprintf("# HELP %s %s\n", name, m.help[name])
			}
		}
		if _, err := io.WriteString(w, line); err != nil {
			return // nobody reads it any more
		}
	}
}
