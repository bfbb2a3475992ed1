package probe

import (
	"testing"
	"time"

	"spafleet/device/model"
)

// TestEachSwitchIsSeenOrSaidToBeBlind holds the table against the switches of the firmware.
func TestEachSwitchIsSeenOrSaidToBeBlind(t *testing.T) {
	row, err := model.NewRow("SPA942", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	settled, names := map[string]string{}, map[string]bool{}
	for _, x := range all() {
		if names[x.name] {
			t.Errorf("two experiments are called %s", x.name)
		}
		names[x.name] = true
		for _, name := range x.settles {
			if settled[name] != "" {
				t.Errorf("%s and %s both settle %s", settled[name], x.name, name)
			}
			settled[name] = x.name
		}
	}
	known := map[string]bool{}
	for _, s := range row.Switches {
		known[s.Name] = true
		switch {
		case settled[s.Name] != "" && blind[s.Name] != "":
			t.Errorf("%s settles %s, which is said to be blind", settled[s.Name], s.Name)
		case settled[s.Name] == "" && blind[s.Name] == "":
			t.Errorf("no experiment settles %s, and it is not said to be blind", s.Name)
		}
	}
	for name := range settled {
		if !known[name] {
			t.Errorf("%s settles %s, which is no switch", settled[name], name)
		}
	}
	for name := range blind {
		if !known[name] {
			t.Errorf("%s is said to be blind, and is no switch", name)
		}
	}
	for _, x := range all() {
		for _, name := range x.after {
			if !names[name] {
				t.Errorf("%s rests on %s, which is no experiment", x.name, name)
			}
		}
		if x.question == "" || x.question[len(x.question)-1] != '?' {
			t.Errorf("%s asks no question: %q", x.name, x.question)
		}
	}
}

// A short run asks something of most groups; a long one asks all, in the order of the table.
func TestAShortRunReachesMostGroups(t *testing.T) {
	row, err := model.NewRow("SPA504G", "7.5.5", nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{phone: &phone{row: row}, q: Question{Pace: 5 * time.Second, Limit: 15 * time.Minute}}
	seen := map[string]bool{}
	var sum time.Duration
	short := s.choose()
	for _, x := range short {
		seen[x.group] = true
		sum += x.length(s.q.Pace)
	}
	if len(seen) < 7 || sum > s.q.Limit {
		t.Errorf("%d experiments of %d groups in %v", len(short), len(seen), sum)
	}
	s.q.Limit = 0
	place := map[string]int{}
	for i, x := range s.choose() {
		place[x.name] = i
		for _, name := range x.after {
			if at, ok := place[name]; !ok && named(name) != nil && s.phone.lacks(named(name)) == "" {
				t.Errorf("%s (%d) comes before %s, on which it rests (%d)", x.name, i, name, at)
			}
		}
	}
	if len(place) < 70 {
		t.Errorf("a long run has %d experiments", len(place))
	}
}
