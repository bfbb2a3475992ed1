package scenarios

import (
	"fmt"
	"slices"

	"spafleet/device/model"
)

// models returns the models of the fleet.
func (p *Plan) models() (names []string) {
	for i := range p.Groups {
		if name := p.Groups[i].Row.Model.Name; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// paramMistake says what is wrong with the name of a device parameter: no model of the
// fleet has it, whatever its firmware.
func (p *Plan) paramMistake(name string) string {
	_, known := model.LookupID(name)
	var names []string
	for i := range p.Groups {
		factory := p.Groups[i].Row.Factory
		if _, has := factory.Lookup(name); has {
			return ""
		}
		for k := range factory.Params {
			names = append(names, factory.Params[k].Name)
		}
	}
	switch {
	case !known:
		return fmt.Sprintf("no model has a parameter %q%s", name, model.DidYouMean(name, names))
	case names == nil:
		return "" // the fleet is wrong by itself
	}
	return fmt.Sprintf("no model of this fleet has a parameter %q%s", name, model.DidYouMean(name, names))
}
