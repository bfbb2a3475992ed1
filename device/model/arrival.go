package model

import (
	"fmt"
	"strings"
)

// An arrival is the firmware with which a parameter came: a row of arrivals. Sets
// are those of a model's later firmware.
type arrival uint8

// arrivals are the versions that brought parameters. They compare only within
// one generation of firmware.
var arrivals = [...]struct {
	since      string
	generation int
	evidence   Evidence // that the parameter was not there before
}{
	{}, // always there
	{"2.0.11", 1, Documented},
	{"7.4.9", 3, Inferred}, // absent from the sample of 7.4.8a (field); which version brought it is inferred
	{"7.6.0", 3, Inferred}, // absent from the sample of 7.5.5, in the texts of 7.6.2f (field); likewise
}

// arrivalOf returns the arrival of a parameter that came with a version, "" for
// one that was always there.
func arrivalOf(name, since string) (arrival, error) {
	if strings.HasPrefix(name, "GPP_") && len(name) == 5 && name > "GPP_D" {
		since = "2.0.11" // GPP_D was the last of its kind before
	}
	for i := range arrivals {
		if arrivals[i].since == since {
			return arrival(i), nil
		}
	}
	return 0, fmt.Errorf("%s: since %q is no row of the table of arrivals", name, since)
}
