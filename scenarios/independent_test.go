package scenarios_test

import (
	"strings"
	"testing"

	"spafleet/scenarios"
)

// Several cores work at a fleet only where no device can feel another, and nothing asks
// what devices have done.
func TestIndependent(t *testing.T) {
	for text, want := range map[string]bool{
		"duration: 1h": true,
		"duration: 1h\nserver: {files: {/$MA.xml: '{{ index }} {{ next_key }}', '/{{ dir }}/a': {body: x, key: '{{ key }}'}}}": true,
		"duration: 1h\nserver: {latency: 20ms}": true,
		"":                                      false,
		"duration: 1h\nserver: {workers: 2}":    false,
		"duration: 1h\nserver: {sip: true}":     false,
		"duration: 1h\nserver: {https: true}":   false,
		"duration: 1h\nserver: {auth: {scheme: basic, user: a, password: b}}":     false,
		"duration: 1h\nserver: {files: {/$MA.xml: '{{ param(\"GPP_A\") }}'}}":     false,
		"duration: 1h\nserver: {files: {'/{{ state }}.xml': x}}":                  false,
		"duration: 1h\nserver: {files: {'/a': {body: x, key: '{{ firmware }}'}}}": false,
		"duration: 1h\nexpect: [{all: synced, by: 1h}]":                           false,
		"duration: 1h\ntimeline: [{at: 10m, resync: all}]":                        false,
		"duration: 1h\nthresholds: {resync_failed: rate<1%}":                      false,
	} {
		s, err := scenarios.Load("a.yaml", []byte("name: a\nclock: virtual\nfleet: {phones: {model: SPA942, count: 2}}\n"+text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		p, err := scenarios.NewPlan(s)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := p.Independent(); got != want {
			t.Errorf("%s: %v, want %v", strings.TrimSpace(text), got, want)
		}
	}
}
