package fakedynamo

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"
)

// number is 0.digits times ten to the power of exp. Its digits neither begin nor
// end with a zero; zero has none.
type number struct {
	neg    bool
	digits string
	exp    int
}

// The limits of a number (developer guide, "Supported data types"): 38 digits,
// and a magnitude of 1E-130 to 9.99...E+125.
const (
	maxDigits   = 38
	maxExponent = 126 // as 0.digits
	minExponent = -129
)

func parseNumber(s string) (number, *apiError) {
	if s == "" {
		return number{}, invalid("The parameter cannot be converted to a numeric value")
	}
	notNumeric := invalid("The parameter cannot be converted to a numeric value: %s", s)
	var n number
	rest := s
	if rest[0] == '-' || rest[0] == '+' {
		n.neg = rest[0] == '-'
		rest = rest[1:]
	}
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(rest), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if strings.Trim(whole+fraction, "0123456789") != "" || whole+fraction == "" {
		return number{}, notNumeric
	}
	n.exp = len(whole)
	if hasExponent {
		e, err := strconv.Atoi(exponent)
		if err != nil {
			return number{}, notNumeric
		}
		n.exp += e
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	n.exp -= len(whole+fraction) - len(digits)
	n.digits = strings.TrimRight(digits, "0")
	return n.checked()
}

// checked refuses a number that DynamoDB cannot keep.
func (n number) checked() (number, *apiError) {
	switch {
	case n.digits == "":
		return number{}, nil
	case n.exp > maxExponent:
		return n, invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
	case n.exp < minExponent:
		return n, invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	case len(n.digits) > maxDigits:
		return n, invalid("Attempting to store more than 38 significant digits in a Number")
	}
	return n, nil
}

func (n number) String() string {
	var s string
	switch {
	case n.digits == "":
		return "0"
	case n.exp <= 0:
		s = "0." + strings.Repeat("0", -n.exp) + n.digits
	case n.exp >= len(n.digits):
		s = n.digits + strings.Repeat("0", n.exp-len(n.digits))
	default:
		s = n.digits[:n.exp] + "." + n.digits[n.exp:]
	}
	if n.neg {
		s = "-" + s
	}
	return s
}

func (n number) sign() int {
	switch {
	case n.digits == "":
		return 0
	case n.neg:
		return -1
	}
	return 1
}

func (n number) cmp(m number) int {
	if c := cmp.Compare(n.sign(), m.sign()); c != 0 || n.digits == "" {
		return c
	}
	c := cmp.Or(cmp.Compare(n.exp, m.exp), cmp.Compare(n.digits, m.digits))
	if n.neg {
		return -c
	}
	return c
}

func (n number) negated() number {
	n.neg = !n.neg && n.digits != ""
	return n
}

func (n number) plus(m number) (number, *apiError) {
	least := min(n.exp-len(n.digits), m.exp-len(m.digits))
	sum := n.scaled(least)
	sum.Add(sum, m.scaled(least))
	digits := new(big.Int).Abs(sum).String()
	r := number{neg: sum.Sign() < 0, exp: len(digits) + least, digits: strings.TrimRight(digits, "0")}
	return r.checked()
}

// scaled is the number as a multiple of ten to the power of least.
func (n number) scaled(least int) *big.Int {
	if n.digits == "" {
		return new(big.Int)
	}
	i, _ := new(big.Int).SetString(n.digits+strings.Repeat("0", n.exp-len(n.digits)-least), 10)
	if n.neg {
		i.Neg(i)
	}
	return i
}
