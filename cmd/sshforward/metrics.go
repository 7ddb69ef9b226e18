package main

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/logqueue"
	"github.com/sshforward/sshforward/internal/safe"
)

// meters are the metrics of section "Metrics" in docs/operations.md.
type meters struct {
	registry                      *prometheus.Registry
	ackSeconds, openSeconds, stay prometheus.Histogram
	awsCalls                      *prometheus.CounterVec
	reconnects, orphans, deaf     prometheus.Counter
	takeovers                     prometheus.Counter
	skew                          prometheus.Gauge
	unproven, elsewhere           *prometheus.GaugeVec
}

func newMeters() *meters {
	m := &meters{
		registry: prometheus.NewRegistry(),
		ackSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sshforward_ack_seconds", Help: "From the arrival of a Slack envelope to its acknowledgement. Slack allows 3 s.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 3},
		}),
		openSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sshforward_open_seconds", Help: "From the last yes to a forward that works.",
			Buckets: []float64{1, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600},
		}),
		stay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sshforward_overstay_seconds", Help: "How long access lasted beyond its promised end.",
			Buckets: []float64{0, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600},
		}),
		awsCalls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sshforward_aws_calls_total", Help: "Calls to AWS, retries included. The code is AWS's error code, empty for success.",
		}, []string{"service", "operation", "code"}),
		reconnects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sshforward_slack_reconnects_total", Help: "Socket Mode connections made after the first of each client.",
		}),
	}
	m.orphans = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sshforward_orphans_total", Help: "Things found in AWS that no live lease owned, and that were torn down.",
	})
	m.unproven = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sshforward_unproven_resources",
		Help: "Things in AWS that carry the deployment's tag and are not provably a lease's. They are never changed.",
	}, []string{"account"})
	m.elsewhere = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sshforward_elsewhere_leases",
		Help: "Leases of another bot of the same deployment, with a store of its own, that are open. They are left alone until their end.",
	}, []string{"account"})
	m.deaf = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sshforward_unheard_alarms_total",
		Help: "Times that Slack did not take an alarm in slack.channel. It stays owed and is tried again.",
	})
	m.takeovers = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sshforward_takeovers_total", Help: "Leases that this replica has taken over from one that was gone or going.",
	})
	m.skew = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sshforward_clock_skew_seconds", Help: "By how much the clock here is behind that of AWS. Leases end by it.",
	})
	m.registry.MustRegister(m.takeovers, m.skew)
	m.registry.MustRegister(m.deaf, m.unproven, m.elsewhere, m.ackSeconds, m.openSeconds, m.stay, m.awsCalls, m.reconnects, m.orphans,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// countLog adds how many lines of the log were left out.
func (m *meters) countLog(q *logqueue.Queue) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "sshforward_log_dropped_total", Help: "Lines that were left out of the log because nobody read it, or it could not be written.",
	}, func() float64 { return float64(q.Dropped()) }))
}

// watch adds the figures that are counted when they are asked for.
func (m *meters) watch(keeper *sshforward.Keeper, slack *slackClient, loop *pulse) {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sshforward_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": versionString(), "go": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(leaseCollector{keeper}, build,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sshforward_slack_refused", Help: "1 while Slack does not take the bot's tokens: access ends, nothing opens, nobody is told.",
		}, func() float64 { return oneIf(slack.isRefused()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sshforward_slack_connected", Help: "1 while the bot has a connection to Slack.",
		}, func() float64 { return oneIf(slack.ready() == nil) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sshforward_slack_rival_connections",
			Help: "Connections that a second process has with the same app token: Slack gives it a share of the commands.",
		}, func() float64 { return float64(slack.rivals()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sshforward_members", Help: "Replicas that this one sees at work, itself included.",
		}, func() float64 { return float64(keeper.Replicas()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sshforward_round_age_seconds", Help: "Since the loop that ends access went round last; it does every second.",
		}, func() float64 { return loop.age().Seconds() }),
	)
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func (m *meters) ack(d time.Duration)      { m.ackSeconds.Observe(d.Seconds()) }
func (m *meters) opened(d time.Duration)   { m.openSeconds.Observe(d.Seconds()) }
func (m *meters) overstay(d time.Duration) { m.stay.Observe(d.Seconds()) }
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
	m.unproven.WithLabelValues(account).Set(float64(n))
}
func (m *meters) elsewhereIn(account string, n int) {
	m.elsewhere.WithLabelValues(account).Set(float64(n))
}
func (m *meters) awsCall(service, operation, code string) {
	m.awsCalls.WithLabelValues(service, operation, code).Inc()
}

// leaseCollector counts the leases when it is asked, so that the figures
// survive a restart and hold also for what a full disk keeps in memory.
type leaseCollector struct{ keeper *sshforward.Keeper }

var (
	leasesDesc = prometheus.NewDesc("sshforward_leases", "Leases that are not closed, by state.", []string{"state"}, nil)
	stuckDesc  = prometheus.NewDesc("sshforward_stuck_leases",
		"Leases on which the work keeps failing. They cost money and may be an open door.", nil, nil)
	unconfiguredDesc = prometheus.NewDesc("sshforward_unconfigured_leases",
		"Leases with something in AWS in an account that is not in the configuration: nothing of them can be ended.", nil, nil)
)

// Describe implements prometheus.Collector.
func (leaseCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- leasesDesc
	ch <- stuckDesc
	ch <- unconfiguredDesc
}

// Collect implements prometheus.Collector.
func (c leaseCollector) Collect(ch chan<- prometheus.Metric) {
	defer safe.Catch(func(err error) { ch <- prometheus.NewInvalidMetric(leasesDesc, err) }) // it is gathered in a goroutine
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	all, err := c.keeper.Active(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(leasesDesc, err)
		return
	}
	count, stuck := make(map[sshforward.State]int), 0
	for _, l := range all {
		count[l.State]++
		if l.Stuck() {
			stuck++
		}
	}
	for _, s := range sshforward.States {
		if s != sshforward.Closed {
			ch <- prometheus.MustNewConstMetric(leasesDesc, prometheus.GaugeValue, float64(count[s]), string(s))
		}
	}
	ch <- prometheus.MustNewConstMetric(stuckDesc, prometheus.GaugeValue, float64(stuck))
	strays, err := c.keeper.Unconfigured(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(unconfiguredDesc, err)
		return
	}
	ch <- prometheus.MustNewConstMetric(unconfiguredDesc, prometheus.GaugeValue, float64(len(strays)))
}
