package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/host/lines"
	"spafleet/scenarios"
	"spafleet/scenarios/forecast"
	"spafleet/scenarios/report"
)

// printPlan prints what a scenario would take. A scenario that would be refused is
// the exit code that its run would have.
func printPlan(s streams, scenario *scenarios.Scenario, rn *runner) error {
	f, err := forecast.Of(scenario, rn.options.Machine)
	if err != nil {
		return err
	}
	if rn.json {
		_ = writeJSON(s.out, f) // a closed pipe is nobody's trouble
	} else {
		writeForecast(s.out, f)
	}
	for _, m := range f.Misfits {
		if m.Refused {
			return exitWith(exitUsage)
		}
	}
	return nil
}

// writeForecast prints a forecast in words.
func writeForecast(w io.Writer, f *forecast.Forecast) {
	fmt.Fprintf(w, "%s: %d devices, seed %d; plan only, nothing was started\n", f.Name, f.Devices, f.Seed)
	io.WriteString(w, aboutText(f.About)+"\n"+planText(f))
}

// planText is a forecast in words.
func planText(f *forecast.Forecast) string {
	var b strings.Builder
	for _, m := range f.Models {
		fmt.Fprintf(&b, "%-22s %9d\n", m.Model+" "+m.Firmware, m.Devices)
	}
	b.WriteByte('\n')
	row := func(name, format string, args ...any) {
		for _, line := range lines.Wrap(fmt.Sprintf(format, args...), lines.Width-14) {
			fmt.Fprintf(&b, "%-13s %s\n", name, line)
			name = ""
		}
	}
	for i, c := range f.Contacts[:min(len(f.Contacts), mostContacts)] {
		row(first(i, "contacts"), "%s", contactText(&c))
	}
	if more := len(f.Contacts) - mostContacts; more > 0 {
		row("", "and %d more hosts; --json has all", more)
	}
	for i, c := range f.Commands {
		row(first(i, "commands"), "%s", commandText(&c))
	}
	row("start", "%s", startText(f))
	row("steady", "%s resyncs/s with the presets; profiles may change that", rateText(f.Steady))
	row("failing", "%s", failingText(&f.Failing))
	if len(f.Extras) > 0 {
		row("extra files", "%s, with the presets", extrasText(f.Extras))
	}
	if r := f.SIP; r != nil {
		row("sip", "%d lines register if profiles give all of them an account: %s REGISTERs/s by Register_Expires of the presets, twice as many where the registrar asks for credentials", r.Lines, rateText(r.PerSecond))
	}
	m := &f.Memory
	row("memory", "%s: %d B per device, %s for attempts, the rest for garbage collection; %s available", forecast.FormatSize(m.Whole), m.PerDevice, forecast.FormatSize(m.Attempts), forecast.FormatSize(m.Available))
	row("", "%s", m.Basis)
	if limits := containerText(f); limits != "" {
		row("container", "%s", limits)
	}
	row("addresses", "%s", addressesText(&f.Addresses))
	if f.Simulation != nil {
		row("time", "%s", simulationText(f.Simulation))
	} else {
		writeTraffic(row, f)
	}
	for i := range f.Handshakes[:min(len(f.Handshakes), mostContacts)] {
		row(first(i, "https"), "%s", &f.Handshakes[i])
	}
	if more := len(f.Handshakes) - mostContacts; more > 0 {
		row("", "and %d more handshakes, with --json", more)
	}
	for i, p := range f.Params {
		row(first(i, "params"), "%s", paramText(&p))
	}
	for i, note := range f.Notes {
		row(first(i, "notes"), "%s", note)
	}
	writeMisfits(&b, f.Misfits)
	return b.String()
}

// commandText says what a step runs on this machine.
func commandText(c *forecast.Command) string {
	text := fmt.Sprintf("timeline[%d]: %s", c.Step, strings.Join(c.Words, " "))
	if c.Needs != "" {
		text += "; needs " + c.Needs
	}
	return text
}

// aboutText is what a scenario is about, as a paragraph; "" where it does not say.
func aboutText(about string) string {
	if about == "" {
		return ""
	}
	return strings.Join(lines.Wrap(about, lines.Width), "\n") + "\n"
}

// paramText says how a value of a scenario is changed.
func paramText(p *forecast.Param) string {
	text := fmt.Sprintf("--with params.%s=%s", p.Name, p.Value)
	if p.About != "" {
		text += ": " + p.About
	}
	return text
}

// writeTraffic writes what only real traffic takes.
func writeTraffic(row func(name, format string, args ...any), f *forecast.Forecast) {
	d := &f.Descriptors
	row("sockets", "up to %d attempts at once with one socket each, %d for the program itself; open-file limit %d", d.Attempts, d.Sockets, d.Limit)
	if peak := f.Start.Peak(); peak > 0 {
		row("", "enough for %s/s if a resync takes less than %s", rateText(peak), report.Seconds(float64(d.Attempts)/peak))
	}
	if d.Memory > 0 && f.Clock != "virtual" {
		row("", "they hold at most %s of %s, a quarter of the memory: %s each", forecast.FormatSize(int64(min(d.Attempts, f.Devices))*d.PerAttempt), forecast.FormatSize(d.Memory), forecast.FormatSize(d.PerAttempt))
	}
	row("certificates", "%s", certificatesText(&f.Certificates))
	c := &f.Connections
	row("connections", "%s/s from the busiest address; more than %.0f/s is risky: %d ports / 60 s = %.0f/s", rateText(c.PerSecond), c.Warn, c.Ports, c.Most)
	row("cpu", "%.1f of %.3g cores in the first second, about %s per resync", f.CPU.Peak, f.CPU.Cores, report.Seconds(f.CPU.PerAttempt))
}

// containerText says what the container allows this process; "" where it sets no
// limit.
func containerText(f *forecast.Forecast) string {
	var limits []string
	if f.Memory.Container > 0 {
		limits = append(limits, forecast.FormatSize(f.Memory.Container)+" of memory")
	}
	if f.CPU.Limit > 0 {
		limits = append(limits, fmt.Sprintf("%.3g cores", f.CPU.Limit))
	}
	if limits == nil {
		return ""
	}
	return "at most " + strings.Join(limits, " and ")
}

// simulationText says how long virtual time takes.
func simulationText(s *forecast.Simulation) string {
	each := report.Seconds(s.PerAttempt)
	if s.Fleet == 0 {
		return fmt.Sprintf("virtual, until decided or interrupted: about %s of one core per resync", each)
	}
	whole := time.Duration(s.Fleet * float64(time.Second))
	span := measure.Clock(whole) + " hours"
	if whole >= 48*time.Hour {
		span = fmt.Sprintf("%.4g days", whole.Hours()/24)
	}
	return fmt.Sprintf("about %s for %s: %.0f resyncs, %s of one core each", report.Seconds(s.Seconds), span, s.Attempts, each)
}

// mostContacts is how many hosts a plan shows: each device of a list may have its own.
const mostContacts = 20

func first(i int, name string) string {
	if i == 0 {
		return name
	}
	return ""
}

func contactText(c *forecast.Contact) string {
	if c.Where == "embedded" {
		return "the built-in server, for " + strings.Join(c.For, ", ")
	}
	place := c.Where
	if len(c.Addresses) > 0 && c.Addresses[0] != c.Host {
		place += " " + strings.Join(c.Addresses, ", ")
	}
	if c.Where == "dns" {
		place = "checked when DNS has answered"
	}
	return fmt.Sprintf("%s: %s, for %s", c.Host, place, strings.Join(c.For, ", "))
}

func startText(f *forecast.Forecast) string {
	var parts []string
	s := &f.Start
	if s.AtOnce > 0 {
		parts = append(parts, fmt.Sprintf("%d resyncs at once", s.AtOnce))
	}
	if s.PerSecond > 0 {
		parts = append(parts, fmt.Sprintf("%s resyncs/s for %s", rateText(s.PerSecond), time.Duration(s.Window*float64(time.Second))))
	}
	if s.Waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d devices start later, by a step or a command", s.Waiting))
	}
	text := strings.Join(parts, ", ")
	if s.Rate > 0 {
		text += fmt.Sprintf("; limited to %s/s", rateText(s.Rate))
	}
	return text
}

// failingText says what a server gets that refuses everything.
func failingText(f *forecast.Failing) string {
	if f.Resyncs == 0 {
		return "devices that fail once do not try again by themselves"
	}
	text := fmt.Sprintf("%s resyncs/s while the server refuses everything", rateText(f.Resyncs))
	if f.InARow > 1 {
		text += fmt.Sprintf(", with %s requests/s: up to %d in a row for each", rateText(f.Requests), f.InARow)
	}
	return text
}

func extrasText(list []forecast.Extras) string {
	var parts []string
	for _, e := range list {
		parts = append(parts, fmt.Sprintf("%d × %s for %d devices", e.Files, e.What, e.Devices))
	}
	return strings.Join(parts, ", ")
}

func certificatesText(c *forecast.Certificates) string {
	if !c.Known {
		return fmt.Sprintf("none, unless a profile asks for https: then up to %d, with %d keys", c.Devices, c.Keys)
	}
	text := fmt.Sprintf("%d to make, with %d keys: %s of CPU time, measured with two", c.Devices, c.Keys, report.Seconds(c.CPUSeconds))
	if c.Defective > 0 {
		text += fmt.Sprintf("; about %d of them defective", c.Defective)
	}
	if c.Kept < c.Devices {
		text += fmt.Sprintf("; %d stay in memory (--keep-certs), the others are made again for each handshake", c.Kept)
	}
	return text
}

func addressesText(a *forecast.Addresses) string {
	if a.DHCP != "" {
		return fmt.Sprintf("those that the DHCP server gives (%s), in %s", a.DHCP, a.Prefix)
	}
	text := fmt.Sprintf("%s to %s", a.First, a.Last)
	if a.First == a.Last {
		text = a.First
	}
	if !a.Own {
		text += "; this machine cannot use them: all traffic comes from one address"
	}
	return text
}

func writeMisfits(b *strings.Builder, list []forecast.Misfit) {
	if len(list) == 0 {
		b.WriteString("\neverything fits\n")
		return
	}
	b.WriteString("\ndoes not fit\n")
	for _, m := range list {
		mark := "!"
		if m.Refused {
			mark = "✗"
		}
		fmt.Fprintf(b, "  %s %s: %s\n      %s\n", mark, m.What, m.Why, m.Flag)
	}
}

func rateText(r float64) string {
	if r >= 10 {
		return fmt.Sprintf("%.0f", r)
	}
	return fmt.Sprintf("%.2g", r)
}
