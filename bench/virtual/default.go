package main

import (
	"context"
	"fmt"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// runDefault acts out what 'spafleet run --model SPA2102 --virtual 24h' does: the
// built-in server has the demo's files, and the devices climb to SEC-PRV-2, where
// they resync each hour. No events are written.
func runDefault(c *dayCase, o options) (m measurement, err error) {
	demo, err := scenarios.Builtin("demo")
	if err != nil {
		return m, err
	}
	count := &counter{}
	before := usage()
	r, err := run.Run(context.Background(), &scenarios.Scenario{
		Name: "run", Seed: seed, Clock: scenarios.Clock{Mode: fleet.Virtual}, Duration: o.lasts, Server: demo.Server,
		Fleet: []scenarios.Group{{Name: "devices", Model: "SPA2102", Firmware: "5.2.12", Count: o.devices}},
	}, run.Options{Tell: func(events []device.Event) { count.take(events) }})
	if err != nil {
		return m, err
	}
	if r.Verdict != report.Finished {
		return m, fmt.Errorf("the run was %s: %v", r.Verdict, r.Notes)
	}
	return c.measurement(o, count, before, usage()), nil
}
