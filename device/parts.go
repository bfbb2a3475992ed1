package device

import (
	"fmt"
	"iter"

	"spafleet/device/model"
)

// Params taken apart, for those who keep them in a file: a layer, which many
// devices share, and what is a device's own.

// Layer returns the shared layer that the parameters lie over, nil for the zero
// Params. It is the same pointer for all devices that share it.
func (p Params) Layer() *Layer { return p.base }

// Own yields what the device has beside its layer, by ascending ID. Every set
// has a value and an access.
func (p Params) Own() iter.Seq[Set] {
	return func(yield func(Set) bool) {
		for own := p.own; own != ""; {
			var e entry
			if e, own = unpack(own); !yield(e.set()) {
				return
			}
		}
	}
}

// Factory returns the set that a layer belongs to.
func (l *Layer) Factory() *model.Factory { return l.factory }

// Values yields what a layer has otherwise than the factory, in the form of
// [Params.Own].
func (l *Layer) Values() iter.Seq[Set] {
	return func(yield func(Set) bool) {
		for _, e := range l.entries {
			if !yield(e.set()) {
				return
			}
		}
	}
}

func (e entry) set() Set { return Set{ID: e.id, Value: e.value, Has: true, Access: e.access} }

// Layer returns the one layer of a factory's set with these values, which must
// be in the form of [Params.Own]. It keeps nothing of them.
func (l *Layers) Layer(f *model.Factory, values []Set) (*Layer, error) {
	entries, err := entriesOf(f, values)
	if err != nil {
		return nil, err
	}
	return l.layer(f, entries), nil
}

// layer returns the one layer of a factory's set with these entries.
func (l *Layers) layer(f *model.Factory, entries []entry) *Layer {
	if len(entries) == 0 {
		return bareLayer(f)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.intern(f, entries)
}

// Over returns the parameters that have own over a layer. Own must be in the
// form of [Params.Own]; nothing of it is kept.
func (l *Layer) Over(own []Set) (Params, error) {
	entries, err := entriesOf(l.factory, own)
	if err != nil || len(entries) == 0 {
		return Params{base: l}, err
	}
	return Params{base: l, own: pack(entries)}, nil
}

// entriesOf checks sets that came from elsewhere: ascending, complete, and of
// parameters that the model has.
func entriesOf(f *model.Factory, sets []Set) ([]entry, error) {
	entries := make([]entry, len(sets))
	for i, s := range sets {
		if _, ok := f.Param(s.ID); !ok {
			return nil, fmt.Errorf("%s has no parameter %s", f.Name, s.ID.Name())
		}
		if i > 0 && s.ID <= sets[i-1].ID {
			return nil, fmt.Errorf("%s stands behind %s, out of order", s.ID.Name(), sets[i-1].ID.Name())
		}
		if !s.Has || s.Access == 0 {
			return nil, fmt.Errorf("%s has no value or no access", s.ID.Name())
		}
		entries[i] = entry{s.ID, s.Access, s.Value}
	}
	return entries, nil
}
