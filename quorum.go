package sshforward

import "slices"

// answered is how many of the needs some approvals answer at most: each yes
// counts for one. Where somebody could answer several, they answer the one that
// is best for the whole; that is a matching, found by augmenting paths.
func answered(by []Approval, needs []Need) int {
	taken := match(by, needs)
	n := 0
	for _, t := range taken {
		n += len(t)
	}
	return n
}

// match gives each need the approvals, by their place in the list, that answer it.
func match(by []Approval, needs []Need) (taken [][]int) {
	taken = make([][]int, len(needs))
	for i := range by {
		seen := make([]bool, len(needs))
		var place func(i int) bool
		place = func(i int) bool {
			for n, need := range needs {
				if seen[n] || !slices.Contains(by[i].From, need.From) {
					continue
				}
				seen[n] = true
				if len(taken[n]) < need.N {
					taken[n] = append(taken[n], i)
					return true
				}
				for at, other := range taken[n] {
					if place(other) {
						taken[n][at] = i
						return true
					}
				}
			}
			return false
		}
		place(i)
	}
	return taken
}

// enough reports whether these approvals are all that is needed: total of them
// or, where there are needs, what answers each.
func enough(by []Approval, total int, needs []Need) bool {
	if len(needs) == 0 {
		return len(by) >= total
	}
	return answered(by, needs) == needed(needs)
}

// needed is how many approvals the needs are in all.
func needed(needs []Need) (n int) {
	for _, need := range needs {
		n += need.N
	}
	return n
}

// Lacking returns what is still needed: nothing where any approver will do.
func Lacking(by []Approval, needs []Need) []Need {
	var out []Need
	for i, taken := range match(by, needs) {
		if left := needs[i].N - len(taken); left > 0 {
			out = append(out, Need{needs[i].From, left})
		}
	}
	return out
}

// hasApproved reports whether the user's yes is among them.
func hasApproved(by []Approval, user string) bool {
	return slices.ContainsFunc(by, func(a Approval) bool { return a.User == user })
}
