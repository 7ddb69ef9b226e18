package bot

import (
	"fmt"
	"testing"
	"time"
)

func TestEnvelopesAreRememberedForAWhileAndNotAllOfThem(t *testing.T) {
	t.Parallel()
	d := newDedup()
	if _, fresh := d.first("a", noon); !fresh {
		t.Error("the first time is not new")
	}
	if _, fresh := d.first("a", noon.Add(envelopeAge)); fresh {
		t.Error("forgotten too early")
	}
	d.first("b", noon.Add(envelopeAge+time.Second))
	if _, fresh := d.first("a", noon.Add(envelopeAge+time.Second)); !fresh {
		t.Error("never forgotten")
	}
	for i := range 3 * maxEnvelopes {
		d.first(fmt.Sprint(i), noon)
	}
	if n := d.byID.Len(); n != maxEnvelopes {
		t.Errorf("%d are remembered", n)
	}
	if _, fresh := d.first(fmt.Sprint(3*maxEnvelopes-1), noon); fresh {
		t.Error("the latest is forgotten")
	}
}
