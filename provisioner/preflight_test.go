package provisioner_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// The rules of a load balancer's subnet, one by one. The network is the field
// note's: a public and a private subnet in the zone of the instance.
func TestPreflightSubnet(t *testing.T) {
	type region = fakeaws.Region
	note := func(r *region) (public, table, gateway string) {
		for _, rt := range r.RouteTables() {
			for _, route := range rt.Routes {
				if strings.HasPrefix(route.Target, "igw-") {
					return rt.Subnets[0], rt.ID, route.Target
				}
			}
		}
		panic("no public subnet")
	}
	vpc := func(r *region) string { return r.VPCs()[0].ID }
	route := func(dst, target string) fakeaws.Route { return fakeaws.Route{Destination: dst, Target: target} }
	for name, test := range map[string]struct {
		change func(r *region) (want string) // "" if it stays the public subnet
		refuse string                        // part of the sentence
	}{
		"as it is": {},
		"most free addresses": {change: func(r *region) string {
			_, _, igw := note(r)
			s := r.AddSubnet(vpc(r), "10.1.16.0/20", "ap-northeast-1a", nil)
			r.AddRouteTable(vpc(r), []string{s}, route("0.0.0.0/0", igw))
			return s
		}},
		"fewer free addresses": {change: func(r *region) string {
			_, _, igw := note(r)
			s := r.AddSubnet(vpc(r), "10.1.16.0/20", "ap-northeast-1a", nil)
			r.AddRouteTable(vpc(r), []string{s}, route("0.0.0.0/0", igw))
			r.SetFree(s, 100)
			return ""
		}},
		"main route table": {change: func(r *region) string {
			public, table, igw := note(r)
			r.SetRoutes(table)
			r.SetMainRoutes(vpc(r), route("0.0.0.0/0", igw))
			_ = public
			s := r.AddSubnet(vpc(r), "10.1.3.0/24", "ap-northeast-1a", nil)
			return s
		}},
		"explicit table wins over main": {refuse: "no public subnet", change: func(r *region) string {
			_, table, igw := note(r)
			r.SetRoutes(table)
			r.SetMainRoutes(vpc(r), route("0.0.0.0/0", igw))
			return ""
		}},
		"no route": {refuse: "no public subnet", change: func(r *region) string { _, table, _ := note(r); r.SetRoutes(table); return "" }},
		"NAT": {refuse: "no public subnet", change: func(r *region) string {
			_, t, _ := note(r)
			r.SetRoutes(t, route("0.0.0.0/0", "nat-0123456789abcdef0"))
			return ""
		}},
		"VPN": {refuse: "no public subnet", change: func(r *region) string {
			_, t, _ := note(r)
			r.SetRoutes(t, route("0.0.0.0/0", "vgw-0123456789abcdef0"))
			return ""
		}},
		"IPv6 only route": {refuse: "no public subnet", change: func(r *region) string {
			_, t, igw := note(r)
			r.SetRoutes(t, route("::/0", igw))
			return ""
		}},
		"half a route": {refuse: "no public subnet", change: func(r *region) string {
			_, t, igw := note(r)
			r.SetRoutes(t, route("0.0.0.0/1", igw))
			return ""
		}},
		"blackhole": {refuse: "no public subnet", change: func(r *region) string { r.DetachGateway(vpc(r)); return "" }},
		"other zone": {change: func(r *region) string {
			_, _, igw := note(r)
			s := r.AddSubnet(vpc(r), "10.1.16.0/20", "ap-northeast-1c", nil)
			r.AddRouteTable(vpc(r), []string{s}, route("0.0.0.0/0", igw))
			return ""
		}},
		"other VPC": {change: func(r *region) string {
			v := r.AddVPC("10.9.0.0/16", nil)
			s := r.AddSubnet(v, "10.9.0.0/20", "ap-northeast-1a", nil)
			r.AddRouteTable(v, []string{s}, route("0.0.0.0/0", r.Gateway(v)))
			return ""
		}},
		"eight free": {change: func(r *region) string { public, _, _ := note(r); r.SetFree(public, 8); return "" }},
		"seven free": {refuse: "big enough", change: func(r *region) string { public, _, _ := note(r); r.SetFree(public, 7); return "" }},
		"slash 27": {change: func(r *region) string {
			public, _, igw := note(r)
			r.SetFree(public, 7)
			s := r.AddSubnet(vpc(r), "10.1.3.0/27", "ap-northeast-1a", nil)
			r.AddRouteTable(vpc(r), []string{s}, route("0.0.0.0/0", igw))
			return s
		}},
		"slash 28": {refuse: "big enough", change: func(r *region) string {
			public, _, igw := note(r)
			r.SetFree(public, 7)
			s := r.AddSubnet(vpc(r), "10.1.3.0/28", "ap-northeast-1a", nil)
			r.AddRouteTable(vpc(r), []string{s}, route("0.0.0.0/0", igw))
			return ""
		}},
		"public access blocked": {refuse: "VPC Block Public Access", change: func(r *region) string {
			r.SetBlockPublicAccess("", fakeaws.BlockBidirectional)
			return ""
		}},
		"ingress blocked": {refuse: "VPC Block Public Access", change: func(r *region) string {
			r.SetBlockPublicAccess(vpc(r), fakeaws.BlockIngress)
			return ""
		}},
		"another subnet is excluded from the block": {change: func(r *region) string {
			_, _, igw := note(r)
			s := r.AddSubnet(vpc(r), "10.1.3.0/27", "ap-northeast-1a", nil)
			r.AddRouteTable(vpc(r), []string{s}, route("0.0.0.0/0", igw))
			r.SetBlockPublicAccess("", fakeaws.BlockIngress)
			r.SetBlockPublicAccess(s, fakeaws.BlockOff)
			return s
		}},
		"blocked and the other too small": {refuse: "big enough", change: func(r *region) string {
			public, _, igw := note(r)
			s := r.AddSubnet(vpc(r), "10.1.3.0/28", "ap-northeast-1a", nil)
			r.AddRouteTable(vpc(r), []string{s}, route("0.0.0.0/0", igw))
			r.SetBlockPublicAccess(public, fakeaws.BlockIngress)
			return ""
		}},
		"local zone": {refuse: "local-zone", change: func(r *region) string {
			r.AddZone(fakeaws.Zone{Name: "ap-northeast-1a", Type: fakeaws.LocalZone})
			return ""
		}},
	} {
		inFakeNamed(t, name, worldOptions{}, func(w *world) {
			want := ""
			if test.change != nil {
				want = test.change(w.cloud.Home())
			}
			if want == "" {
				want = w.public
			}
			found := must(w.p.Find(w.ctx, "web-1", nil))
			got, err := w.p.Preflight(w.ctx, found[0], nil)
			if test.refuse != "" {
				w.wantCode(err, sshforward.EINVALID)
				if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, test.refuse) {
					w.Errorf("message %q", m)
				}
				return
			}
			if err != nil || got.Subnet != want || len(got.Notes) > 0 {
				w.Errorf("got %+v, %v; want %s", got, err, want)
			}
		})
	}
}

// Of subnets with equally many free addresses it is always the same one.
func TestPreflightTie(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		h := w.cloud.Home()
		first := ""
		for i := range 4 {
			s := h.AddSubnet(w.vpc, fmt.Sprintf("10.1.%d.0/24", 16*(i+1)), w.region+"a", nil)
			h.AddRouteTable(w.vpc, []string{s}, fakeaws.Route{Destination: "0.0.0.0/0", Target: h.Gateway(w.vpc)})
			if first == "" || s < first {
				first = s
			}
		}
		for range 3 {
			if l := w.lease("web-1"); l.Placement.Subnet != first {
				w.Errorf("subnet %s, want %s", l.Placement.Subnet, first)
			}
		}
	})
}

func TestPreflightInstance(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		in := must(w.p.Find(w.ctx, "web-1", nil))[0]
		for part, change := range map[string]func(*sshforward.Instance){
			"has to be running": func(i *sshforward.Instance) { i.Running, i.State = false, "stopped" },
			"no private IPv4":   func(i *sshforward.Instance) { i.PrivateIP = sshforward.Instance{}.PrivateIP },
			"no VPC":            func(i *sshforward.Instance) { i.VPC = "" },
			"no security group": func(i *sshforward.Instance) { i.Groups = nil },
			"configuration":     func(i *sshforward.Instance) { i.Account = "gone" },
		} {
			bad := in
			change(&bad)
			w.calls.take()
			_, err := w.p.Preflight(w.ctx, bad, nil)
			w.wantCode(err, sshforward.EINVALID)
			if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, part) {
				w.Errorf("message %q, want %q in it", m, part)
			}
			if calls := w.calls.take(); len(calls) > 0 {
				w.Errorf("asked AWS for nothing: %q", calls)
			}
		}
	})
}

func TestPreflightQuota(t *testing.T) {
	t.Parallel()
	inFake(t, worldOptions{fake: fakeaws.Options{LoadBalancerLimit: 1}}, func(w *world) { // the bystander's
		in := must(w.p.Find(w.ctx, "web-1", nil))[0]
		_, err := w.p.Preflight(w.ctx, in, nil)
		w.wantCode(err, sshforward.EQUOTA)
		// What cannot be checked is said, and does not block.
		for _, deny := range []string{"elasticloadbalancing:DescribeAccountLimits", "elasticloadbalancing:DescribeLoadBalancers"} {
			w.cloud.Deny(deny)
			got, err := w.p.Preflight(w.ctx, in, nil)
			if err != nil || got.Subnet != w.public || len(got.Notes) != 1 || !strings.Contains(got.Notes[0].String(), "quota") {
				w.Errorf("without %s: %+v, %v", deny, got, err)
			}
			w.cloud.Allow(deny)
		}
	})
	t.Run("moto", func(t *testing.T) { // has no account limits
		testenv.SkipRaced(t, notOnMoto)
		t.Parallel()
		w := newMoto(t, worldOptions{})
		start := time.Now()
		l := w.lease("web-1")
		if l.Placement.Subnet != w.public || len(l.Placement.Notes) != 1 {
			w.Errorf("placement %+v", l.Placement)
		}
		w.Log(time.Since(start))
	})
}

func TestPreflightWithoutPermissions(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		in := must(w.p.Find(w.ctx, "web-1", nil))[0]
		w.cloud.Deny("ec2:DescribeAvailabilityZones")
		if got := must(w.p.Preflight(w.ctx, in, nil)); len(got.Notes) != 0 {
			w.Errorf("the subnet's zone id says that it is an ordinary one: %+v", got)
		}
		w.cloud.Home().AddZone(fakeaws.Zone{Name: in.Zone, ID: "a-new-kind-of-id"})
		got, err := w.p.Preflight(w.ctx, in, nil)
		if err != nil || got.Subnet != w.public || len(got.Notes) != 1 || !strings.Contains(got.Notes[0].String(), "zone") {
			w.Errorf("zones unknown: %+v, %v", got, err)
		}
		w.cloud.Deny("ec2:DescribeSubnets")
		_, err = w.p.Preflight(w.ctx, in, nil)
		w.wantCode(err, sshforward.EFORBIDDEN)
		if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, "ec2:DescribeSubnets") {
			w.Errorf("message %q", m)
		}
	})
}

// The quota of an account is not asked for while there is room.
func TestPreflightCallsFew(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		in := must(w.p.Find(w.ctx, "web-1", nil))[0]
		for _, want := range []int{5, 3} {
			w.calls.take()
			must(w.p.Preflight(w.ctx, in, nil))
			if calls := w.calls.take(); len(calls) != want {
				w.Errorf("%d calls, want %d: %q", len(calls), want, calls)
			}
		}
	})
}

// A zone in which AWS has refused a load balancer is said to the next one, until
// AWS makes one there.
func TestPreflightAfterARefusal(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		zone := func(none bool) {
			w.cloud.Home().AddZone(fakeaws.Zone{Name: w.region + "a", Type: fakeaws.AvailabilityZone, NoClassicELB: none})
		}
		zone(true)
		for range 2 {
			l := w.lease("web-1")
			w.upTo(l, sshforward.StageBalancer)
			w.wantCode(w.do(l), sshforward.EINVALID)
			w.close(l)
			got := w.lease("web-1").Placement.Warnings
			want := "refused the last load balancer in " + w.region + "a: Load balancers are not supported"
			if len(got) != 1 || !strings.Contains(got[0].String(), want) {
				w.Errorf("it says %q", got)
			}
		}
		zone(false)
		l := w.lease("web-1")
		w.open(l)
		w.close(l)
		if got := w.lease("web-1").Placement.Warnings; len(got) > 0 {
			w.Errorf("after one was made it says %q", got)
		}
	})
}

// What was found hours ago is looked at again. What stands may not move; what is
// not built yet may.
func TestPlaceAgain(t *testing.T) {
	type region = fakeaws.Region
	routes := func(r *region, target string) {
		for _, table := range r.RouteTables() {
			for _, route := range table.Routes {
				if strings.HasPrefix(route.Target, "igw-") {
					r.SetRoutes(table.ID, fakeaws.Route{Destination: "0.0.0.0/0", Target: target})
					return
				}
			}
		}
	}
	for name, test := range map[string]struct {
		standing bool
		change   func(w *world)
		refuse   string // part of the sentence
		warns    string
	}{
		"as it was":    {change: func(*world) {}},
		"as it stands": {standing: true, change: func(*world) {}},
		"no room for another": {standing: true, change: func(w *world) {
			w.cloud.Home().SetFree(w.public, 0)
		}},
		"Block Public Access, standing": {standing: true, refuse: "while approval was waited for",
			change: func(w *world) { w.cloud.Home().SetBlockPublicAccess("", fakeaws.BlockBidirectional) }},
		"Block Public Access": {refuse: "lets nobody in to the public subnets",
			change: func(w *world) { w.cloud.Home().SetBlockPublicAccess("", fakeaws.BlockIngress) }},
		"no route, standing": {standing: true, refuse: "has no route for 0.0.0.0/0",
			change: func(w *world) { routes(w.cloud.Home(), "nat-0123456789abcdef0") }},
		"no route": {refuse: "no public subnet", change: func(w *world) { routes(w.cloud.Home(), "nat-0123456789abcdef0") }},
		"network ACL, standing": {standing: true, warns: "keeps 203.0.113.7 from port 22",
			change: func(w *world) { w.cloud.Home().BlockPort(w.public, 22) }},
	} {
		inFakeNamed(t, name, worldOptions{}, func(w *world) {
			l := w.lease("web-1")
			l.Sources = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}
			if test.standing {
				l.Prepared.BilledAt = time.Now()
			}
			test.change(w)
			got, err := w.p.PlaceAgain(w.ctx, l)
			if test.refuse != "" {
				if err == nil || !strings.Contains(err.Error(), test.refuse) {
					w.Errorf("it says %v, want %q", err, test.refuse)
				}
				w.wantCode(err, sshforward.EINVALID)
				return
			}
			if err != nil || got.Subnet != l.Placement.Subnet || (len(got.Warnings) > 0) != (test.warns != "") {
				w.Fatalf("got %+v, %v", got, err)
			}
			if test.warns != "" && !strings.Contains(got.Warnings[0].String(), test.warns) {
				w.Errorf("it warns %q", got.Warnings[0])
			}
		})
	}
	inFakeNamed(t, "another subnet", worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		home := w.cloud.Home()
		var gateway string
		for _, table := range home.RouteTables() {
			for _, route := range table.Routes {
				if strings.HasPrefix(route.Target, "igw-") {
					gateway = route.Target
				}
			}
		}
		other := home.AddSubnet(w.vpc, "10.1.16.0/20", l.Instance.Zone, nil)
		home.AddRouteTable(w.vpc, []string{other}, fakeaws.Route{Destination: "0.0.0.0/0", Target: gateway})
		home.SetBlockPublicAccess(w.public, fakeaws.BlockBidirectional)
		if got, err := w.p.PlaceAgain(w.ctx, l); err != nil || got.Subnet != other {
			w.Errorf("got %+v, %v, want %s", got, err, other)
		}
		l.Prepared.BilledAt = time.Now()
		if _, err := w.p.PlaceAgain(w.ctx, l); err == nil {
			w.Error("what stands in a closed subnet is taken for good")
		}
	})
}
