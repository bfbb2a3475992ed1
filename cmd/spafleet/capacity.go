package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spafleet/host"
	"spafleet/scenarios/capacity"
	"spafleet/scenarios/report"
	"spafleet/scenarios/report/webpage"
)

// notOfCapacity are the flags of 'run' that have no meaning for a search.
var notOfCapacity = []string{"until", "timeout", "fail-on", "rate", "duration", "virtual", "preflight"}

func capacityCommand(s streams) *cobra.Command {
	f := &runFlags{fleetFlags: fleetFlags{count: 1}}
	o := capacity.Options{}
	var asJSON bool
	var html string
	var limits []string
	c := &cobra.Command{
		Use:   "capacity [FILE|NAME]",
		Short: "Find how many resyncs a second your server holds",
		Long: `Finds the highest rate of resyncs that a server holds, and says it in one number.

First every device is provisioned, eight at a time; if none is after two minutes,
the search ends. Then trials begin: in each the devices resync at one rate for
--each. The rate doubles from --from until a trial does not hold, at most to
--max-rate; then the space between the highest rate that held and the lowest that
did not is halved until they are within 5 %. A search takes about two minutes.

A rate holds if every --threshold is kept and the server does not fall behind:
if resyncs begin faster than they end, the trial was only too short to show it.
If the machine running spafleet was too slow, the number is this machine's, and
the output says so (exit code 4).

Devices contact the server without random delays, and boot in no time. Only run
this against a server that is yours.`,
		Example: `  # a phone's resync against your server, at most 2000 a second
  spafleet capacity --model SPA942 --tftp-server 10.0.0.5

  # HTTP, at most 5000 a second, with the curve on a page
  spafleet capacity --model SPA504G --profile-rule 'http://10.0.0.5/$MA.xml' \
      --max-rate 5k/s --html capacity.html

  # what "holds" means
  spafleet capacity --model SPA942 --tftp-server 10.0.0.5 \
      --threshold 'resync_duration: p(99)<300ms' \
      --threshold 'resync_failed: rate==0'

  # fleet and server of a scenario file
  spafleet capacity outage.yaml --json | jq .holds`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeScenarios,
	}
	f.register(c)
	for _, name := range notOfCapacity {
		_ = c.Flags().MarkHidden(name) // it is one of the flags above
	}
	c.Flags().Var(rateFlag{&o.From}, "from", "first `RATE` (default 10/s)")
	c.Flags().Var(rateFlag{&o.Most}, "max-rate", "highest `RATE` that is tried (default 2000/s)")
	c.Flags().Var(durationFlag{&o.Each}, "each", "length of a trial, a `TIME` (default 10s)")
	c.Flags().StringArrayVar(&limits, "threshold", nil, "what a rate must keep, `METRIC: LIMIT`; may be repeated (default: resync_duration: p(95)<1s and resync_failed: rate<1%)")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().StringVar(&html, "html", "", "write the curve as a web page to this `FILE`")
	c.RunE = func(c *cobra.Command, args []string) error {
		for _, name := range notOfCapacity {
			if c.Flags().Changed(name) {
				return fmt.Errorf("--%s has no meaning for 'capacity'; see its --from, --max-rate, --each and --threshold", name)
			}
		}
		var err error
		if o.Limits, err = thresholds(limits); err != nil {
			return err
		}
		if html != "" {
			if err := host.CheckWrite(html); err != nil {
				return fmt.Errorf("--html: %w", err)
			}
		}
		scenario, err := f.scenario(c, args)
		if err != nil {
			return err
		}
		if err := f.machine(c.Context(), &o.Run); err != nil {
			return err
		}
		o.Run.Flags = newRunner(s).options.Flags
		return search(c.Context(), s, capacitySearch{o, asJSON, html}, func(ctx context.Context, o capacity.Options) (*capacity.Result, error) {
			return capacity.Find(ctx, scenario, o)
		})
	}
	return c
}

// thresholds reads METRIC: LIMIT.
func thresholds(texts []string) ([]report.Threshold, error) {
	var list []report.Threshold
	for _, text := range texts {
		metric, limit, ok := strings.Cut(text, ":")
		if i := strings.LastIndex(text, "}:"); i >= 0 { // tags have colons too
			metric, limit, ok = text[:i+1], text[i+2:], true
		}
		if !ok {
			return nil, fmt.Errorf("--threshold %q is not METRIC: LIMIT, such as 'resync_duration: p(95)<1s'", text)
		}
		t, err := report.ParseThreshold(strings.TrimSpace(metric), strings.TrimSpace(limit))
		if err != nil {
			return nil, fmt.Errorf("--threshold %q: %w", text, err)
		}
		list = append(list, t)
	}
	return list, nil
}

// A capacitySearch is what a search tries, and where it writes what it found.
type capacitySearch struct {
	capacity.Options
	json bool
	html string
}

// search runs a search, tells how it goes, and writes what it found.
func search(ctx context.Context, s streams, o capacitySearch, find func(context.Context, capacity.Options) (*capacity.Result, error)) error {
	folder, err := os.MkdirTemp("", "spafleet-capacity-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	o.Folder = folder
	o.Warming = func(n int) { fmt.Fprintf(s.err, "provisioning %d devices, eight at a time\n", n) }
	o.Began = func(rate float64) { fmt.Fprintf(s.err, "%8s …", rateOf(rate)) }
	o.Tried = func(t capacity.Trial) { fmt.Fprintf(s.err, " %s\n", outcomeOf(&t)) }
	began := time.Now()
	r, err := find(ctx, o.Options)
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(s.err, "\nspafleet: interrupted; nothing was found")
		return exitWith(exitInterrupted)
	}
	if err != nil {
		return err
	}
	if o.json {
		_ = writeJSON(s.out, r) // a closed pipe is nobody's trouble
	} else {
		writeCapacity(s.out, r)
	}
	if o.html != "" {
		if err := writeCurve(o.html, r, began); err != nil {
			return &notKept{err}
		}
	}
	switch {
	case r.Limit == capacity.ByMachine:
		return exitWith(exitInvalid)
	case r.Holds == 0:
		return exitWith(exitFailed)
	}
	return nil
}

func rateOf(rate float64) string { return fmt.Sprintf("%.4g/s", rate) }

func outcomeOf(t *capacity.Trial) string {
	if t.Held {
		return fmt.Sprintf("held, p95 %s", report.Seconds(t.P95))
	}
	return "did not hold: " + strings.Join(t.Why, "; ")
}

func writeCapacity(w io.Writer, r *capacity.Result) {
	fmt.Fprintf(w, "%9s %9s %9s %9s %9s %9s\n", "rate", "ok", "failed", "median", "p95", "p99")
	for i := range r.Trials {
		t := &r.Trials[i]
		fmt.Fprintf(w, "%9s %9d %9d %9s %9s %9s  %s\n", rateOf(t.Rate), t.OK, t.Failed, report.Seconds(t.Median), report.Seconds(t.P95), report.Seconds(t.P99), held(t))
	}
	fmt.Fprintf(w, "\n%s\n", foundText(r))
	for _, line := range foundNotes(r) {
		fmt.Fprintln(w, line)
	}
}

func held(t *capacity.Trial) string {
	switch {
	case t.Held:
		return "held"
	case t.Machine:
		return "this machine was too slow"
	}
	return "did not hold"
}

// foundText is what a search found, in one sentence.
func foundText(r *capacity.Result) string {
	rate := fmt.Sprintf("%.4g resyncs/s", r.Holds)
	switch {
	case r.Holds == 0 && r.Limit == capacity.ByMachine:
		return "nothing was found: this machine was too slow for the first rate"
	case r.Holds == 0:
		return fmt.Sprintf("your server does not hold %.4g resyncs/s, the first rate that was tried", r.Breaks)
	case r.Limit == capacity.ByMachine:
		return fmt.Sprintf("the limit is this machine: it sends %s; your server holds that, and perhaps more", rate)
	case r.Limit == capacity.ByMost:
		return fmt.Sprintf("your server holds %s, the highest rate that was tried; see --max-rate", rate)
	}
	return fmt.Sprintf("your server holds %s", rate)
}

// foundNotes say what held means, and what broke.
func foundNotes(r *capacity.Result) []string {
	notes := []string{"held means: " + strings.Join(r.Limits, ", ") + ", and the server does not fall behind"}
	for _, t := range r.Trials {
		if !t.Held {
			return append(notes, fmt.Sprintf("at %s: %s", rateOf(t.Rate), strings.Join(t.Why, "; ")))
		}
	}
	return notes
}

func writeCurve(path string, r *capacity.Result, began time.Time) error {
	c := &webpage.Curve{
		Title: "Capacity", Good: r.Limit != capacity.ByMachine && r.Holds > 0, Sentence: foundText(r), X: "resyncs a second", Y: "95th percentile",
		Notes: append(foundNotes(r), fmt.Sprintf("%d devices, %s", r.Devices, began.UTC().Format("2006-01-02 15:04 UTC"))),
		Head:  []string{"rate", "ok", "failed", "median", "p95", "p99", ""},
	}
	for i := range r.Trials {
		t := &r.Trials[i]
		c.Points = append(c.Points, webpage.Point{X: t.Rate, Y: t.P95, OK: t.Held, Note: held(t)})
		c.Rows = append(c.Rows, []string{rateOf(t.Rate), fmt.Sprint(t.OK), fmt.Sprint(t.Failed), report.Seconds(t.Median), report.Seconds(t.P95), report.Seconds(t.P99), held(t)})
	}
	var b strings.Builder
	if err := webpage.WriteCurve(&b, c); err != nil {
		return err
	}
	return host.WriteFile(path, []byte(b.String()), 0o644)
}
