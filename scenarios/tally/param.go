package tally

import (
	"cmp"
	"slices"

	"spafleet/device"
)

// A Param is how often a parameter of files was not known to devices of a model and
// firmware, or its value not taken.
type Param struct {
	Name     string `json:"name"`
	Model    string `json:"model"`
	Firmware string `json:"firmware"`
	Count    int    `json:"count"`
	Value    string `json:"value,omitempty"` // the first that was not taken, its beginning
}

// Params are the parameters that were counted, by name, model and firmware.
type Params struct {
	List []Param `json:"list"`
	More int     `json:"more"` // times of names beyond the bound
}

// mostParams bounds how many names are kept, those of each model by themselves.
// Others are only counted.
const mostParams = 2000

type paramKey struct {
	name string
	kind int
}

// paramCounts counts parameters.
type paramCounts struct {
	seen map[paramKey]*Param
	more int
}

// addUnknown counts the parameters of a file that devices of a make do not have.
func (c *paramCounts) addUnknown(f *device.File, kind int) {
	for _, name := range f.Unknown {
		c.add(name, kind, "")
	}
}

// addRejected counts the parameters of a file whose value was not taken.
func (c *paramCounts) addRejected(f *device.File, kind int) {
	for i, name := range f.Rejected {
		value := ""
		if i < len(f.Refused) {
			value = f.Refused[i]
		}
		c.add(name, kind, value)
	}
}

func (c *paramCounts) add(name string, kind int, value string) {
	key := paramKey{name, kind}
	p := c.seen[key]
	switch {
	case p != nil:
	case len(c.seen) >= mostParams:
		c.more++
		return
	case c.seen == nil:
		c.seen = map[paramKey]*Param{}
		fallthrough
	default:
		p = &Param{Name: name, Value: value}
		c.seen[key] = p
	}
	p.Count++
	p.Value = lesser(p.Value, value)
}

func (c *paramCounts) params(makes []Make) Params {
	all := Params{List: []Param{}, More: c.more}
	for key, p := range c.seen {
		p := *p
		p.Model, p.Firmware = makes[key.kind].Model, makes[key.kind].Firmware
		all.List = append(all.List, p)
	}
	slices.SortFunc(all.List, (Param).compare)
	return Params{List: all.joined(), More: all.More}
}

func (p Param) compare(o Param) int {
	return cmp.Or(cmp.Compare(p.Name, o.Name), cmp.Compare(p.Model, o.Model), cmp.Compare(p.Firmware, o.Firmware))
}

// joined makes one of neighbours that are the same: groups may have the same model.
func (p *Params) joined() []Param {
	list := p.List[:0]
	for _, x := range p.List {
		if n := len(list); n > 0 && list[n-1].compare(x) == 0 {
			list[n-1].Count += x.Count
			list[n-1].Value = lesser(list[n-1].Value, x.Value)
			continue
		}
		list = append(list, x)
	}
	return list
}

// lesser returns one of two values, the same whatever their order; an empty one
// only where both are.
func lesser(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}

// merge adds those of another shard.
func (p *Params) merge(o *Params) {
	p.List = append(slices.Clone(p.List), o.List...)
	slices.SortStableFunc(p.List, (Param).compare)
	p.List, p.More = p.joined(), p.More+o.More
	if p.List == nil {
		p.List = []Param{}
	}
}
