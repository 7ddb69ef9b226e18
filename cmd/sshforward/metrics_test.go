package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func scrape(m *meters) (int, string) {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Code, w.Body.String()
}

// TestMetricsAreExplained holds each of the bot's own metrics to a kind and a help.
func TestMetricsAreExplained(t *testing.T) {
	m := newMeters()
	m.awsCall("ec2", "DescribeInstances", "")
	m.awsCall("ec2", "DescribeInstances", "")
	m.awsCall("elb", "AddTags", "Throttling")
	m.unprovenIn("main", 2)
	m.elsewhereIn("main", 1)
	m.ack(30 * time.Millisecond)
	m.overstay(0)
	code, page := scrape(m)
	page = "\n" + page
	for _, want := range []string{
		`sshforward_aws_calls_total{code="",operation="DescribeInstances",service="ec2"} 2`,
		`sshforward_aws_calls_total{code="Throttling",operation="AddTags",service="elb"} 1`,
		`sshforward_unproven_resources{account="main"} 2`,
		`sshforward_ack_seconds_bucket{le="0.025"} 0`, `sshforward_ack_seconds_bucket{le="0.05"} 1`, `sshforward_ack_seconds_count 1`,
		`sshforward_overstay_seconds_bucket{le="0"} 1`, `sshforward_overstay_seconds_bucket{le="+Inf"} 1`,
		"sshforward_orphans_total 0", "# TYPE sshforward_orphans_total counter", "# TYPE sshforward_ack_seconds histogram",
		"# HELP sshforward_ack_seconds From the arrival of a Slack envelope to its acknowledgement. Slack allows 3 s.",
		"# TYPE go_goroutines gauge", "# TYPE process_cpu_seconds_total counter",
	} {
		if !strings.Contains(page, "\n"+want+"\n") {
			t.Errorf("%d, without %s:\n%s", code, want, page)
		}
	}
	for line := range strings.Lines(page) {
		if name, ok := strings.CutPrefix(line, "# TYPE sshforward_"); ok {
			if name, _, _ = strings.Cut(name, " "); !strings.Contains(page, "# HELP sshforward_"+name+" ") {
				t.Errorf("nothing says what sshforward_%s is", name)
			}
		}
	}
	if strings.Count(page, "# TYPE sshforward_aws_calls_total ") != 1 {
		t.Error("a kind is said once")
	}
}

// TestAScrapeFailsRatherThanShowWhatWasSoOnce: Prometheus then has up at 0.
func TestAScrapeFailsRatherThanShowWhatWasSoOnce(t *testing.T) {
	for what, count := range map[string]func(context.Context) error{
		"the store cannot be read": func(context.Context) error { return errors.New("the store cannot be read") },
		"a bug":                    func(context.Context) error { panic("a bug") },
	} {
		m := newMeters()
		m.counts = append(m.counts, count)
		if code, page := scrape(m); code != http.StatusInternalServerError || !strings.Contains(page, what) {
			t.Errorf("%d, %s", code, page)
		}
	}
}

func TestLabels(t *testing.T) {
	if got := labelled("x", "a", "1", "b", "\"\\\n"); got != `x{a="1",b="\"\\\n"}` {
		t.Error(got)
	}
}
