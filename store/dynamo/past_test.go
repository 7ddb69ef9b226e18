package dynamo

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/store/dynamo/dynalitetest"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

// thePast makes TestIndexOfThePast run.
const thePast = "SSHFORWARD_TEST_INDEX_OF_THE_PAST"

// TestIndexOfThePast is the contract on a table whose indexes say what was half a
// second ago, as global ones may. It has to fail, see below.
func TestIndexOfThePast(t *testing.T) {
	if os.Getenv(thePast) == "" {
		t.Skip("it is to fail, and is run by the next test")
	}
	db := fakedynamo.New(fakedynamo.Options{Fault: func(c fakedynamo.Call) fakedynamo.Fault {
		if c.Operation == "Query" && c.Index != "" {
			return fakedynamo.Fault{Stale: 500 * time.Millisecond}
		}
		return fakedynamo.Fault{}
	}})
	contract(t, stand{dynalitetest.Config("http://fakedynamo.test"), db.HTTPClient("a replica")}, false, func(*Options) {})
}

// This is a test of the test: the contract finds a store that reads its indexes as
// they were.
func TestTheContractFindsAnIndexOfThePast(t *testing.T) {
	testenv.SkipRaced(t, "it is about what the contract finds")
	t.Parallel()
	if os.Getenv(thePast) != "" {
		t.Skip("this is the run within")
	}
	for clause, says := range map[string]string{
		"what one handle wrote the others read at once":    "the other handle has",
		"a lease is due at its last written time only":     "due leases (-want +got)",
		"a saved source is kept, per user, until it is re": "", // no index is looked at
	} {
		pattern := "^TestIndexOfThePast$/^" + strings.ReplaceAll(clause, " ", "_")
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", pattern)
		cmd.Env = append(os.Environ(), thePast+"=1")
		out, err := cmd.CombinedOutput()
		switch {
		case says == "" && err != nil:
			t.Errorf("%q fails:\n%s", clause, out)
		case says != "" && (err == nil || !strings.Contains(string(out), says)):
			t.Errorf("%q does not find it (%v):\n%s", clause, err, out)
		}
	}
}
