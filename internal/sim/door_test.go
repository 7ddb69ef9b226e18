package sim

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// checkDoor fails the test if a call lets people in by a lease of which a yes is
// missing, or whose clock does not run, by what is durable at that moment.
func (s *sim) checkDoor(p *process, operation, body string) {
	if operation != "AuthorizeSecurityGroupIngress" || !strings.Contains(body, "CidrIp") || p.isOver() {
		return
	}
	form, _ := url.ParseQuery(body)
	id := ""
	for key := range form {
		if strings.HasSuffix(key, ".Key") && form.Get(key) == "sshforward:lease" {
			id = form.Get(strings.TrimSuffix(key, ".Key") + ".Value")
		}
	}
	l, err := p.store.Lease(s.t.Context(), id)
	if err != nil {
		s.t.Errorf("somebody is let in by lease %q: %v", id, err)
		return
	}
	s.mu.Lock()
	s.letIn++
	s.mu.Unlock()
	need := 0
	if r, ok := s.policy.Match(l.Instance); ok {
		need = r.Approvals
	}
	if l.Locked() || l.ConfirmedAt.IsZero() || l.OpenedAt.IsZero() || len(l.Approved) < need {
		s.t.Errorf("lease %s is %s with %d of %d approvals, confirmed %s, and people are let in",
			id, l.State, len(l.Approved), need, l.ConfirmedAt)
	}
}

// checkLocked fails the test if anybody gets through to an instance by a lease of
// which a yes is missing, or if its group lets anybody in.
func (s *sim) checkLocked() {
	if s.process.isOver() {
		return
	}
	for _, l := range s.active() {
		if !l.Waiting() || !s.byHand[l.ID].IsZero() && time.Since(s.byHand[l.ID]) < retryBudget {
			continue
		}
		if _, err := s.cloud.Home().Route(sshforward.Name("sim", l.ID), netip.MustParseAddr("203.0.113.7"), 22); err == nil {
			s.t.Errorf("lease %s is %s, and can be reached", l.ID, l.State)
		}
	}
}

// openByHand lets everybody in at the group of a lease, as an operator in a hurry
// might. What waits for a yes has to be locked again.
func (s *sim) openByHand(id string) {
	for _, g := range s.cloud.Home().Groups() {
		if g.Name == sshforward.Name("sim", id) {
			if s.byHand == nil {
				s.byHand = make(map[string]time.Time)
			}
			s.byHand[id] = time.Now()
			s.cloud.Home().LetIn(g.ID, "0.0.0.0/0")
		}
	}
}
