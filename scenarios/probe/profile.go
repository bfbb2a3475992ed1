package probe

import (
	"maps"
	"slices"

	"spafleet/device/profile"
)

// profileOf returns a profile that sets parameters, in the order of their names.
func profileOf(values map[string]string) string {
	b, nest := []byte("<flat-profile>\n"), profile.Nest{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		b = append(nest.Append(b, profile.Param{Name: name, Value: values[name]}, profile.Sample{}), '\n')
	}
	return string(append(nest.Close(b), "</flat-profile>\n"...))
}
