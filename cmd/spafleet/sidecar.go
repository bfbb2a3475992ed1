package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"spafleet/device/profile"
	"spafleet/host"
	"spafleet/resync"
)

// compiled returns what opens the vendor's compiled files for a fleet.
func (f *runFlags) compiled(ctx context.Context) (c resync.Compiled, err error) {
	if f.decoder.Program != "" {
		c.Program = func(o profile.Options, body []byte) (string, error) { return f.decoder.run(ctx, o, body) }
	}
	sources := map[[sha256.Size]byte]string{}
	for _, pair := range f.sidecars {
		compiled, source, ok := strings.Cut(pair, "=")
		if !ok {
			return c, fmt.Errorf("--sidecar %q is not COMPILED=SOURCE, two files", pair)
		}
		body, err := host.ReadFile(compiled, mostInput)
		if err != nil {
			return c, fmt.Errorf("--sidecar: %w", err)
		}
		text, err := host.ReadFile(source, mostInput)
		if err != nil {
			return c, fmt.Errorf("--sidecar: %w", err)
		}
		sources[sha256.Sum256(body)] = string(text)
	}
	c.Sidecar = func(sum [sha256.Size]byte) (string, bool) {
		text, ok := sources[sum]
		return text, ok
	}
	return c, nil
}
