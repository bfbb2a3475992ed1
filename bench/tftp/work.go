package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/pin/tftp/v3"

	"spafleet/bench/harness"
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
		defer harness.Profiled("loop")()
	}
	r, err := do(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// loop fetches with pin's client until the time is over, as a program would that
// does nothing else.
func (t *task) loop(ctx context.Context) (harness.Round, error) {
	return harness.Loop(ctx, t.Resyncs.Parallel, t.Resyncs.Time, func(n int) error { return fetch(t.Server, t.Names[n%len(t.Names)]) })
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
