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
	if _, fresh := d.first("a", noon.Add(rememberFor)); fresh {
		t.Error("forgotten too early")
	}
	d.first("b", noon.Add(rememberFor+time.Second))
	if _, fresh := d.first("a", noon.Add(rememberFor+time.Second)); !fresh {
		t.Error("never forgotten")
	}
	for i := range 3 * rememberMost {
		d.first(fmt.Sprint(i), noon)
	}
	if n := d.byID.Len(); n != rememberMost {
		t.Errorf("%d are remembered", n)
	}
	if _, fresh := d.first(fmt.Sprint(3*rememberMost-1), noon); fresh {
		t.Error("the latest is forgotten")
	}
}
