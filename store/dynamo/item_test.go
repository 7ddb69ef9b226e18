package dynamo

import (
	"bytes"
	"testing"
)

func TestWhatIsPackedCanBeUnpacked(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, plainUpTo, plainUpTo + 1, 300_000} {
		plain := bytes.Repeat([]byte("lease "), n/6+1)[:n]
		b, err := packed(plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unpack(b)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("of %d bytes, stored as %d, %d come back, %v", n, len(b), len(got), err)
		}
		if n > plainUpTo && len(b) > n/10 {
			t.Errorf("%d bytes are stored as %d", n, len(b))
		}
	}
}
