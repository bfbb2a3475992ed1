package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/fsm"
	"spafleet/scenarios/tally"
)

// WriteText prints a report in words.
func (r *Report) WriteText(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Name, r.Headline())
	fmt.Fprintf(&b, "  %s provisioned · %s never got an answer\n", measure.Counted(r.Provisioned, "device"), measure.Counted(r.Unanswered, "device"))
	writeQuestions(&b, r)
	writeShards(&b, r)
	for _, reason := range r.Generator.Reasons {
		fmt.Fprintf(&b, "  ! %s\n", reason)
	}
	b.WriteByte('\n')
	r.WriteStates(&b, 0)
	writeFirmwares(&b, r)
	writeSteps(&b, r)
	writeUnheard(&b, r)
	writeExpectations(&b, r)
	writeThresholds(&b, r)
	writeBug(&b, r)
	writeMachine(&b, r)
	writeLatencies(&b, r)
	writeSIP(&b, r.SIP)
	writeExtras(&b, r.Extras)
	writeFindings(&b, r)
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "\nnote: %s\n", n)
	}
	io.WriteString(w, b.String())
}

// Headline is the verdict and the first figures, in one line.
func (r *Report) Headline() string {
	return fmt.Sprintf("%s after %s · %d devices · resyncs %d ok, %d failed", r.Verdict, Seconds(r.DurationSeconds), r.Devices, r.Resyncs.OK, r.Resyncs.Failed)
}

// writeQuestions answers both questions where the machine did not keep up: a run
// may have failed and be badly measured too.
func writeQuestions(b *strings.Builder, r *Report) {
	if !r.Generator.Valid {
		fmt.Fprintf(b, "  did it work? %s\n  was it measured well? no\n", workedTexts[r.Worked])
	}
}

var workedTexts = map[string]string{
	worked:   "yes, all expectations were met",
	didNot:   "no, and not because of lateness",
	unclear:  "not known: what failed may be due to lateness",
	notAsked: "nothing was expected",
}

// writeShards says which part of a run a report is of, or how many it was made of.
func writeShards(b *strings.Builder, r *Report) {
	if s := r.Shard; s != nil && s.Count > 1 {
		fmt.Fprintf(b, "  %s: %d of %d devices\n", s, r.Devices, s.Devices)
	}
	if n := len(r.Shards); n > 1 {
		fmt.Fprintf(b, "  merged from %d shards\n", n)
	}
	for i := range r.Shards {
		if s := &r.Shards[i]; s.Attempt > 0 {
			fmt.Fprintf(b, "  %s\n", s)
		}
	}
}

func writeSteps(b *strings.Builder, r *Report) {
	if len(r.Timeline) == 0 {
		return
	}
	b.WriteString("\nsteps\n")
	for _, s := range r.Timeline {
		if s.Fired {
			fmt.Fprintf(b, "  %s %s, at %s%s\n", markOf(s.OK(), false), s.Name, Seconds(s.At), exchanges(s.Exchanges))
			if s.Error != "" {
				fmt.Fprintf(b, "      %s\n", s.Error)
			}
			if remark := r.Remark(s); remark != "" {
				fmt.Fprintf(b, "      %s\n", remark)
			}
			continue
		}
		fmt.Fprintf(b, "  ✗ %s did not happen\n", s.Name)
		writeFailing(b, s.Missing)
	}
}

// writeUnheard says how many commands had no effect, of steps, the keypad and
// whatever else commands devices.
func writeUnheard(b *strings.Builder, r *Report) {
	switch n := r.Unheard; n {
	case 0:
	case 1:
		b.WriteString("\n1 command reached a device without power\n")
	default:
		fmt.Fprintf(b, "\n%d commands reached devices without power\n", n)
	}
}

func writeExpectations(b *strings.Builder, r *Report) {
	if len(r.Expect) == 0 {
		return
	}
	b.WriteString("\nexpectations\n")
	for i := range r.Expect {
		c := &r.Expect[i]
		fmt.Fprintf(b, "  %s %s: %s\n", markOf(c.OK, c.Shared), c.Name, c.Measured())
		writeFailing(b, c.First)
	}
}

func writeThresholds(b *strings.Builder, r *Report) {
	if len(r.Thresholds) == 0 {
		return
	}
	b.WriteString("\nthresholds\n")
	for i := range r.Thresholds {
		t := &r.Thresholds[i]
		fmt.Fprintf(b, "  %s %s: %s: %s\n", markOf(t.OK, t.Shared), t.Metric, t.Threshold, t.Measured())
	}
}

// markOf says whether something expected was met; of a shard's, that the merge decides.
func markOf(ok, shared bool) string {
	switch {
	case shared:
		return "·"
	case ok:
		return "✓"
	}
	return "✗"
}

func writeFailing(b *strings.Builder, list []Failing) {
	for _, l := range list {
		fmt.Fprintf(b, "      %s (%s): %s\n", l.MAC, l.Model, l.Why)
	}
}

// writeMachine says how busy this machine was. It stands before the latencies:
// those of a machine that did not keep up are its own.
func writeMachine(b *strings.Builder, r *Report) {
	if r.Clock == "virtual" || r.Clock == "mixed" {
		return // time waits for it
	}
	h := &r.Generator.Machine
	word := "fast enough"
	if !r.Generator.Valid {
		word = "TOO SLOW: latencies and failures may be its own, not your server's"
	}
	peak := ""
	if h.Outstanding > 0 {
		peak = fmt.Sprintf(" · most attempts at once: %d", h.Outstanding)
	}
	fmt.Fprintf(b, "\nthis machine: %s\n  start delay %s (p99) · CPU %.0f%% of %.3g cores, peak %.0f%%\n  GC pauses up to %s · %d of %d descriptors%s\n",
		word, Seconds(r.Generator.Lateness.P99), 100*h.CPU, h.Cores, 100*h.CPUPeak, Seconds(h.GCPause), h.Descriptors, h.Files, peak)
}

// writeLatencies writes a row for each duration. The count is of all, those that
// failed included; what was not measured has a dot.
func writeLatencies(b *strings.Builder, r *Report) {
	line := func(name string, count int64, failed string, s tally.Spread) {
		if count == 0 {
			return
		}
		fmt.Fprintf(b, "  %-18s %7d %7s", name, count, failed)
		for _, figure := range []float64{s.Med, s.P95, s.P99, s.Max} {
			text := "·"
			if s.Count > 0 {
				text = Seconds(figure)
			}
			fmt.Fprintf(b, " %9s", text)
		}
		b.WriteByte('\n')
	}
	row := func(name string, s tally.Spread) { line(name, s.Count, "·", s) }
	fmt.Fprintf(b, "\n%-20s %7s %7s %9s %9s %9s %9s\n", "latency", "count", "failed", "median", "p95", "p99", "max")
	for _, m := range r.Metrics["resync_duration"] {
		line("resync", m.Count, fmt.Sprint(m.Failed), m.Spread)
	}
	for _, m := range r.Metrics["fetch_duration"] { // of those that succeeded
		line("fetch "+m.Tags["scheme"], m.Count+m.Failed, fmt.Sprint(m.Failed), m.Spread)
	}
	for _, m := range r.Metrics["fetch_duration"] {
		for _, phase := range tally.PhaseNames() {
			row("  "+m.Tags["scheme"]+" "+strings.ReplaceAll(phase, "_", " "), phaseOf(r, m.Tags["scheme"], phase))
		}
	}
	for _, m := range r.Metrics["notify_duration"] {
		row("NOTIFY to resync", m.Spread)
	}
	row("start delay", r.Generator.Lateness)
	if r.Repeats > 0 {
		fmt.Fprintf(b, "  %d fetches repeat one that had just failed, at once (switch get_repeats)\n", r.Repeats)
	}
}

// writeSIP writes what came of registrations, subscriptions and NOTIFYs, and why some failed.
func writeSIP(b *strings.Builder, s *tally.SIP) {
	if s == nil {
		return
	}
	b.WriteString("\nSIP\n")
	line := func(name string, ok int64, word string, failed map[string]int64, more string) {
		n := tally.Sum(failed)
		if ok+n == 0 && more == "" {
			return
		}
		fmt.Fprintf(b, "  %-18s %7d %s %7d failed%s\n", name, ok, word, n, more)
		for _, why := range tally.ByCount(failed) {
			fmt.Fprintf(b, "      %7d × %s\n", failed[why], why)
		}
	}
	left, asked := "", ""
	if s.Unregistered > 0 {
		left = fmt.Sprintf(" · %d given up or lost", s.Unregistered)
	}
	if s.Challenged > 0 {
		asked = fmt.Sprintf(" · credentials asked for %d times", s.Challenged)
	}
	line("registrations", s.Registered, "ok", s.Failed, left)
	line("subscriptions", s.Subscribed, "ok", s.Unsubscribed, "")
	line("NOTIFYs", s.Notified, "ok", s.Refused, asked)
}

// writeExtras writes how many files beside profile and image were asked for.
func writeExtras(b *strings.Builder, extras map[string]tally.Pair) {
	if len(extras) == 0 {
		return
	}
	b.WriteString("\nextra files\n")
	for _, what := range slices.Sorted(maps.Keys(extras)) {
		fmt.Fprintf(b, "  %-18s %7d ok %7d failed\n", cmp.Or(whats[what], what), extras[what].OK, extras[what].Failed)
	}
}

func phaseOf(r *Report, scheme, phase string) tally.Spread {
	for _, m := range r.Metrics["phase_duration"] {
		if m.Tags["scheme"] == scheme && m.Tags["phase"] == phase {
			return m.Spread
		}
	}
	return tally.Spread{}
}

func writeFindings(b *strings.Builder, r *Report) {
	writeFailures(b, r)
	f := &r.Findings
	writeParams(b, "files of which the devices took only a part", "part", f.PartialFiles, f.PartialMore)
	writeParams(b, "parameters that the devices do not have", "name", f.UnknownParams, f.UnknownMore)
	writeParams(b, "parameter values that the devices do not accept", "name", f.RejectedParams, f.RejectedMore)
	writeDerived(b, f.DerivedSets)
	writeReboots(b, r.Reboots)
	writeLoops(b, &r.Findings.RebootLoops)
	writeUpgradeLoops(b, &r.Findings)
}

// writeReboots writes how often devices booted, by reason.
func writeReboots(b *strings.Builder, reboots map[string]int64) {
	if len(reboots) == 0 {
		return
	}
	b.WriteString("\nboots\n")
	for _, reason := range slices.Sorted(maps.Keys(reboots)) {
		fmt.Fprintf(b, "  %7d × %s\n", reboots[reason], cmp.Or(bootTexts[reason], reason))
	}
}

// writeLoops says which devices each file reboots again.
func writeLoops(b *strings.Builder, l *tally.Loops) {
	if l.Devices == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s rebooted more than %d times in a row: their file changes at each request\n", measure.Counted(l.Devices, "device"), l.MoreThan)
	fmt.Fprintf(b, "  one time: %s\n", l.Differs)
}

// writeUpgradeLoops says which devices a failed upgrade reboots again and again.
func writeUpgradeLoops(b *strings.Builder, f *Findings) {
	rest := f.UpgradeLoopsMore
	for i := range f.UpgradeLoops {
		l := &f.UpgradeLoops[i]
		if i >= mostFindings {
			rest += l.Devices
			continue
		}
		b.WriteByte('\n')
		wrap(b, "", fmt.Sprintf("%s of %s rebooted more than %d times in a row after a failed upgrade, which they tried again within %s", measure.Counted(l.Devices, "device"), l.Model, l.MoreThan, Seconds(float64(l.Every))))
		wrap(b, "  ", fmt.Sprintf("cause: %q, e.g. %s", l.Err, cmp.Or(l.Example.URL, "no file asked for")))
	}
	if rest > 0 {
		fmt.Fprintf(b, "\n%s more did so, for other causes; the JSON result has more\n", measure.Counted(rest, "device"))
	}
}

// bootTexts name the reasons of boots in full.
var bootTexts = map[string]string{
	"power":          "power on",
	"params":         "reboots after parameter changes",
	"upgrade_ok":     "reboots into new firmware",
	"upgrade_failed": "reboots after failed upgrades",
	"web":            "reboots by web command",
	"ivr":            "reboots by keypad",
	"notify":         "reboots by NOTIFY",
	"step":           "reboots by the scenario",
	"factory_reset":  "factory resets",
	"customization":  "reboots after customization",
	"dictionary":     "reboots after a new dictionary",
}

// Seconds prints a duration to three digits.
func Seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// WriteStates writes a row for each model and firmware: how many devices are in
// each state, with a bar that fills as they move on. Bars are so many columns wide;
// there are none for 0.
func (s Summary) WriteStates(b *strings.Builder, bars int) {
	fmt.Fprintf(b, "%-22s %9s", "", "devices")
	for _, st := range fsm.States() {
		fmt.Fprintf(b, " %9s", st)
	}
	b.WriteByte('\n')
	for _, m := range s.ByModel() {
		fmt.Fprintf(b, "%-22s %9d", m.String(), m.Devices)
		for _, st := range fsm.States() {
			n := fmt.Sprint(m.States[st.String()])
			if n == "0" {
				n = "·"
			}
			fmt.Fprintf(b, " %9s", n)
		}
		if bars > 0 {
			fmt.Fprintf(b, "  %s", bar(m, bars))
		}
		b.WriteByte('\n')
	}
}

// bar draws a make's way through the states.
func bar(m MakeSummary, width int) string {
	if m.Devices == 0 {
		return ""
	}
	way := 0
	for i, st := range fsm.States() {
		way += i * m.States[st.String()]
	}
	full := way * width / (m.Devices * (len(fsm.States()) - 1))
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}
