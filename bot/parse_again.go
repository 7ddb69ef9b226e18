package bot

import "strconv"

// mostAgain is how many requests history lists to choose from.
const mostAgain = 20

// parseAgain reads what follows "again": nothing, or the place of a lease in the
// history.
func parseAgain(args []word) (operation, error) {
	switch {
	case len(args) == 0:
		return askAgain{Nth: 1}, nil
	case len(args) == 1:
		if n, err := strconv.Atoi(args[0].text); err == nil && n >= 1 && n <= mostAgain {
			return askAgain{Nth: n}, nil
		}
	}
	return nil, invalid("again 1", "After %s there is only the place of a lease in your history, from 1 to %d.", inCode("again"), mostAgain)
}
