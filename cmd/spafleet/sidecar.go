package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"

	"spafleet/device/profile"
)

// compiled returns what opens the vendor's compiled files for a fleet: the source
// text that lies beside a file of the same content, else the program; nil where
// neither was named.
func (f *runFlags) compiled(ctx context.Context) (func(profile.Options, []byte) (string, error), error) {
	if len(f.sidecars) == 0 && f.decoder.Program == "" {
		return nil, nil
	}
	sources := map[[sha256.Size]byte]string{}
	for _, pair := range f.sidecars {
		compiled, source, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("--sidecar %q is not COMPILED=SOURCE, two files", pair)
		}
		body, err := os.ReadFile(compiled)
		if err != nil {
			return nil, fmt.Errorf("--sidecar: %w", err)
		}
		text, err := os.ReadFile(source)
		if err != nil {
			return nil, fmt.Errorf("--sidecar: %w", err)
		}
		sources[sha256.Sum256(body)] = string(text)
	}
	return func(o profile.Options, body []byte) (string, error) {
		if text, ok := sources[sha256.Sum256(body)]; ok {
			return text, nil
		}
		if f.decoder.Program == "" {
			return "", errors.New("no --sidecar has this content")
		}
		return f.decoder.run(ctx, o, body)
	}, nil
}
