package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"spafleet/bench/harness"
	"spafleet/certs/ssl"
)

// The clients that are compared, in the order of their turns.
const (
	sTime    = "openssl s_time"
	spafleet = "spafleet"
	standard = "crypto/tls"
)

var clients = []string{sTime, spafleet, standard}

// target is what the devices' client shall reach of s_time's connections.
const target = 0.95

// A comparison is the result of all rounds.
type comparison struct {
	Machine  string     `json:"machine"`
	RSA      string     `json:"rsa"` // what computes it in the devices' client
	Core     int        `json:"client_core"`
	Rounds   int        `json:"rounds"`
	Seconds  float64    `json:"round_seconds"`
	Target   float64    `json:"target"`
	Contests []*contest `json:"contests"`
}

// A contest is all rounds with one length of key and one number of connections
// at a time.
type contest struct {
	Bits     int       `json:"client_key_bits"`
	Parallel int       `json:"at_a_time"`
	Sides    []*side   `json:"clients"`
	Ratios   []float64 `json:"ratios"` // spafleet's to s_time's rate, ascending
	Ratio    float64   `json:"ratio"`  // the median
	Met      bool      `json:"target_met"`
}

// A side is one client's rounds: connections in a real second, and processor time
// of the client for one.
type side struct {
	Client string  `json:"client"`
	Min    float64 `json:"min_per_second"`
	Median float64 `json:"median_per_second"`
	Max    float64 `json:"max_per_second"`
	CPU    float64 `json:"median_cpu_ms"`

	rates, cpus []float64
}

// compare measures all clients in turns.
func compare(ctx context.Context, o options, errs io.Writer) (*comparison, error) {
	c := &comparison{Machine: harness.Machine(), RSA: ssl.Computed(), Core: o.core, Rounds: o.rounds, Seconds: o.round.Seconds(), Target: target}
	s, err := newSetup()
	if err != nil {
		return nil, err
	}
	n, err := startNginx(ctx, s, o.core)
	if err != nil {
		return nil, err
	}
	defer n.stop()
	if err := harness.Step(ctx, harness.Others(o.core)); err != nil {
		return nil, err
	}
	for _, bits := range o.bits {
		if err := checkSTime(ctx, o.core, n, &task{Bits: bits, Server: n.at(0), Parallel: 1}); err != nil {
			return nil, err
		}
		for _, parallel := range slices.Compact([]int{1, o.parallel}) {
			k := newContest(bits, parallel)
			c.Contests = append(c.Contests, k)
			for i := range o.rounds {
				fmt.Fprintf(errs, "client key of %d bits, %d at a time, round %d of %d:", bits, parallel, i+1, o.rounds)
				err := k.turn(ctx, o, n, i, errs)
				fmt.Fprintln(errs)
				if err != nil {
					return nil, err
				}
			}
			k.conclude()
		}
	}
	return c, nil
}

func newContest(bits, parallel int) *contest {
	k := &contest{Bits: bits, Parallel: parallel}
	for _, client := range clients {
		k.Sides = append(k.Sides, &side{Client: client})
	}
	return k
}

// turn gives each client a round.
func (k *contest) turn(ctx context.Context, o options, n *server, i int, errs io.Writer) error {
	for _, d := range k.Sides {
		t := task{Client: d.Client, Server: n.at(i), Bits: k.Bits, Parallel: k.Parallel, Time: o.round}
		r, err := t.run(ctx, o.core, n)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Client, err)
		}
		if r.Count == 0 {
			return fmt.Errorf("%s: no connection in %v", d.Client, r.Elapsed)
		}
		d.add(r)
		fmt.Fprintf(errs, " %s %.0f/s", d.Client, d.rates[i])
	}
	return nil
}

func (t *task) run(ctx context.Context, core int, s *server) (harness.Round, error) {
	if t.Client == sTime {
		return runSTime(ctx, core, s, t)
	}
	return runWorker(ctx, core, t)
}

func (d *side) add(r harness.Round) {
	d.rates = append(d.rates, float64(r.Count)/r.Elapsed.Seconds())
	d.cpus = append(d.cpus, float64(r.CPU)/float64(time.Millisecond)/float64(r.Count))
}

// conclude makes the result of the rounds. Rounds that ran side by side are
// compared, so that other work on the machine is the same for both.
func (k *contest) conclude() {
	theirs, ours := k.Sides[0].rates, k.Sides[1].rates
	for i := range ours {
		k.Ratios = append(k.Ratios, ours[i]/theirs[i])
	}
	slices.Sort(k.Ratios)
	k.Ratio = harness.Median(k.Ratios)
	k.Met = k.Ratio >= target
	for _, d := range k.Sides {
		d.Min, d.Median, d.Max, d.CPU = slices.Min(d.rates), harness.Median(d.rates), slices.Max(d.rates), harness.Median(d.cpus)
	}
}

// Print writes the result as text.
func (c *comparison) Print(out io.Writer) {
	fmt.Fprintf(out, "Full mutual handshake, GET, close; TLS 1.0, AES256-SHA, server key of 2048 bits. %s\n", c.Machine)
	fmt.Fprintf(out, "Client on core %d, nginx on the others; %d rounds of %.0f s in turns. Connections in a real second. RSA of the devices' client by %s.\n\n", c.Core, c.Rounds, c.Seconds, c.RSA)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "key\tat a time\tclient\tmin\tmedian\tmax\tCPU ms\tcore busy\tto s_time")
	for _, k := range c.Contests {
		for i, d := range k.Sides {
			fmt.Fprintf(w, "%d\t%d\t%s\t%.0f\t%.0f\t%.0f\t%.2f\t%.0f %%\t%s\n", k.Bits, k.Parallel, d.Client, d.Min, d.Median, d.Max, d.CPU, d.Median*d.CPU/10, k.verdict(i))
		}
	}
	_ = w.Flush() // the reader is gone
}

// verdict is the last column: the devices' client has a target.
func (k *contest) verdict(i int) string {
	switch {
	case i == 0:
		return ""
	case i > 1:
		return strconv.FormatFloat(k.Sides[i].Median/k.Sides[0].Median, 'f', 2, 64)
	case k.Met:
		return fmt.Sprintf("%.2f, %.2f or more: met", k.Ratio, target)
	}
	return fmt.Sprintf("%.2f, %.2f or more: MISSED", k.Ratio, target)
}
