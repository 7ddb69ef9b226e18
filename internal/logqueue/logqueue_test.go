package logqueue

import (
	"bytes"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Run(m) }

// What is written just before the end is a program's last word: why it ends.
func TestTheLastLineIsWritten(t *testing.T) {
	for n := range 5000 {
		var b bytes.Buffer
		q := New(&b, func(int64) []byte { return nil })
		if _, err := q.Write([]byte("sshforward: why\n")); err != nil {
			t.Fatal(err)
		}
		q.Stop()
		if b.String() != "sshforward: why\n" {
			t.Fatalf("try %d: %q", n, b.String())
		}
	}
}
