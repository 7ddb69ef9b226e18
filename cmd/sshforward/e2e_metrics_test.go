package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

var updateFiles = flag.Bool("update", false, "write deploy/metrics.txt and deploy/calls.json")

// metricsFile lists what a running bot exports, with the labels, for the checks
// of alerts and of the dashboard, which cannot run a bot.
const metricsFile = "../../deploy/metrics.txt"

// TestMetricsOfALife holds the list against what is really exported after a
// lease has been opened and has ended.
func TestMetricsOfALife(t *testing.T) {
	testenv.SkipRaced(t, "what it lists does not depend on it")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	id := w.open(ann, dev, c.instance+" 2s from 203.0.113.7")
	w.card(dev, id, "Closed", "expired")
	w.metricIs(`sshforward_unproven_resources{account="main"}`, "0") // the first sweep is over
	_, page := w.get("/metrics")
	if n := w.metric("sshforward_overstay_seconds_count"); n != "1" {
		t.Errorf("%s leases have ended", n)
	}
	got := exported(page)
	want, err := os.ReadFile(metricsFile)
	if err == nil && string(want) == got {
		return
	}
	if !*updateFiles {
		t.Fatalf("%s is not what is exported (go test ./cmd/sshforward -run TestMetricsOfALife -update writes it), %v:\n%s",
			metricsFile, err, got)
	}
	if err := os.WriteFile(metricsFile, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

// exported lists the metrics of a page as name, kind and labels, but for those
// of Go's own, which differ from release to release.
func exported(page string) string {
	kinds, labels := make(map[string]string), make(map[string]map[string]bool)
	sample := regexp.MustCompile(`^(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? `)
	label := regexp.MustCompile(`(\w+)="`)
	for line := range strings.Lines(page) {
		if kind, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(strings.TrimSpace(kind), " ")
			if !strings.HasPrefix(name, "go_") {
				kinds[name], labels[name] = kind, make(map[string]bool)
			}
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		of := labels[m[1]]
		if of == nil { // a name that ends so by itself
			of = labels[regexp.MustCompile(`^\w+`).FindString(line)]
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if of != nil {
				of[l[1]] = true
			}
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintln(&b, strings.TrimSpace(name+" "+kinds[name]+" "+strings.Join(slices.Sorted(maps.Keys(labels[name])), ",")))
	}
	return b.String()
}
