package run_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"spafleet/host/golden"
)

// Scenarios of the program do the same to the byte as they did when the file was
// written: what makes the program faster must not change what devices do.
func TestEventLogsAreTheSameAsEver(t *testing.T) {
	var b strings.Builder
	for _, name := range []string{
		"blackout", "demo", "firmware-rollout", "key-rotation", "morning-notify", "nightly-resync",
		"partitioned-profiles", "redundant-servers", "registrar-down", "retail", "retry-echo", "three-stage-ladder",
	} {
		_, log := virtually(t, builtin(t, name, 1))
		fmt.Fprintf(&b, "%x %7d %s\n", sha256.Sum256([]byte(log)), strings.Count(log, "\n"), name)
	}
	golden.File(t, "testdata/events.sha256", []byte(b.String()))
}
