package artefacts_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

// metric is what a running bot exports; see TestMetricsOfALife in cmd/sshforward.
type metric struct {
	kind   string
	labels []string
}

func readMetrics(t *testing.T) map[string]metric {
	t.Helper()
	text, err := os.ReadFile(deploy + "metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]metric{"up": {kind: "gauge"}} // Prometheus's own
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		m := metric{kind: words[1]}
		if len(words) > 2 {
			m.labels = strings.Split(words[2], ",")
		}
		if m.kind != "histogram" {
			all[words[0]] = m
			continue
		}
		others := slices.DeleteFunc(slices.Clone(m.labels), func(l string) bool { return l == "le" })
		all[words[0]+"_bucket"] = metric{"counter", m.labels}
		all[words[0]+"_count"] = metric{"counter", others}
		all[words[0]+"_sum"] = metric{"counter", others}
	}
	return all
}

// checkQuery parses a query and looks for each metric and label in it.
func checkQuery(t *testing.T, metrics map[string]metric, where, query string) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v in %s", where, err, query)
		return
	}
	known := func(name string, of metric) bool {
		// Scraping adds the job and the instance, and in Kubernetes the pod.
		return slices.Contains([]string{labels.MetricName, "job", "instance", "pod"}, name) || slices.Contains(of.labels, name)
	}
	var under []string // labels that the metrics of this query have
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		v, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		m, ok := metrics[v.Name]
		if !ok {
			t.Errorf("%s asks for %s, which no bot exports: %s", where, v.Name, query)
			return nil
		}
		under = append(under, m.labels...)
		for _, l := range v.LabelMatchers {
			if !known(l.Name, m) {
				t.Errorf("%s: %s has no label %s", where, v.Name, l.Name)
			}
		}
		for _, p := range path {
			if call, ok := p.(*parser.Call); ok && m.kind != "counter" && (call.Func.Name == "rate" || call.Func.Name == "increase") {
				t.Errorf("%s: %s of %s, which is a %s", where, call.Func.Name, v.Name, m.kind)
			}
		}
		return nil
	})
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if a, ok := node.(*parser.AggregateExpr); ok {
			for _, l := range a.Grouping {
				if !known(l, metric{labels: under}) {
					t.Errorf("%s groups by %s, which nothing in it has: %s", where, l, query)
				}
			}
		}
		return nil
	})
}

func TestAlertsAskForWhatThereIs(t *testing.T) {
	text, err := os.ReadFile(deploy + "alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		t.Fatal(err)
	}
	metrics, n := readMetrics(t), 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			n++
			checkQuery(t, metrics, r.Alert, r.Expr)
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s does not say how bad it is, what it is or what to do", r.Alert)
			}
		}
	}
	if n < 10 {
		t.Fatalf("found only %d rules", n)
	}
}

func TestDashboardAsksForWhatThereIs(t *testing.T) {
	text, err := os.ReadFile(deploy + "grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	// Grafana's words become what it puts there.
	grafana := strings.NewReplacer("$__rate_interval", "5m", "$job", "sshforward")
	metrics, asked := readMetrics(t), make(map[string]bool)
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			checkQuery(t, metrics, p.Title, grafana.Replace(target.Expr))
			for _, name := range regexp.MustCompile(`sshforward_\w+`).FindAllString(target.Expr, -1) {
				asked[regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")] = true
			}
		}
	}
	for name := range metrics {
		name = regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		if strings.HasPrefix(name, "sshforward_") && !asked[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
}
