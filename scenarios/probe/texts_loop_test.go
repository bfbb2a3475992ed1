package probe

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device/model"
	"spafleet/host/golden"
	"spafleet/scenarios/probe/probetest"
)

// namesInGroups returns the experiments of some groups.
func namesInGroups(groups ...string) (names []string) {
	for _, x := range all() {
		if slices.Contains(groups, x.group) {
			names = append(names, x.name)
		}
	}
	return names
}

// What is found of the rule language and of profile files, as facts and values, once.
func TestFactsOfRulesAndProfiles(t *testing.T) {
	var names []string
	for _, x := range slices.Concat(ruleExperiments, profileTexts, profileAccess) {
		names = append(names, x.name)
	}
	probetest.Bubble(t, func(t *testing.T) {
		f := newLoop(t, "SPA504G", "7.5.5", nil, names...).ask(t)
		var b strings.Builder
		last, seen := "", map[string]bool{}
		for _, one := range f.Facts {
			text := fmt.Sprintf("%s: %s", one.What, one.Text)
			if one.Nanoseconds != 0 {
				text = fmt.Sprintf("%s: %v", one.What, time.Duration(one.Nanoseconds))
			}
			if seen[one.Experiment+text] {
				continue
			}
			seen[one.Experiment+text] = true
			if one.Experiment != last {
				last = one.Experiment
				fmt.Fprintf(&b, "\n%s: %s\n", last, named(last).question)
			}
			b.WriteString("  " + text + "\n")
		}
		b.WriteString("\n")
		for _, found := range f.Findings {
			fmt.Fprintf(&b, "%s %s %v %s\n", found.Switch, found.Value, found.OneOf, found.Why)
		}
		golden.File(t, "testdata/rules-and-profiles.txt", []byte(b.String()))
	})
}

// However the switches of these groups are set together, each is found, but for those that
// hide each other, and none is found wrong.
func TestSwitchesOfRulesAndProfilesTogether(t *testing.T) {
	for seed := range uint64(24) {
		probetest.Bubble(t, func(t *testing.T) {
			r := loopRows[int(seed)%len(loopRows)]
			switches := drawn(t, seed, r.model, r.firmware)
			f := newLoop(t, r.model, r.firmware, switches, namesInGroups("rules", "profiles")...).ask(t)
			for _, found := range f.Findings {
				want := switches[found.Switch]
				open := found.Value == "" && hidden(r.model, found.Switch, switches)
				if found.Value != want && !open || found.OneOf != nil && !slices.Contains(found.OneOf, want) {
					t.Errorf("seed %d, %s: %s is %s, found %q %v (%s)\n%s", seed, r.model, found.Switch, want, found.Value, found.OneOf, found.Why, factsOf(f))
				}
			}
		})
	}
}

// drawn returns values by chance for all switches that these groups settle.
func drawn(t *testing.T, seed uint64, modelName, firmware string) map[string]string {
	t.Helper()
	draw, switches := rand.New(rand.NewPCG(seed, 1)), map[string]string{}
	row, err := model.NewRow(modelName, firmware, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all() {
		for _, name := range x.settles {
			if x.group == "rules" || x.group == "profiles" {
				values := valuesOf(t, row, name)
				switches[name] = values[draw.IntN(len(values))]
			}
		}
	}
	return switches
}

// hidden reports whether a phone does not show a switch, by what it is or by other switches.
func hidden(modelName, name string, switches map[string]string) bool {
	switch name {
	case "pn_hyphen":
		return !strings.HasPrefix(modelName, "SPA")
	case "missing_access":
		return modelName == "SPA112" // its other web server has no page of the end user without a session
	case "dotted_suffix":
		return switches["version_suffix"] == "ignore" && switches[name] != "text"
	case "rule_size":
		return switches["profile_limit"] == "4000" && switches[name] == "65536" // a file that fills the rule is too long
	}
	return false
}

// The longest rule is found in few tries, the usual one in two.
func TestLongest(t *testing.T) {
	for want, most := range map[int]int{256: 12, 2047: 2, 2048: 18, 5001: 18, 65536: 18} {
		tries := 0
		got := longest(leastSize, mostSize, []int{usualSize, usualSize + 1}, func(n int) bool { tries++; return n <= want })
		if got != want || tries > most {
			t.Errorf("found %d for %d in %d tries, want at most %d", got, want, tries, most)
		}
	}
}
