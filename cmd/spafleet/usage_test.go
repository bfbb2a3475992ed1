package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spafleet/host/lines"
)

// eachCommand calls f for every command of the program but cobra's own.
func eachCommand(t *testing.T, f func(*testing.T, *cobra.Command)) {
	t.Helper()
	root := rootCommand(streams{strings.NewReader(""), io.Discard, io.Discard})
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		t.Run(strings.ReplaceAll(c.CommandPath(), " ", "_"), func(t *testing.T) { f(t, c) })
		for _, sub := range c.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				visit(sub)
			}
		}
	}
	visit(root)
}

// helpOf is what -h prints.
func helpOf(t *testing.T, c *cobra.Command) string {
	t.Helper()
	var out bytes.Buffer
	args := append(strings.Fields(c.CommandPath())[1:], "-h")
	if code := execute(t.Context(), args, streams{strings.NewReader(""), &out, io.Discard}); code != exitOK {
		t.Fatalf("%s: exit code %d", strings.Join(args, " "), code)
	}
	return out.String()
}

func TestHelpFitsATerminalAndHasExamples(t *testing.T) {
	eachCommand(t, func(t *testing.T, c *cobra.Command) {
		help := helpOf(t, c)
		for _, line := range strings.Split(help, "\n") {
			if n := len([]rune(line)); n > lines.Width {
				t.Errorf("%d columns: %s", n, line)
			}
		}
		if !strings.Contains(help, "\nExamples:\n  ") {
			t.Error("no examples")
		}
		if strings.HasSuffix(c.Short, ".") {
			t.Errorf("the short text ends with a full stop: %s", c.Short)
		}
	})
}

// Every flag of a command is shown once, under a title.
func TestHelpShowsEveryFlagOnce(t *testing.T) {
	eachCommand(t, func(t *testing.T, c *cobra.Command) {
		help := helpOf(t, c)
		_, help, _ = strings.Cut(help, "\n\n"+groupsOf(c)[0].title+":\n")
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			shown := 0
			for _, line := range strings.Split(help, "\n") {
				text := strings.TrimPrefix(strings.TrimPrefix(line, "  "), "-"+f.Shorthand+", ")
				if text == "--"+f.Name || strings.HasPrefix(text, "--"+f.Name+" ") {
					shown++
				}
			}
			if want := 1; f.Hidden && shown != 0 || !f.Hidden && shown != want {
				t.Errorf("--%s is shown %d times", f.Name, shown)
			}
		})
	})
}
