package report

import (
	"math"
	"slices"
)

// A Quantity is a number of devices, or a percentage of them.
type Quantity struct {
	N       float64
	Percent bool
	Text    string // as it was written; "" where nothing was
}

// Of returns how many of n devices a quantity means.
func (q Quantity) Of(n int) float64 {
	if q.Percent {
		return q.N * float64(n) / 100
	}
	return q.N
}

// Forms of an expectation.
var quantForms = []string{"all", "none", "at_least", "at_most", "exactly", "always", "never"}

// A Quant says how many devices an expectation must hold for.
type Quant struct {
	Form  string   // all, none, at_least, at_most, exactly; always and never are about events
	Limit Quantity // of at_least, at_most and exactly
}

// Known reports whether a quant has one of the forms.
func (q Quant) Known() bool { return slices.Contains(quantForms, q.Form) }

// Counts reports whether the form compares with a number of devices.
func (q Quant) Counts() bool {
	return q.Form == "at_least" || q.Form == "at_most" || q.Form == "exactly"
}

// EachEvent reports whether the expectation is about every event.
func (q Quant) EachEvent() bool { return q.Form == "always" || q.Form == "never" }

// Holds reports whether the expectation holds when it does for count of a number
// of devices.
func (q Quant) Holds(count, devices int) bool {
	n, want := float64(count), q.Limit.Of(devices)
	switch q.Form {
	case "all", "always", "never":
		return count == devices
	case "none":
		return count == 0
	case "at_least":
		return n >= want-rounding
	case "at_most":
		return n <= want+rounding
	case "exactly": // a share of a few devices is the nearest whole number, as in a sample
		return n == math.Round(want)
	}
	return false
}

// rounding forgives what a share loses in binary.
const rounding = 1e-6

// FailsSurely reports whether a failed expectation fails even if it is only the
// machine's lateness that speaks against all but some of the devices that it
// names.
func (q Quant) FailsSurely(some, count, devices int) bool {
	over := q.Fails(true, count, devices)
	best := devices - some
	if over {
		best = some
	}
	if q.Form == "exactly" {
		want := int(math.Round(q.Limit.Of(devices)))
		return over && best > want || !over && best < want
	}
	return !q.Holds(best, devices)
}

// Fails reports whether a device is one of those that a failed expectation names:
// held says whether it holds for this device, count for how many of all.
func (q Quant) Fails(held bool, count, devices int) bool {
	switch q.Form {
	case "none", "at_most":
		return held
	case "exactly":
		return held == (float64(count) > q.Limit.Of(devices))
	}
	return !held
}
