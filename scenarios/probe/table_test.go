package probe

import (
	"testing"

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
