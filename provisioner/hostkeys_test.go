package provisioner_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

const readConsole = "ec2:GetConsoleOutput"

// hostKeys are those of the fake's web-1.
const hostKeys = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBvEdbazIuB1Zsuq8qcMMl7YRllsThmCln2eRCB6YutW" +
	"+Q5PjgG9+Tg+6IaaAkb7CuJ+drFxLdVid+osEsjwOYo=\n" +
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZha2Vhd3MgZmFrZWF3cyBmYWtlYXdzIGZha2Vhd3Mw"

// consoleReads counts the attempts.
func consoleReads(calls []string) (n int) {
	for _, c := range calls {
		if strings.HasPrefix(c, readConsole) {
			n++
		}
	}
	return n
}

// The keys are there when it is open and until it is closed; where the console
// has none, as on moto, there are none and nothing else is different.
func TestHostKeysOfALease(t *testing.T) {
	both(t, worldOptions{}, func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.calls.take()
		want := ""
		if w.cloud != nil {
			want = hostKeys
		}
		w.open(l)
		if l.Resources.HostKeys != want {
			w.Errorf("host keys %q, want %q", l.Resources.HostKeys, want)
		}
		if n := consoleReads(w.calls.take()); n != 1 {
			w.Errorf("the console was read %d times", n)
		}
		l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
		step, err := w.p.Extend(w.ctx, l)
		if err != nil || step.Resources.HostKeys != want {
			w.Errorf("extended: %q, %v", step.Resources.HostKeys, err)
		}
		l.Resources = step.Resources
		step, err = w.p.Mend(w.ctx, l)
		if err != nil || step.Resources.HostKeys != want {
			w.Errorf("mended: %q, %v", step.Resources.HostKeys, err)
		}
		l.Resources = step.Resources
		w.close(l)
		if l.Resources.HostKeys != want {
			w.Errorf("closed: %q", l.Resources.HostKeys)
		}
		if n := consoleReads(w.calls.take()); n != 0 {
			w.Errorf("the console was read %d times more", n)
		}
		w.clean(before)
	})
}

// Whatever becomes of the read, opening is what it would be without, and it is
// not read again. What takes long goes on while the instance is registered.
func TestHostKeysAreNotWaitedFor(t *testing.T) {
	o := worldOptions{fake: fakeaws.Options{HealthTiming: true, RegisterDelay: 2 * time.Second}}
	opening := func(t *testing.T, set func(w *world)) (took time.Duration, keys string) {
		var log bytes.Buffer
		o := o
		o.log = slog.NewTextHandler(&log, nil)
		inFake(t, o, func(w *world) {
			before := w.foreign()
			l := w.lease("web-1")
			set(w)
			w.calls.take()
			start := time.Now()
			for _, s := range openStages {
				enter(l, s)
				for step, err := w.p.Open(w.ctx, l); ; step, err = w.p.Open(w.ctx, l) {
					if err != nil {
						w.Fatalf("%s: %v", s, err)
					}
					if l.Resources = step.Resources; step.Wait == 0 {
						if s != sshforward.StageService && !step.Detail.IsZero() {
							w.Errorf("%s says %q", s, step.Detail)
						}
						break
					}
					w.sleep(step.Wait)
				}
			}
			took, keys = time.Since(start), l.Resources.HostKeys
			if n := consoleReads(w.calls.take()); n != 1 {
				w.Errorf("the console was read %d times", n)
			}
			w.checkOpen(l)
			w.close(l)
			w.clean(before)
		})
		if log.Len() > 0 { // at the level that people keep
			t.Errorf("logged:\n%s", &log)
		}
		return took, keys
	}
	usual, keys := opening(t, func(*world) {})
	usual += time.Second // between two looks at the health
	if keys != hostKeys {
		t.Fatalf("host keys %q", keys)
	}
	type row struct {
		fault fakeaws.Fault
		want  string
	}
	for name, test := range testenv.ThinnedRows(map[string]row{
		"denied":             {fakeaws.Fault{Code: "UnauthorizedOperation", Status: 403}, ""},
		"denied, as by moto": {fakeaws.Fault{Code: "AccessDenied", Status: 403}, ""},
		"throttled":          {fakeaws.Throttled("ec2"), ""},
		"server error":       {fakeaws.Fault{Code: "InternalError", Status: 500}, ""},
		"instance gone":      {fakeaws.Fault{Code: "InvalidInstanceID.NotFound"}, ""},
		"not connected":      {fakeaws.Fault{Unsent: true}, ""},
		"answer lost":        {fakeaws.Fault{Lost: true}, ""},
		"slow":               {fakeaws.Fault{Delay: 4 * time.Second}, hostKeys},
	}, 3) {
		t.Run(name, func(t *testing.T) {
			took, keys := opening(t, func(w *world) {
				w.cloud.SetFault(func(c fakeaws.Call) fakeaws.Fault {
					if c.String() == readConsole {
						return test.fault
					}
					return fakeaws.Fault{}
				})
			})
			if keys != test.want {
				t.Errorf("host keys %q", keys)
			}
			if took > usual {
				t.Errorf("took %v, and %v without", took, usual)
			}
		})
	}
	t.Run("hangs", func(t *testing.T) {
		took, keys := opening(t, func(w *world) {
			w.wire.set(func(op string) trouble { return trouble{hangs: op == "GetConsoleOutput"} })
		})
		if keys != "" || took > usual {
			t.Errorf("%q after %v, and %v without", keys, took, usual)
		}
	})
	t.Run("none yet", func(t *testing.T) {
		took, keys := opening(t, func(w *world) { w.cloud.Home().SetConsole(w.web, "") })
		if keys != "" || took > usual {
			t.Errorf("%q after %v", keys, took)
		}
	})
}

// The stage may be repeated for as long as the load balancer cannot be seen;
// the console is read the first time, and what it said is not forgotten, also
// where the first outcome was not written down. A new process reads it anew.
func TestHostKeysOfARepeatedStage(t *testing.T) {
	for _, console := range []string{"none", "keys"} {
		t.Run(console, func(t *testing.T) {
			inFake(t, worldOptions{}, func(w *world) {
				want := hostKeys
				if console == "none" {
					w.cloud.Home().SetConsole(w.web, "")
					want = ""
				}
				l := w.lease("web-1")
				w.upTo(l, sshforward.StageRegister)
				unwritten := l.Clone()
				w.cloud.SetFault(func(c fakeaws.Call) fakeaws.Fault {
					if c.Operation == "RegisterInstancesWithLoadBalancer" {
						return fakeaws.Fault{Code: "LoadBalancerNotFound"}
					}
					return fakeaws.Fault{}
				})
				w.calls.take()
				for range 5 {
					step, err := w.p.Open(w.ctx, l)
					if err != nil || step.Wait == 0 || step.Resources.HostKeys != want {
						w.Fatalf("%+v, %v", step, err)
					}
					l.Resources = step.Resources
					w.sleep(step.Wait)
				}
				w.cloud.SetFault(nil)
				l = unwritten
				if err := w.do(l); err != nil || l.Resources.HostKeys != want {
					w.Errorf("%q, %v", l.Resources.HostKeys, err)
				}
				if n := consoleReads(w.calls.take()); n != 1 {
					w.Errorf("the console was read %d times", n)
				}

				w.restart()
				w.cloud.Home().SetConsole(w.web, strings.ReplaceAll(keysOnConsole, "\n", "\r\n"))
				again := unwritten.Clone()
				again.Resources.HostKeys = ""
				if err := w.do(again); err != nil || again.Resources.HostKeys != hostKeys {
					w.Errorf("another process: %q, %v", again.Resources.HostKeys, err)
				}
				w.close(again)
			})
		})
	}
}

const keysOnConsole = "ec2: -----BEGIN SSH HOST KEY KEYS-----\n" + hostKeys + " root@web-1\nec2: -----END SSH HOST KEY KEYS-----\n"

// What a closed lease's console said is not kept for the next one of the id.
func TestHostKeysAreForgottenAtClose(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		next := l.Clone()
		w.open(l)
		w.close(l)
		w.cloud.Home().SetConsole(w.web, "")
		w.open(next)
		if next.Resources.HostKeys != "" {
			w.Errorf("host keys %q", next.Resources.HostKeys)
		}
		w.close(next)
	})
}

// The console of an instance that has just been launched is minutes late.
func TestHostKeysAfterLaunch(t *testing.T) {
	inFake(t, worldOptions{fake: fakeaws.Options{ConsoleDelay: 3 * time.Minute}}, func(w *world) {
		for _, want := range []string{"", hostKeys} {
			l := w.lease("web-1")
			w.open(l)
			if l.Resources.HostKeys != want {
				w.Errorf("host keys %q, want %q", l.Resources.HostKeys, want)
			}
			w.close(l)
			time.Sleep(3 * time.Minute)
		}
	})
}

// The read is one of the calls of its stage, beside the others of it.
func TestHostKeysBesideTheOtherCalls(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageRegister)
		w.cloud.SetFault(func(fakeaws.Call) fakeaws.Fault { return fakeaws.Fault{Delay: time.Second} })
		w.calls.take()
		start := time.Now()
		if err := w.do(l); err != nil || l.Resources.HostKeys != hostKeys {
			w.Errorf("%q, %v", l.Resources.HostKeys, err)
		}
		calls := w.calls.take()
		slices.Sort(calls)
		if took := time.Since(start); took != time.Second || len(calls) != 2 {
			w.Errorf("%q took %v", calls, took)
		}
	})
}
