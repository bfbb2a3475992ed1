package forecast

import (
	"slices"

	"spafleet/device/model"
)

// extrasOf returns which files beside profile and image the presets name, in the
// order in which devices ask for them.
func extrasOf(p *plan, shares []groupShare) []Extras {
	list := []Extras{}
	for x := range model.ExtraFiles() {
		if !slices.ContainsFunc(list, func(e Extras) bool { return e.What == x.What }) {
			list = append(list, Extras{What: x.What})
		}
	}
	for d := range p.sampled(shares) {
		named := map[string]int{}
		for x := range d.Row.Extras(d.params.Get) {
			if !x.File.Unserved || d.Lease.Unserved() {
				named[x.File.What]++
			}
		}
		for i := range list {
			if n := named[list[i].What]; n > 0 {
				list[i].Devices += d.count
				list[i].Files += n * d.count
			}
		}
	}
	return slices.DeleteFunc(list, func(e Extras) bool { return e.Files == 0 })
}
