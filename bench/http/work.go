package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"spafleet/bench/harness"
)

// work is a round of the fleet.
func work(ctx context.Context, in io.Reader, out io.Writer) error {
	var t harness.Resyncs
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("read task: %w", err)
	}
	r, err := t.Run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}
