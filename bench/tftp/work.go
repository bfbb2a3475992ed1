package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pin/tftp/v3"

	"spafleet/bench/harness"
	"spafleet/host"
)

// A task is a round of one client, or with Serve the embedded server.
type task struct {
	Name    string
	Server  string
	Names   []string
	Resyncs harness.Resyncs
	Serve   string
}

func work(ctx context.Context, in io.Reader, out io.Writer) error {
	var t task
	d := json.NewDecoder(in)
	if err := d.Decode(&t); err != nil {
		return fmt.Errorf("read task: %w", err)
	}
	if t.Serve != "" {
		return serve(t.Serve, in, out)
	}
	do := t.Resyncs.Run
	if t.Name == bare {
		do = t.loop
	}
	r, err := do(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// mostBad is how many transfers of the loop may fail, of those that went well: one
// in that many. Pin's client ends one when a packet of an earlier one comes to the
// port that both had.
const mostBad = 100

// loop fetches with pin's client until the time is over, as a program would that
// does nothing else.
func (t *task) loop(ctx context.Context) (harness.Round, error) {
	var done, bad, next atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, t.Resyncs.Parallel)
	begun, used := time.Now(), host.CPUTime()
	for range t.Resyncs.Parallel {
		all.Go(func() {
			for time.Since(begun) < t.Resyncs.Time && ctx.Err() == nil {
				if err := fetch(t.Server, t.Names[int(next.Add(1))%len(t.Names)]); err != nil {
					if bad.Add(1) > 1+done.Load()/mostBad {
						failed <- err
						return
					}
					continue
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	r := harness.Round{Count: int(done.Load()), Elapsed: time.Since(begun), CPU: host.CPUTime() - used}
	select {
	case err := <-failed:
		return r, err
	default:
		return r, ctx.Err()
	}
}

func fetch(server, name string) error {
	c, err := tftp.NewClient(server)
	if err != nil {
		return err
	}
	c.SetTimeout(3 * time.Second) // as the devices
	c.SetRetries(4)
	c.SetBackoff(func(int) time.Duration { return 0 })
	file, err := c.Receive(name, "octet")
	if err != nil {
		return err
	}
	_, err = file.WriteTo(io.Discard)
	return err
}
