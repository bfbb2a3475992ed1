package device

import (
	"slices"

	"spafleet/device/model"
)

// OwnValues are the parameters that many devices are set to from the start, each to
// values of its own. They are packed one behind the other: beside its values a device
// costs 4 bytes. Its zero value is ready to be filled with Add; after Done any number
// of goroutines may read it.
type OwnValues struct {
	filling []byte
	packed  string
	ends    []uint32 // of each device's values
}

// Add gives the next device its values, which must be in the form of [Params.Own]:
// ascending, complete, and of parameters that the model has. Nothing of them is kept.
func (o *OwnValues) Add(f *model.Factory, sets []Set) error {
	entries, err := entriesOf(f, sets)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		o.filling = append(o.filling, pack(entries)...)
	}
	o.ends = append(o.ends, uint32(len(o.filling)))
	return nil
}

// Done ends the filling.
func (o *OwnValues) Done() {
	o.packed, o.filling, o.ends = string(o.filling), nil, slices.Clone(o.ends)
}

// Has reports whether the n-th device has values of its own, from 0.
func (o *OwnValues) Has(n int) bool { return o.of(n) != "" }

// Over returns the parameters of the n-th device: its own values over presets, which
// are those of [Layers.Preset].
func (o *OwnValues) Over(presets Params, n int) Params {
	return Params{base: presets.base, own: o.of(n)}
}

// Size returns how many bytes all of it takes.
func (o *OwnValues) Size() int { return len(o.packed) + 4*cap(o.ends) }

func (o *OwnValues) of(n int) string {
	if n >= len(o.ends) {
		return ""
	}
	first := uint32(0)
	if n > 0 {
		first = o.ends[n-1]
	}
	return o.packed[first:o.ends[n]]
}
