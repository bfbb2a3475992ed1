package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"spafleet/bench/harness"
)

// mintTime is how long 100,000 certificates may take, on one core.
const mintTime = time.Minute

// A minting is how fast certificates are made.
type minting struct {
	Machine      string  `json:"machine"`
	Certificates int     `json:"certificates"`
	Seconds      float64 `json:"seconds"`
	CPU          float64 `json:"cpu_seconds"`
	Target       float64 `json:"target_seconds"` // for as many
	Met          bool    `json:"target_met"`
}

// Print writes the result as text.
func (m *minting) Print(out io.Writer) {
	verdict := "met"
	if !m.Met {
		verdict = "MISSED"
	}
	fmt.Fprintf(out, "%d distinct certificates of authorities with 1024 bits, 64 keys of the devices made on the way, one core. %s\n", m.Certificates, m.Machine)
	fmt.Fprintf(out, "%.1f s, CPU %.1f s (%.1f s or less: %s)\n", m.Seconds, m.CPU, m.Target, verdict)
}

func measureMint(ctx context.Context, o options, errs io.Writer) (*minting, error) {
	m := &minting{Machine: harness.Machine()}
	fmt.Fprintf(errs, "minting %d certificates\n", o.mint)
	r, err := runWorker(ctx, o.core, &task{Client: "minting", Mint: o.mint})
	if err != nil {
		return nil, err
	}
	m.Certificates, m.Seconds, m.CPU = r.Count, r.Elapsed.Seconds(), r.CPU.Seconds()
	m.Target = mintTime.Seconds() * float64(o.mint) / 100_000
	m.Met = m.Seconds <= m.Target
	return m, nil
}
