package run

import (
	"cmp"
	"math"
	"slices"

	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/scenarios"
	"spafleet/scenarios/expression"
)

// choose returns the devices of this process that a selector means now, by index.
// A sample is the same for the same seed and step, however many shards there are.
func (j *judge) choose(s scenarios.Selector, step int) []device.Index {
	if s.Most.Text != "" {
		return j.own(j.chooseAll(s, step))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.meant(s, j.fleet.Len(), j.device, j.vars)
}

// chooseAll returns the devices of all shards that a selector means now. Of
// those of other shards only the identity is known.
func (j *judge) chooseAll(s scenarios.Selector, step int) []device.Index {
	j.mu.Lock()
	defer j.mu.Unlock()
	n, at, vars := j.fleet.Len(), j.device, j.vars
	if !j.fleet.Shard().Whole() {
		n, at, vars = j.fleet.Total(), func(i int) device.Index { return device.Index(i) }, j.identity
	}
	list := j.meant(s, n, at, vars)
	if s.Most.Text == "" {
		return list
	}
	return j.sample(s, step, list)
}

// own leaves the devices of this process.
func (j *judge) own(list []device.Index) []device.Index {
	if j.fleet.Shard().Whole() {
		return list
	}
	return slices.DeleteFunc(list, func(dev device.Index) bool { return !j.fleet.Shard().Has(dev) })
}

// meant returns those of n devices that a selector without its quantity means.
func (j *judge) meant(s scenarios.Selector, n int, at func(int) device.Index, vars func(device.Index) *expression.DeviceVars) []device.Index {
	var list []device.Index
	for i := range n {
		dev := at(i)
		if s.Groups != nil && !slices.Contains(s.Groups, j.fleet.Group(dev).Name) {
			continue
		}
		if s.Where != nil && !expression.Holds(s.Where, *vars(dev)) {
			continue
		}
		list = append(list, dev)
	}
	return list
}

// sample returns as many of the devices as a selector wants.
func (j *judge) sample(s scenarios.Selector, step int, list []device.Index) []device.Index {
	n := int(max(math.Round(s.Most.Of(len(list))), 1)) // nearest whole number, at least one
	slices.SortFunc(list, func(a, b device.Index) int { return cmp.Compare(j.rank(a, step), j.rank(b, step)) })
	list = list[:min(n, len(list))]
	slices.Sort(list)
	return list
}

// identity returns what is known of any device of the whole fleet: its identity.
func (j *judge) identity(dev device.Index) *expression.DeviceVars {
	w := &expression.DeviceVars{Who: expression.Who{Index: int(dev)}}
	u := j.fleet.Unit(dev)
	w.Identify(&u, j.fleet.Group(dev).Name, j.seed)
	return w
}

func (j *judge) rank(dev device.Index, step int) float64 {
	return chance.Draw(j.seed, uint32(dev), chance.Sample, uint32(step))
}
