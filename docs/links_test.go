package docs_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

// elsewhere are the hosts that documents link to. Whether what is there is still
// there is not looked at: the tests need no network.
var elsewhere = []string{"api.slack.com", "checkip.amazonaws.com"}

// standsIn begins addresses in examples that are nobody's.
var standsIn = regexp.MustCompile(`^https?://(?:…|127\.0\.0\.1|localhost|[a-z0-9.-]*example\.(?:com|org|net))`)

// TestExternalLinks looks at the form of every address outside the repository.
func TestExternalLinks(t *testing.T) {
	testenv.SkipRaced(t, "it reads text and starts nothing")
	address := regexp.MustCompile("https?://[^\\s\\])>\"'`]+")
	n := 0
	for name, text := range readRepository(t).documents(t) {
		for _, a := range address.FindAllString(text, -1) {
			a = strings.TrimRight(a, ".,;:*")
			if standsIn.MatchString(a) {
				continue
			}
			n++
			switch u, err := url.Parse(a); {
			case err != nil:
				t.Errorf("%s: %v", name, err)
			case u.Scheme != "https":
				t.Errorf("%s: %s is not https", name, a)
			case !slices.Contains(elsewhere, u.Host):
				t.Errorf("%s: %s is at a host that is not in the list; is it right?", name, a)
			}
		}
	}
	if n == 0 {
		t.Error("there are no addresses")
	}
}

// TestReadmesSayTheSame wants the same commands to run, the same links, and as many
// points in both READMEs.
func TestReadmesSayTheSame(t *testing.T) {
	type content struct {
		lines, links []string
		points       int
	}
	read := func(name string) content {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		c := content{points: strings.Count(string(text), "\n- ")}
		for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
			for line := range strings.Lines(block[1]) {
				line, _, _ = strings.Cut(line, " #")
				c.lines = append(c.lines, strings.TrimSpace(line))
			}
		}
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
			if !strings.HasPrefix(m[1], "README") {
				c.links = append(c.links, m[1])
			}
		}
		slices.Sort(c.links)
		c.links = slices.Compact(c.links)
		return c
	}
	english, japanese := read("README.md"), read("README.ja.md")
	if !slices.Equal(english.lines, japanese.lines) {
		t.Errorf("README.md has people run\n%q, README.ja.md\n%q", english.lines, japanese.lines)
	}
	for _, l := range english.links {
		if !slices.Contains(japanese.links, l) {
			t.Errorf("README.ja.md does not link to %s", l)
		}
	}
	for _, l := range japanese.links {
		if !slices.Contains(english.links, l) {
			t.Errorf("README.md does not link to %s", l)
		}
	}
	if english.points != japanese.points {
		t.Errorf("README.md has %d points, README.ja.md %d", english.points, japanese.points)
	}
}
