package probe

import (
	"fmt"
	"maps"
	"slices"

	"spafleet/device/model"
)

// A Group is a part of the table of experiments.
type Group struct {
	Name        string   `json:"name"`
	About       string   `json:"about"`
	Experiments []Listed `json:"experiments"`
}

// A Listed experiment is a row of the table, for people.
type Listed struct {
	Name     string   `json:"name"`
	Question string   `json:"question"`
	Switches []string `json:"switches,omitempty"` // that it settles; none: it notes facts
	Restarts int      `json:"restarts,omitempty"` // of the phone, each time that it is done
}

// Groups returns the table of experiments.
func Groups() (list []Group) {
	for _, g := range groups {
		one := Group{Name: g.name, About: g.about}
		for _, x := range g.rows() {
			one.Experiments = append(one.Experiments, Listed{x.name, x.question, x.settles, x.restarts})
		}
		list = append(list, one)
	}
	return list
}

// A Blinded switch is one that no experiment can see.
type Blinded struct {
	Switch string `json:"switch"`
	Why    string `json:"why"`
}

// Blind returns the switches that no experiment can see, in the order of their names.
func Blind() (list []Blinded) {
	for _, name := range slices.Sorted(maps.Keys(blind)) {
		list = append(list, Blinded{name, blind[name]})
	}
	return list
}

// QuestionOf returns the question of an experiment, "" for a name that is none.
func QuestionOf(name string) string {
	if x := named(name); x != nil {
		return x.question
	}
	return ""
}

// CheckNames refuses groups and experiments that there are not.
func CheckNames(only, names []string) error {
	var known, rows []string
	for _, g := range groups {
		known = append(known, g.name)
	}
	for _, x := range all() {
		rows = append(rows, x.name)
	}
	for _, name := range only {
		if !slices.Contains(known, name) {
			return fmt.Errorf("there is no group of experiments %q%s", name, model.DidYouMean(name, known))
		}
	}
	for _, name := range names {
		if !slices.Contains(rows, name) {
			return fmt.Errorf("there is no experiment %q%s", name, model.DidYouMean(name, rows))
		}
	}
	return nil
}
