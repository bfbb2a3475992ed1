package main

import (
	"context"
	"fmt"
	"time"

	"spafleet/bench/harness"
	"spafleet/device"
	"spafleet/host"
	"spafleet/resync/fault"
)

// A phase is a part of a round.
type phase struct {
	name string
	do   func(ctx context.Context, b *bath) (undo func(context.Context) error, err error)
}

// phases are a round: each has a part of it, and is over when the next begins.
var phases = []phase{
	{"few faults", func(context.Context, *bath) (func(context.Context) error, error) { return nil, nil }},
	{"no power for a fifth", outage},
	{"no server", noServer},
	{"many faults", manyFaults},
}

// few are the faults that always are: of the lines, and of the server.
func (b *bath) few() (stop func()) {
	return start(b.lines, b.wrongs, 0.02)
}

// start lets faults happen with a chance, and returns how to stop them.
func start(lines, wrongs *fault.Plan, chance float64) (stop func()) {
	lossy := fault.Packets{Unit: fault.Some, Share: 0.1}
	var active []*fault.Active
	for i, e := range []fault.Effects{
		{Lose: lossy, Duplicate: lossy, Reorder: lossy},
		{Delay: fault.Delay{Least: 20 * time.Millisecond, Most: 200 * time.Millisecond}},
		{ResetAfter: fault.After(700)},
		{Truncate: fault.After(900)},
		{CloseAfter: fault.After(100)},
		{Bandwidth: 64_000},
	} {
		active = append(active, lines.Start(fault.Fault{Number: uint32(i + 1), Chance: chance, Effects: e}))
	}
	for i, e := range []fault.Effects{{Status: 500, HasStatus: true}, {Corrupt: true}} {
		active = append(active, wrongs.Start(fault.Fault{Number: uint32(i + 20), Chance: chance, Effects: e}))
	}
	return func() {
		for _, a := range active {
			a.Stop()
		}
	}
}

func outage(ctx context.Context, b *bath) (func(context.Context) error, error) {
	round := device.Index(b.round.Load())
	fifth := func(dev device.Index) bool { return (dev+round)%5 == 0 }
	err := b.each(ctx, device.SwitchOff, fifth)
	return func(ctx context.Context) error { return b.each(ctx, device.SwitchOn, fifth) }, err
}

// noServer stops to listen for HTTP, and lets nothing through by TFTP.
func noServer(_ context.Context, b *bath) (func(context.Context) error, error) {
	tftp, err := fault.ParseMatch("tftp")
	if err != nil {
		return nil, err
	}
	b.server.Down("http")
	silence := b.lines.Start(fault.Fault{Number: 40, Match: tftp, Effects: fault.Effects{Lose: fault.Packets{Unit: fault.Every}}})
	return func(context.Context) error {
		silence.Stop()
		return b.server.Up("http")
	}, nil
}

func manyFaults(_ context.Context, b *bath) (func(context.Context) error, error) {
	stop := start(b.lines, b.wrongs, 0.1)
	return func(context.Context) error { stop(); return nil }, nil
}

// days lets the fleet live: until all are synced, then with faults, then until
// all are synced again. It returns how things were at both ends.
func (b *bath) days(ctx context.Context) (first, last sample, err error) {
	fmt.Fprintf(b.out, "%s\n%d devices, each every %s, faults for %s\n%s\n", harness.Machine(), b.devices, b.period, b.lasts, header)
	if first, err = b.allSynced(ctx, "all synced"); err != nil {
		return first, last, err
	}
	b.failures()
	stopFew := b.few()
	err = b.rounds(ctx)
	stopFew()
	if err != nil {
		return first, last, err
	}
	if last, err = b.allSynced(ctx, "all synced again"); err != nil {
		return first, last, err
	}
	for range 60 { // what a server has given up may hold out for a while; a leak stays
		if len(growth(first, last)) == 0 {
			break
		}
		last = settled(look)
	}
	b.print("settled", last)
	b.failures()
	b.compare(first, last)
	return first, last, nil
}

// rounds play the phases again and again.
func (b *bath) rounds(ctx context.Context) error {
	until := time.Now().Add(b.lasts)
	part := min(b.period/2, b.lasts/time.Duration(len(phases)))
	for time.Now().Before(until) {
		b.round.Add(1)
		for _, p := range phases {
			undo, err := p.do(ctx, b)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			err = host.Sleep(ctx, part)
			if undo != nil {
				err = either(err, undo(context.WithoutCancel(ctx)))
			}
			if err != nil {
				return err
			}
			now := look()
			b.samples = append(b.samples, now)
			b.print(p.name, now)
		}
	}
	return nil
}

// allSynced waits until every device has been synced since now, and then looks.
func (b *bath) allSynced(ctx context.Context, what string) (sample, error) {
	since := b.fleet.Now()
	limit, stop := context.WithTimeout(ctx, 5*b.period+time.Minute)
	defer stop()
	all := func() bool { return b.book.in(since) == b.devices }
	tick := time.NewTicker(time.Second / 10)
	defer tick.Stop()
	for !all() {
		select {
		case <-tick.C:
		case <-limit.Done():
			if ctx.Err() != nil {
				return sample{}, ctx.Err()
			}
			return sample{}, fmt.Errorf("%s: %d of %d devices since %s", what, b.book.in(since), b.devices, time.Since(b.began).Round(time.Second))
		}
	}
	s := settled(look)
	b.print(what, s)
	return s, nil
}
