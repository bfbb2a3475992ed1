package model

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Two makers with one prefix, or a model with one that is not its maker's, would have
// devices with the same MAC addresses.
func TestPrefixesAreTheMakers(t *testing.T) {
	maker := map[prefix]string{}
	for name, list := range makerPrefixes {
		for _, p := range list {
			if other, ok := maker[p]; ok {
				t.Errorf("prefix %06X is of %s and of %s", p, other, name)
			}
			maker[p] = name
		}
		if len(list) < 1<<22/(1<<24/MaxLanes) {
			t.Errorf("%s has %d prefixes, too few for the largest fleet", name, len(list))
		}
	}
	digits := regexp.MustCompile("^[0-9A-F]{6}( [0-9A-F]{6})*$")
	for m := range All() {
		if !digits.MatchString(m.OUI.Value) || m.SeriesOUI.Value != "" && !digits.MatchString(m.SeriesOUI.Value) {
			t.Errorf("%s: prefixes %q, %q", m.Name, m.OUI.Value, m.SeriesOUI.Value)
		}
		for _, p := range slices.Concat(m.own, m.series) {
			if maker[p] != m.Maker() {
				t.Errorf("%s: prefix %06X is none of %s", m.Name, p, m.Maker())
			}
		}
		if got := prefixesOf(m.SeriesOUI.Value); !slices.Equal(got, m.series) {
			t.Errorf("%s: prefixes of its series %06X, and %q in words", m.Name, m.series, m.SeriesOUI.Value)
		}
		if strings.Contains(m.OUI.Value, " ") != (len(m.own) > 1) {
			t.Errorf("%s: %06X is not %q", m.Name, m.own, m.OUI.Value)
		}
	}
}
