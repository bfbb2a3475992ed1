package forecast

import (
	"slices"

	"spafleet/device/model"
)

// extrasOf returns which files beside profile and image the presets name, in the order
// in which devices ask for them.
func extrasOf(p *plan, shares []groupShare) []Extras {
	list := []Extras{}
	for x := range model.ExtraFiles() {
		if !slices.ContainsFunc(list, func(e Extras) bool { return e.What == x.What }) {
			list = append(list, Extras{What: x.What})
		}
	}
	for _, g := range shares {
		named := map[string]int{}
		for x := range g.Row.Extras(p.presetParams(g.Group).Get) {
			named[x.File.What]++
		}
		for i := range list {
			if n := named[list[i].What]; n > 0 {
				list[i].Devices += g.count
				list[i].Files += n * g.count
			}
		}
	}
	return slices.DeleteFunc(list, func(e Extras) bool { return e.Files == 0 })
}
