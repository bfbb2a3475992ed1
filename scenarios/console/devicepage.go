package console

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/scenarios/console/page"
	"spafleet/scenarios/report/why"
)

// device returns what the page of a device shows, with the parameters that have a text in
// their names.
func (s site) device(source Source, v *device.View, search string) page.Device {
	u, d := &v.Unit, deviceOf(v)
	group := source.Group(u.Index)
	p := page.Device{
		Index: d.Index, MAC: d.MAC, Serial: d.Serial, Address: d.Address, Model: d.Model, Firmware: d.Firmware, Hardware: u.Row.Model.HW.Value, Group: group.Name,
		Power: d.Power, Web: source.WebURL(u.Index), Now: time.Unix(0, v.Now).UTC(), State: d.State, Resyncs: page.Result(d.Resyncs),
		Lines: u.Row.Model.Lines, Registered: v.Registered, Certificate: page.Certificate{Says: u.Certificate()},
		Events: story(source, u.Index), Params: params(source, v, search), Keypad: source.Keypad(v), Timers: timers(v),
	}
	p.Actions = pageActions(p.Keypad)
	for _, e := range source.Moves(u.Index) {
		p.Moves = append(p.Moves, page.Move{State: e.State.String(), At: time.Unix(0, e.At).UTC(), Event: e.Move.String()})
	}
	return p
}

// timers are what a device does by itself.
func timers(v *device.View) []page.Timer {
	resync := page.Timer{Name: "next resync"}
	if v.Due != 0 && v.Powered {
		resync.At = time.Unix(0, v.Due).UTC()
	}
	list := []page.Timer{resync}
	for _, l := range v.Lines {
		t := page.Timer{Name: fmt.Sprintf("line %d registers", l.Line)}
		if l.Next != 0 && v.Powered {
			t.At = time.Unix(0, l.Next).UTC()
		}
		list = append(list, t)
	}
	return list
}

// story returns a device's last events as sentences.
func story(source Source, dev device.Index) []page.Event {
	reader, err := why.NewReader(source.MAC(dev).String())
	if err != nil {
		return nil
	}
	lines := source.Events(dev)
	for _, line := range lines {
		_, _ = reader.Write(append(bytes.Clone(line), '\n')) // Device returns its error
	}
	d, err := reader.Device()
	if err != nil {
		return nil
	}
	var list []page.Event
	seen := map[string]int{}
	for _, step := range d.Steps() {
		if step.Kind == "end" { // the log has none, for it goes on
			continue
		}
		at := step.At.UTC()
		key := fmt.Sprint(at.UnixNano(), step.Kind)
		seen[key]++
		list = append(list, page.Event{
			Key: fmt.Sprint(key, seen[key]), At: at, Text: step.Text,
			Begin: step.Begins(),
			Wrong: strings.HasSuffix(step.Kind, "_failed"),
		})
	}
	return list
}

// masked stands for a value that no page shows.
const masked = "********"

// params returns the parameters of a device by name, those that a search found.
func params(source Source, v *device.View, search string) page.Params {
	list := page.Params{Search: search}
	f := v.Params.Factory()
	if f == nil {
		return list
	}
	differs := map[model.ID]bool{}
	for id := range v.Params.Differing() {
		differs[id] = true
	}
	others, hidden := alike(source, v), keysOf(v)
	for i := range f.Params {
		p := &f.Params[i]
		if !v.Unit.Row.Has(p) || !strings.Contains(strings.ToLower(p.Name), strings.ToLower(search)) {
			continue
		}
		row := page.Param{Name: p.Name, Value: paramText(source, p, v.Params.Get(p.ID))}
		if hidden[p.Name] && row.Value != "" {
			row.Value = masked
		}
		if differs[p.ID] {
			row.Default, row.Origin = paramText(source, p, p.Default), page.Own
			if slices.ContainsFunc(others, func(o device.View) bool { return o.Params.Get(p.ID) == v.Params.Get(p.ID) }) {
				row.Origin = page.Shared
			}
		}
		list.Rows = append(list.Rows, row)
	}
	return list
}

// mostAlike is how many devices one is compared with.
const mostAlike = 16

// alike returns devices of the same group in the same state. A value that one of them has
// too is from a profile that they share.
func alike(source Source, v *device.View) (list []device.View) {
	group := source.Group(v.Unit.Index)
	for n := 0; n < source.Len() && len(list) < mostAlike; n++ {
		dev := source.Nth(n)
		if dev == v.Unit.Index || source.Group(dev) != group || source.State(dev) != v.State {
			continue
		}
		if o, ok := source.View(dev); ok && o.Params.Factory() == v.Params.Factory() {
			list = append(list, o)
		}
	}
	return list
}

// paramText returns the value of a parameter as a page shows it.
func paramText(source Source, p *model.Param, value string) string {
	if value != "" && p.Secret() {
		return masked
	}
	if rule.Keys(value) > 0 {
		value = rule.WithoutKeys(value)
	}
	return source.Shown(value)
}

// keysOf names the parameters that a device's rules take keys and passwords from.
func keysOf(v *device.View) map[string]bool {
	names := map[string]bool{}
	for _, value := range v.Params.Differing() {
		for _, macro := range rule.KeyMacros(value) {
			names["GPP_"+strings.ToUpper(macro)] = true
		}
	}
	return names
}
