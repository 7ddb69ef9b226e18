package provisioner_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// moveTo has a lease let in another source instead of those it does.
func moveTo(l *sshforward.Lease, to string) {
	l.Former, l.Sources = l.Sources, []netip.Prefix{netip.MustParsePrefix(to)}
}

// What is let in next is signed before it is let in, and the former source is shut
// out last. Wherever that ends, a process without a store finds nothing let in
// that was not signed, but for what it takes out.
func TestChangeSourceStepByStep(t *testing.T) {
	const to = "203.0.113.200/32"
	changes := []string{"CreateTags", "AddTags", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"}
	for n := range len(changes) + 1 {
		inFakeNamed(t, "after "+strings.Join(changes[:n], ","), worldOptions{}, func(w *world) {
			l := w.lease("web-1")
			w.open(l)
			former := slices.Clone(l.Sources)
			moveTo(l, to)
			var made []string
			w.wire.set(func(op string) trouble {
				w.wire.mu.Lock()
				defer w.wire.mu.Unlock()
				if !slices.Contains(changes, op) {
					return trouble{}
				}
				if at := slices.Index(changes, op); at >= n {
					return trouble{unsent: true}
				}
				made = append(made, op)
				return trouble{}
			})
			_, err := w.p.ChangeSource(w.ctx, l)
			w.wire.set(nil)
			if (err == nil) != (n == len(changes)) {
				w.Fatalf("after %q: %v", made, err)
			}
			s, err := w.p.Survey(w.ctx, "main", nil)
			if err != nil || len(s.Found) != 1 {
				w.Fatalf("%+v, %v", s, err)
			}
			f := s.Found[0]
			want := []netip.Prefix{netip.MustParsePrefix(to)}
			if n == 0 {
				want = former
			}
			if f.Proof != sshforward.ProofValid || !slices.Equal(f.Lease.Sources, want) {
				w.Errorf("after %q the tags say %v (%s), want %v", made, f.Lease.Sources, f.Proof, want)
			}
			if in := slices.Contains(f.Ingress, netip.MustParsePrefix(to)); in != (n > 2) {
				w.Errorf("after %q it lets in %v", made, f.Ingress)
			}
			if out := !slices.Contains(f.Ingress, former[0]); out != (n > 3) {
				w.Errorf("after %q it lets in %v", made, f.Ingress)
			}
			if step, err := w.p.ChangeSource(w.ctx, l); err != nil || step.Wait > 0 {
				w.Fatalf("once more: %+v, %v", step, err)
			}
			l.Former = nil
			w.checkOpen(l)
		})
	}
}

// A session that is open goes on; a new one comes from the new address alone.
func TestChangeSourceKeepsSessions(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		dial := func(from string) (*fakeaws.Session, error) {
			return w.cloud.Home().Dial(sshforward.Name(deployment, l.ID), netip.MustParseAddr(from), l.ListenerPort)
		}
		session, err := dial(l.Sources[0].Addr().String())
		if err != nil {
			w.Fatal(err)
		}
		moveTo(l, "203.0.113.200/32")
		if step, err := w.p.ChangeSource(w.ctx, l); err != nil || step.Wait > 0 {
			w.Fatalf("%+v, %v", step, err)
		}
		if _, why := session.Ended(); !session.Alive() {
			w.Errorf("the session was cut: %s", why)
		}
		if _, err := dial("203.0.113.200"); err != nil {
			w.Error(err)
		}
		if _, err := dial(l.Former[0].Addr().String()); err == nil {
			w.Error("the former address still gets in")
		}
	})
}

// A group that takes no more rules, filled by somebody else or limited by the
// account: that is final, and nothing was shut out.
func TestChangeSourceWithoutRoom(t *testing.T) {
	inFake(t, worldOptions{fake: fakeaws.Options{RuleLimit: 5}}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		former := slices.Clone(l.Sources)
		for _, cidr := range []string{"192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"} { // somebody's
			_, err := w.ec2.AuthorizeSecurityGroupIngress(w.ctx, &ec2.AuthorizeSecurityGroupIngressInput{
				GroupId: aws.String(l.Resources.GroupID), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
				CidrIp: aws.String(cidr),
			})
			if err != nil {
				w.Fatal(err)
			}
		}
		moveTo(l, "203.0.113.200/32")
		_, err := w.p.ChangeSource(w.ctx, l)
		w.wantCode(err, sshforward.EQUOTA)
		if !strings.Contains(sshforward.ErrorMessage(err).String(), "maximum number of rules") {
			w.Errorf("it says %q", sshforward.ErrorMessage(err))
		}
		l.Sources, l.Former = former, l.Sources // taken back
		if step, err := w.p.ChangeSource(w.ctx, l); err != nil || step.Wait > 0 {
			w.Fatalf("%+v, %v", step, err)
		}
		l.Former = nil
		s, err := w.p.Survey(w.ctx, "main", []*sshforward.Lease{l})
		if err != nil || !s.Found[0].Widened || !slices.Equal(s.Found[0].Lease.Sources, former) {
			w.Fatalf("%+v, %v", s, err)
		}
		if _, err := w.p.Mend(w.ctx, l); err != nil { // which makes room again
			w.Fatal(err)
		}
		w.checkOpen(l)
	})
}
