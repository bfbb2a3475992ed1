package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/scenarios/expression"
	"spafleet/scenarios/tally"
)

// An event is written by three: the log of events, for programs; expressions of
// scenarios; and the device command, for a person. Each is a list of fields of its
// own, since each leaves out other things and the log must be fast. These tests
// hold the lists to each other.

// eventWriters write an event.
var eventWriters = map[string]func(*device.Event) string{
	"log":        func(e *device.Event) string { return logLine(*e) },
	"expression": func(e *device.Event) string { return fmt.Sprintf("%+v", expression.EventOf(e, 0)) },
	"device":     describe,
}

func logLine(e device.Event) string {
	var b strings.Builder
	log := tally.NewEventLog(&b, func(dev device.Index) model.MAC { return model.MAC{5: byte(dev)} })
	log.Tell([]device.Event{e})
	_ = log.Flush() // into memory
	return b.String()
}

// unwritten are the fields that a writer leaves out, and why.
var unwritten = map[string]map[string]string{
	"At":       {"device": "it writes the time since its start"},
	"Dev":      {"expression": "index says it", "device": "there is one device"},
	"N":        {"expression": "it orders events of the same moment", "device": "lines are in order"},
	"From":     {"device": "the result and the new version say it"},
	"Reboot":   {"expression": "param says what changed", "device": "the boot that follows says it"},
	"Reason":   {"expression": "only reboots, their number"},
	"Log":      {"device": "it is about who gets the line"},
	"Took":     {"device": "the times of the lines say it"},
	"Rule":     {"device": "the path says it"},
	"What":     {"device": "the path says it"},
	"Param":    {"expression": "the kind of the file says it"},
	"Repeat":   {"expression": "events of the file can be counted"},
	"Server":   {"log": "the port may be a free one, and logs of two runs are compared"},
	"Status":   {"device": "of the phase status"},
	"Wait":     {"expression": "a switch says it, by the phase", "device": "of time-outs"},
	"Refusal":  {"device": "of the phase status"},
	"Unknown":  {"expression": "params.unknown counts them", "device": "the report counts them"},
	"Refused":  {"expression": "the report has them", "device": "the report has them"},
	"Rejected": {"expression": "params.rejected counts them", "device": "the report counts them"},
	"Sent":     {"log": "metrics count them", "expression": "metrics count them", "device": "metrics count them"},
	"Resent":   {"log": "metrics count them", "expression": "metrics count them", "device": "metrics count them"},
	"Secrets":  {"device": "the protection says it, and they are counted for a log and for scenarios"},
	"Hint":     {"expression": "it is for a person"},

	"File.Result": {"log": "the event has it", "expression": "the event has it"},
	"File.Took":   {"log": "it is measured", "expression": "it is measured", "device": "it is measured"},
}

// changed calls tell with events before and after one field has changed, for each
// field of an event and of its file, and for each kind of event.
func changed(tell func(field string, before, after *device.Event)) {
	for kind := device.PowerOn; kind <= device.Moved; kind++ {
		file := &device.File{Rule: 'A'}
		before := device.Event{Kind: kind, File: file}
		for _, f := range reflect.VisibleFields(reflect.TypeFor[device.Event]()) {
			if f.Name == "File" {
				continue // its fields are below
			}
			after := before
			change(reflect.ValueOf(&after).Elem().FieldByIndex(f.Index))
			tell(f.Name, &before, &after)
		}
		for _, f := range reflect.VisibleFields(reflect.TypeFor[device.File]()) {
			if f.Anonymous {
				continue // its fields come by themselves
			}
			other, after := *file, before
			after.File = &other
			change(reflect.ValueOf(&other).Elem().FieldByIndex(f.Index))
			name := f.Name
			if _, both := reflect.TypeFor[device.Event]().FieldByName(name); both {
				name = "File." + name
			}
			tell(name, &before, &after)
		}
	}
}

// change gives a field another value.
func change(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[netip.AddrPort]():
		v.Set(reflect.ValueOf(netip.MustParseAddrPort("127.0.0.1:69")))
	case v.Type() == reflect.TypeFor[device.Kind]():
		v.SetUint(v.Uint()%uint64(device.Moved) + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.CanInt():
		v.SetInt(v.Int() + 7)
	case v.Kind() == reflect.String:
		v.SetString("text")
	case v.Kind() == reflect.Slice:
		v.Set(reflect.ValueOf([]string{"text"}))
	case v.Kind() == reflect.Struct:
		change(v.Field(0))
	default:
		panic("no other value of type " + v.Type().String())
	}
}

func TestEachWriterOfEventsWritesEachFieldOrSaysWhyNot(t *testing.T) {
	written := map[string]map[string]bool{}
	changed(func(field string, before, after *device.Event) {
		if written[field] == nil {
			written[field] = map[string]bool{}
		}
		for name, write := range eventWriters {
			if write(before) != write(after) {
				written[field][name] = true
			}
		}
	})
	for field, by := range written {
		for name := range eventWriters {
			switch why, left := unwritten[field][name]; {
			case by[name] && left:
				t.Errorf("%s: %s writes it; remove the exception %q", field, name, why)
			case !by[name] && !left:
				t.Errorf("%s: %s does not write it; write it, or say in unwritten why not", field, name)
			}
		}
	}
	for field := range unwritten {
		if written[field] == nil {
			t.Errorf("events have no field %s", field)
		}
	}
}

// Who reads the log can write the expression: a key of the log is a name of
// expressions, but for these.
func TestTheLogOfEventsAndExpressionsHaveTheSameNames(t *testing.T) {
	logOnly := []string{"dev", "hint", "mac", "n", "param", "reason", "reboot", "refused", "rejected", "repeat", "took_ns", "unknown", "wait_ns"} // took_ns is took
	expressionOnly := []string{"port", "to", "took"}
	keys := map[string]bool{}
	changed(func(_ string, _, after *device.Event) {
		var line map[string]any
		if err := json.Unmarshal([]byte(logLine(*after)), &line); err != nil {
			t.Fatal(err)
		}
		for k := range line {
			keys[k] = true
		}
	})
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[expression.Event]()) {
		if !f.Anonymous {
			names[f.Tag.Get("expr")] = true
		}
	}
	for _, tt := range []struct {
		what       string
		these, not map[string]bool
		want       []string
	}{{"keys of the log alone", keys, names, logOnly}, {"names of expressions alone", names, keys, expressionOnly}} {
		only := maps.Clone(tt.these)
		maps.DeleteFunc(only, func(k string, _ bool) bool { return tt.not[k] })
		if got := slices.Sorted(maps.Keys(only)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.what, got, tt.want)
		}
	}
}
