package device

import (
	"net/netip"
	"slices"

	"spafleet/device/model"
	"spafleet/device/profile"
)

// infoItem is why no profile sets an item of the Info page: who feeds an export back to
// a device has such names.
const infoItem = "an item of the Info page, which no profile sets"

// WhyLacks returns why a firmware does not have a parameter, as [model.Row.WhyLacks] does;
// it knows the items of the Info page too.
func WhyLacks(row *model.Row, name string) model.Lack {
	v := View{Unit: NewUnit(row, 1, 0, netip.IPv4Unspecified()), Params: Reset(row.Factory)}
	if slices.ContainsFunc(v.Status(), func(e profile.Element) bool { return e.Name == name }) {
		return model.Lack{Reason: infoItem, Evidence: model.Documented, Info: true}
	}
	return row.WhyLacks(name)
}
