package bot

import (
	"fmt"
	"sync"
	"testing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

func TestManyPeopleFillInTheirFormsAtOnce(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	x := live(t, w, k)
	const people = 20
	for i := range people {
		w.AddUser(fakeslack.User{ID: fmt.Sprintf("U1%02d", i), Name: fmt.Sprint("p", i)})
	}
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			user, instance := fmt.Sprintf("U1%02d", i), fmt.Sprintf("i-%02d", i)
			dm := w.DM(user)
			x.types(t, user, dm, "open because it is "+user)
			res, err := w.SubmitView(t.Context(), user, x.modalOf(t, user, "Instance").ID, map[string]string{"instance": instance})
			if err != nil || res.View == nil {
				t.Errorf("%+v, %v", res, err)
				return
			}
			// On a slow machine either answer may come after a "Looking…".
			if res, err = w.SubmitView(t.Context(), user, x.modalOf(t, user, "Open it?").ID, nil); err != nil {
				t.Errorf("%+v, %v", res, err)
				return
			}
			x.modalOf(t, user, "Opening")
		})
	}
	all.Wait()
	got := map[string]int{}
	for _, a := range k.changed() {
		got[a.caller.User]++
		if a.caller.Channel != w.DM(a.caller.User) || !a.caller.Direct {
			t.Errorf("%+v", a.caller)
		}
		if open, ok := a.cmd.(sshforward.OpenLease); ok && (open.Because != "it is "+a.caller.User || open.Instance != "i-"+a.caller.User[2:]) {
			t.Errorf("%+v", a)
		}
	}
	for i := range people {
		if n := got[fmt.Sprintf("U1%02d", i)]; n != 2 {
			t.Errorf("person %d did %d things", i, n)
		}
	}
}
