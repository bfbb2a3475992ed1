package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
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
	Machine string  `json:"machine"`
	Core    int     `json:"client_core"`
	Rounds  int     `json:"rounds"`
	Seconds float64 `json:"round_seconds"`
	Target  float64 `json:"target"`
	Cases   []*kase `json:"cases"`
}

// A kase is one length of key with one number of connections at a time.
type kase struct {
	Bits     int       `json:"client_key_bits"`
	Parallel int       `json:"at_a_time"`
	Sides    []*side   `json:"clients"`
	Ratios   []float64 `json:"ratios"` // of each pair of rounds, ascending
	Ratio    float64   `json:"ratio"`  // the median
	Met      bool      `json:"target_met"`
}

// A side is one client's rounds.
type side struct {
	Client string  `json:"client"`
	Min    float64 `json:"min_per_second"`
	Median float64 `json:"median_per_second"`
	Max    float64 `json:"max_per_second"`
	CPU    float64 `json:"median_cpu_ms"` // of the client, for a connection

	rates, cpus []float64
}

// compare measures all clients in turns.
func compare(ctx context.Context, o options, errs io.Writer) (*comparison, error) {
	s, err := newSetup()
	if err != nil {
		return nil, err
	}
	n, err := startNginx(ctx, s, o.core)
	if err != nil {
		return nil, err
	}
	defer n.stop()
	if err := step(ctx, o.core); err != nil {
		return nil, err
	}
	c := &comparison{Machine: machine(), Core: o.core, Rounds: o.rounds, Seconds: o.round.Seconds(), Target: target}
	turn := 0
	for _, bits := range o.bits {
		if err := checkSTime(ctx, o.core, n, &task{Bits: bits, Server: n.at(turn), Parallel: 1}); err != nil {
			return nil, err
		}
		for _, parallel := range slices.Compact([]int{1, o.parallel}) {
			k := &kase{Bits: bits, Parallel: parallel}
			c.Cases = append(c.Cases, k)
			for _, client := range clients {
				k.Sides = append(k.Sides, &side{Client: client})
			}
			for i := range o.rounds {
				turn++
				fmt.Fprintf(errs, "client key of %d bits, %d at a time, round %d of %d:", bits, parallel, i+1, o.rounds)
				for _, d := range k.Sides {
					t := task{Client: d.Client, Server: n.at(turn), Bits: bits, Parallel: parallel, Time: o.round}
					r, err := t.run(ctx, o.core, n)
					if err != nil {
						fmt.Fprintln(errs)
						return nil, fmt.Errorf("%s: %w", d.Client, err)
					}
					d.add(r)
					fmt.Fprintf(errs, " %s %.0f/s", d.Client, d.rates[i])
				}
				fmt.Fprintln(errs)
			}
			k.conclude()
		}
	}
	return c, nil
}

func (t *task) run(ctx context.Context, core int, s *server) (round, error) {
	if t.Client == sTime {
		return runSTime(ctx, core, s, t)
	}
	return runWorker(ctx, core, t)
}

func (d *side) add(r round) {
	d.rates = append(d.rates, float64(r.Count)/r.Elapsed.Seconds())
	d.cpus = append(d.cpus, float64(r.CPU)/float64(time.Millisecond)/float64(max(1, r.Count)))
}

// conclude makes the result of the rounds. Rounds that ran side by side are
// compared, so that other work on the machine is the same for both.
func (k *kase) conclude() {
	theirs, ours := k.Sides[0].rates, k.Sides[1].rates
	for i := range ours {
		k.Ratios = append(k.Ratios, ours[i]/theirs[i])
	}
	slices.Sort(k.Ratios)
	k.Ratio = median(k.Ratios)
	k.Met = k.Ratio >= target
	for _, d := range k.Sides {
		d.Min, d.Median, d.Max, d.CPU = slices.Min(d.rates), median(d.rates), slices.Max(d.rates), median(d.cpus)
	}
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func (c *comparison) print(out io.Writer) {
	fmt.Fprintf(out, "Full mutual handshake, GET, close; TLS 1.0, AES256-SHA, server key of 2048 bits. %s\n", c.Machine)
	fmt.Fprintf(out, "Client on core %d, nginx on the others; %d rounds of %.0f s in turns. Connections a real second.\n\n", c.Core, c.Rounds, c.Seconds)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "key\tat a time\tclient\tmin\tmedian\tmax\tCPU ms\tto s_time\t")
	for _, k := range c.Cases {
		for i, d := range k.Sides {
			fmt.Fprintf(w, "%d\t%d\t%s\t%.0f\t%.0f\t%.0f\t%.3f\t%s\t\n", k.Bits, k.Parallel, d.Client, d.Min, d.Median, d.Max, d.CPU, k.verdict(i))
		}
	}
	_ = w.Flush() // the reader is gone
}

// verdict is the last column: the devices' client has a target.
func (k *kase) verdict(i int) string {
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

// step takes this program off the client's core.
func step(ctx context.Context, core int) error {
	text, err := exec.CommandContext(ctx, "taskset", "-apc", others(core), strconv.Itoa(os.Getpid())).CombinedOutput()
	if err != nil {
		return fmt.Errorf("taskset: %w: %s", err, text)
	}
	return nil
}
