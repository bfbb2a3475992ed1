package main

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spafleet/device/model"
)

// complete is what the shell is offered for the last of the words.
func complete(t *testing.T, words ...string) []string {
	t.Helper()
	var out bytes.Buffer
	if code := execute(t.Context(), append([]string{"__complete"}, words...), streams{strings.NewReader(""), &out, io.Discard}); code != exitOK {
		t.Fatalf("%q: exit code %d", words, code)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return lines[:len(lines)-1] // the last is cobra's directive
}

// freeValues are what flags are given that have no closed set of values.
var freeValues = []string{"NUMBER", "FILE", "CERT,KEY", "HOST", "HOST:PORT", "[CA=]HOST:PORT", "TIME", "KEY", "MAC", "DEVICE", "DIR", "ADDRESS", "NAME", "PROGRAM", "PREFIX", "LENGTH", "URL",
	"TIMES", "SIZE", "RULE", "PORT", "MODE", "PASSWORD", "COMPILED=SOURCE", "OPTION=VALUE", "relay:HOST[:PORT] or client:INTERFACE", "PATH=VALUE", "METRIC: LIMIT", "RATE", "count", "duration", "uint", "int", "string"}

// Each flag is completed, or takes what cannot be listed.
func TestFlagsWithAClosedSetOfValuesAreCompleted(t *testing.T) {
	asked := 0
	eachCommand(t, func(t *testing.T, c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			kind, _ := pflag.UnquoteUsage(f)
			if _, listed := completions[f.Name]; kind == "" || f.Name == "env" || !listed && slices.Contains(freeValues, kind) {
				return // it is on or off, any macro, or free
			}
			asked++
			words := append(strings.Fields(c.CommandPath())[1:], "--"+f.Name, "")
			if len(complete(t, words...)) == 0 {
				t.Errorf("--%s %s: the shell is offered nothing; add it to completions, or its kind of value to the test", f.Name, kind)
			}
		})
	})
	if asked < 15 {
		t.Errorf("only %d flags were asked", asked)
	}
}

func TestCompletionsFollowTheModel(t *testing.T) {
	tests := []struct {
		words       []string
		with, lacks string
	}{
		{[]string{"run", "--model", ""}, "SPA2102", "spa2102"},
		{[]string{"run", "--model", "spa21"}, "SPA2102", "SPA942"},
		{[]string{"run", "--model", "SPA2102", "--firmware", ""}, "5.2.10", "7.5.5"},
		{[]string{"run", "--model", "SPA2102", "--set", "profile_rule"}, "Profile_Rule=", "GPP_A="},
		{[]string{"run", "--until", ""}, "provisioned", ""},
		{[]string{"run", "--until", "sec"}, "SEC-PRV-2", "provisioned"},
		{[]string{"run", "--clock", ""}, "mixed", ""},
		{[]string{"run", "--switch", "ca_table"}, "ca_table=field", ""},
		{[]string{"run", ""}, "retail", ""},
		{[]string{"scenarios", "show", "ret"}, "retail", "demo"},
		{[]string{"scenarios", "validate", "demo", "w4"}, "w4-reboot-storm", "demo"},
		{[]string{"scenarios", "new", "--model", "spa21"}, "SPA2102", "SPA942"},
		{[]string{"demo", "--models", "pap"}, "PAP2T", "SPA942"},
		{[]string{"models", "show", "SPA504G", "--firmware", "7.5"}, "7.5.5", "5.2.10"},
	}
	for _, tt := range tests {
		offers := complete(t, tt.words...)
		if !slices.Contains(offers, tt.with) || tt.lacks != "" && slices.Contains(offers, tt.lacks) {
			t.Errorf("%q: %q, want %s and not %s", tt.words, offers, tt.with, tt.lacks)
		}
	}
}

// What is offered for --switch is taken.
func TestOfferedSwitchesAreTaken(t *testing.T) {
	for _, offer := range complete(t, "run", "--model", "SPA942", "--switch", "") {
		name, value, _ := strings.Cut(offer, "=")
		if value == "" {
			continue
		}
		if _, err := model.NewRow("SPA942", "", map[string]string{name: value}); err != nil {
			t.Error(err)
		}
	}
}

func TestMixes(t *testing.T) {
	tests := map[string]string{ // what is read; an error begins with !
		"SPA2102,PAP2T":             "SPA2102 50 PAP2T 50",
		"SPA2102=75%,PAP2T=25%":     "SPA2102 75 PAP2T 25",
		"SPA2102=60%,PAP2T,SPA942":  "SPA2102 60 PAP2T 20 SPA942 20",
		"SPA2102 5.2.10=75%, PAP2T": "SPA2102 75 PAP2T 25",
		"SPA2102=75%,PAP2T=50%":     "!the shares of SPA2102=75%,PAP2T=50% add up to 125 %, not to 100 %",
		"SPA2102=75%":               "!the shares of SPA2102=75% add up to 75 %, not to 100 %",
		"SPA2102=100%,PAP2T":        "!the shares of SPA2102=100%,PAP2T leave nothing for the models without one",
		"SPA2102=3,PAP2T":           "!SPA2102=3: a share is a percentage above 0, such as SPA2102=75%",
		"SPA2102,":                  "!",
	}
	for text, want := range tests {
		var got strings.Builder
		mix, err := readMix(text)
		if err != nil {
			got.WriteString("!" + err.Error())
		}
		for _, s := range mix {
			got.WriteString(" " + s.Model + " " + rateText(s.Percent))
		}
		if s := strings.TrimSpace(got.String()); s != want && (want != "!" || !strings.HasPrefix(s, "!")) {
			t.Errorf("%s: %s, want %s", text, s, want)
		}
	}
}
