package provisioner_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// unread are the parts that a survey could not read.
func unread(s sshforward.Survey) (parts []string) {
	for _, u := range s.Unread {
		parts = append(parts, string(u.Part))
	}
	slices.Sort(parts)
	return parts
}

// Whatever call is refused, fails or says nothing, its part is left out and said,
// and the rest is as if nothing had happened.
func TestSurveyOfWhatCanBeRead(t *testing.T) {
	type row struct {
		part  sshforward.Part
		flags string // what is still seen of the lease
	}
	for op, tt := range testenv.ThinnedRows(map[string]row{
		"elasticloadbalancing:DescribeLoadBalancers": {sshforward.PartBalancers, "deadman group rule"},
		"elasticloadbalancing:DescribeTags":          {sshforward.PartBalancers, "deadman group rule"},
		"ec2:DescribeSecurityGroups":                 {sshforward.PartGroups, "balancer deadman registered"},
		"ec2:DescribeSecurityGroupRules":             {sshforward.PartRules, "balancer deadman group registered"},
		"ec2:DescribeInstances":                      {sshforward.PartInstances, whole},
		"scheduler:ListSchedules":                    {sshforward.PartDeadMan, "balancer group registered rule"},
	}, 2) {
		for how, fault := range testenv.ThinnedRows(map[string]fakeaws.Fault{
			"refused":   {Code: "AccessDenied"},
			"throttled": fakeaws.Throttled(strings.Split(op, ":")[0]),
			"failing":   {Code: "InternalFailure", Status: 500},
			"silent":    {},
		}, 2) {
			inFakeNamed(t, op+" "+how, withDeadMan(), func(w *world) {
				l := w.lease("web-1")
				w.open(l)
				w.cloud.SetFault(fakeaws.Failing(op, fault))
				if how == "silent" {
					_, name, _ := strings.Cut(op, ":")
					w.wire.set(func(op string) trouble {
						return trouble{hangs: op == name || op == "GET schedules" && name == "ListSchedules"}
					})
				}
				for _, stored := range [][]*sshforward.Lease{{l}, nil} {
					ctx, cancel := context.WithTimeout(w.ctx, 2*time.Minute)
					defer cancel()
					s, err := w.p.Survey(ctx, "main", stored)
					if err != nil || !slices.Equal(unread(s), []string{string(tt.part)}) {
						w.Fatalf("%v unread, %v, %v", unread(s), err, s.Err())
					}
					if len(s.Found) != 1 || flags(s.Found[0]) != tt.flags {
						w.Errorf("found %+v, want %s", s.Found, tt.flags)
					}
					if how == "refused" && !strings.Contains(s.Err().Error(), op) {
						w.Errorf("it says %v", s.Err())
					}
					if seen := len(s.Instances) == 1; seen == (tt.part == sshforward.PartInstances) {
						w.Errorf("instances %v", s.Instances)
					}
					if len(s.Unproven) > 0 {
						w.Errorf("taken for somebody else's: %+v", s.Unproven)
					}
					if f := s.Found[0]; stored != nil && (f.Retagged || f.Unsigned || f.Widened) {
						w.Errorf("it is taken for changed: %+v", f)
					}
				}
			})
		}
	}
}

// Where nothing can be read there is an error, and no picture.
func TestSurveyOfAnAccountThatRefusesAll(t *testing.T) {
	inFake(t, withDeadMan(), func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		for _, tt := range []struct {
			fault fakeaws.Fault
			want  string
		}{{fakeaws.Fault{Code: "AccessDenied"}, sshforward.EFORBIDDEN}, {fakeaws.Fault{Unsent: true}, sshforward.EUNAVAILABLE}} {
			w.cloud.SetFault(fakeaws.Failing("*", tt.fault))
			for _, stored := range [][]*sshforward.Lease{{l}, nil} {
				s, err := w.p.Survey(w.ctx, "main", stored)
				w.wantCode(err, tt.want)
				if len(s.Found)+len(s.Unread) > 0 {
					w.Errorf("%+v", s)
				}
			}
		}
	})
}

// In an outage of a zone its instances cannot be seen; those of other zones can, and
// all else. What is gone is not there.
func TestSurveyInAZoneOutage(t *testing.T) {
	for _, spares := range []bool{false, true} {
		o := worldOptions{fake: fakeaws.Options{OutageSparesFilters: spares}}
		inFakeNamed(t, fmt.Sprintf("sparing filters: %t", spares), o, func(w *world) {
			l := w.lease("web-1")
			w.open(l)
			h := w.cloud.Home()
			elsewhere := h.AddInstance(fakeaws.InstanceSpec{Subnet: h.AddSubnet(w.vpc, "10.1.20.0/24", "ap-northeast-1c", nil)})
			stored := []*sshforward.Lease{l}
			for _, id := range []string{elsewhere, "i-0aaaaaaaaaaaaaaaa", "nonsense"} {
				other := l.Clone()
				other.ID, other.Instance.ID, other.Instance.Zone = sshforward.NewID(), id, "ap-northeast-1c"
				other.Resources = sshforward.Resources{}
				stored = append(stored, other)
			}
			h.SetZoneOutage("ap-northeast-1a", true)
			s, err := w.p.Survey(w.ctx, "main", stored)
			want, seen := []string{"instances"}, []string{elsewhere}
			if spares {
				want, seen = nil, []string{w.web, elsewhere}
			}
			if diff := cmp.Diff(want, unread(s)); err != nil || diff != "" {
				w.Fatalf("unread %s, %v", diff, err)
			}
			var got []string
			for id := range s.Instances {
				got = append(got, id)
			}
			slices.Sort(got)
			slices.Sort(seen)
			if !slices.Equal(got, seen) {
				w.Errorf("instances %v, want %v", got, seen)
			}
			if len(s.Found) != 1 || flags(s.Found[0]) != "balancer group registered rule" {
				w.Errorf("found %+v", s.Found)
			}
		})
	}
}

// What is broken is mended in an outage of another zone, and nothing that cannot be
// looked at is changed.
func TestMendInAZoneOutage(t *testing.T) {
	for zone, code := range map[string]string{"ap-northeast-1c": "", "ap-northeast-1a": sshforward.EUNAVAILABLE} {
		inFakeNamed(t, zone, worldOptions{}, func(w *world) {
			l := w.lease("web-1")
			w.open(l)
			h := w.cloud.Home()
			h.AddInstance(fakeaws.InstanceSpec{Subnet: h.AddSubnet(w.vpc, "10.1.20.0/24", "ap-northeast-1c", nil)})
			h.SetZoneOutage(zone, true)
			before := w.cloud.Foreign("no-such-tag", "")
			_, err := w.p.Mend(w.ctx, l)
			w.wantCode(err, code)
			if after := w.cloud.Foreign("no-such-tag", ""); code != "" && after != before {
				w.Error("something was changed")
			}
		})
	}
}

// Groups that have lost their tags are looked for by the ids that the store has,
// while the rules in them are: neither disturbs the other (which the race
// detector says).
func TestSurveyOfGroupsWithoutTags(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		var stored []*sshforward.Lease
		for _, id := range []string{"k7m2q9x", "a3b8c1d", "p5r6s7t"} {
			l := w.lease("web-1")
			l.ID = id
			w.open(l)
			w.untag(l.Resources.GroupID)
			stored = append(stored, l)
		}
		slices.SortFunc(stored, func(a, b *sshforward.Lease) int { return strings.Compare(b.Resources.GroupID, a.Resources.GroupID) })
		s, err := w.p.Survey(w.ctx, w.account(), stored)
		if err != nil || len(s.Found) != len(stored) {
			w.Fatalf("%d found, %v", len(s.Found), err)
		}
		for _, f := range s.Found {
			if !f.Group || len(f.Ingress) != len(stored[0].Sources) {
				w.Errorf("of %s: group %t, it lets in %v", f.Lease.ID, f.Group, f.Ingress)
			}
		}
	})
}
