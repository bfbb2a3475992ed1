package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/host/golden"
	"spafleet/scenarios/probe"
)

// The page of the probe lists the switches that no experiment can see, by the reason.
func TestThePageOfTheProbeNamesTheBlindSwitches(t *testing.T) {
	var reasons []string
	switches := map[string][]string{}
	for _, b := range probe.Blind() {
		if switches[b.Why] == nil {
			reasons = append(reasons, b.Why)
		}
		switches[b.Why] = append(switches[b.Why], "`"+b.Switch+"`")
	}
	var text strings.Builder
	text.WriteString("| switches | why |\n|---|---|\n")
	for _, why := range reasons {
		fmt.Fprintf(&text, "| %s | %s |\n", strings.Join(switches[why], " "), why)
	}
	golden.Section(t, filepath.Join("..", "..", "docs", "probe.md"), "<!-- blind -->\n", "<!-- /blind -->", text.String())
}
