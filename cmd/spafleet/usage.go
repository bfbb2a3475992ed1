package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spafleet/host/lines"
)

// usageColumn is where the text of a flag begins.
const usageColumn = 27

// A flagGroup is a part of a command's flags under a title of its own.
type flagGroup struct {
	title string
	names []string
}

// fleetGroups are the flags of 'run' and 'device'. A command shows those that it
// has; a flag of no group is a test failure.
var fleetGroups = []flagGroup{
	{"Fleet", []string{"model", "firmware", "count", "devices", "mac", "serial", "index", "with", "set", "switch", "switches", "evidence", "profile-rule", "seed", "addresses", "listen-web", "web-side", "sip", "sip-port", "state", "state-every"}},
	{"Server", []string{"tftp-server", "lease", "dhcp", "proxy-protocol", "forwarded-for", "tftp-client", "dns", "syslog", "decoder", "sidecar"}},
	{"Time", []string{"duration", "until", "timeout", "fail-on", "rate", "clock", "virtual", "speed", "max-lateness", "start-at", "repeat", "until-failure"}},
	{"Search", []string{"from", "max-rate", "each", "threshold"}},
	{"Output", []string{"plan", "progress", "json", "html", "junit", "events", "pcap", "keylog", "of", "access-log", "devices-out", "bundles", "most-bundles", "why", "metrics", "linger", "console", "console-tls", "console-insecure", "console-token-file", "help"}},
	{"Safety", []string{"allow-public", "i-operate-this-server", "allow-commands", "preflight"}},
	{"TLS", []string{"certs", "trust", "ca-table", "client-certs", "client-certs-pass", "key-pool", "unique-keys", "keep-certs"}},
	{"Many machines", []string{"shard-index", "shard-count", "run", "attempt", "result", "result-url"}},
}

// groupsOf are the groups of a command; one of all flags for most.
func groupsOf(c *cobra.Command) []flagGroup {
	if c.Name() == "run" || c.Name() == "capacity" || c.Name() == "device" && !c.Parent().HasParent() {
		return fleetGroups
	}
	var names []string
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return []flagGroup{{"Flags", names}}
}

// writeUsage prints what follows a command's description: how it is called,
// examples, subcommands, flags.
func writeUsage(c *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if c.Runnable() && !c.HasSubCommands() {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n", c.CommandPath())
	}
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		width := 10
		for _, sub := range c.Commands() {
			width = max(width, len(sub.Name()))
		}
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s %s\n", width, sub.Name(), sub.Short)
			}
		}
	}
	for _, g := range groupsOf(c) {
		writeFlags(&b, c, g)
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n'%s COMMAND -h' shows the flags and examples of a command.\n", c.CommandPath())
	}
	_, err := io.WriteString(c.OutOrStderr(), b.String())
	return err
}

func writeFlags(b *strings.Builder, c *cobra.Command, g flagGroup) {
	title := "\n" + g.title + ":\n"
	for _, name := range g.names {
		f := c.Flags().Lookup(name)
		if f == nil || f.Hidden {
			continue
		}
		b.WriteString(title)
		title = ""
		writeFlag(b, f)
	}
}

// writeFlag prints a flag, and its text wrapped beside it.
func writeFlag(b *strings.Builder, f *pflag.Flag) {
	kind, text := flagText(f)
	head := "  --" + f.Name
	if f.Shorthand != "" {
		head = "  -" + f.Shorthand + ", --" + f.Name
	}
	if kind != "" {
		head += " " + kind
	}
	if len(head)+2 > usageColumn {
		fmt.Fprintf(b, "%s\n", head)
		head = ""
	}
	for _, line := range lines.Wrap(text, lines.Width-usageColumn) {
		fmt.Fprintf(b, "%-*s%s\n", usageColumn, head, line)
		head = ""
	}
}

// flagText is what a flag takes, empty where it is on or off, and its text with its default.
func flagText(f *pflag.Flag) (kind, text string) {
	kind, text = pflag.UnquoteUsage(f)
	switch f.DefValue {
	case "", "0", "false", "[]":
	default:
		text += " (default " + f.DefValue + ")"
	}
	return kind, text
}

// writeHelp prints a command's description and its usage.
func writeHelp(c *cobra.Command, _ []string) {
	fmt.Fprintf(c.OutOrStdout(), "%s\n\n", wrapParagraphs(description(c)))
	_ = c.Usage() // a closed pipe is nobody's trouble
}

func description(c *cobra.Command) string {
	if c.Long == "" {
		return c.Short + "."
	}
	return c.Long
}

// wrapParagraphs breaks the lines of a text that begin at the margin; indented
// ones stay.
func wrapParagraphs(text string) string {
	var out, paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			out = append(out, lines.Wrap(strings.Join(paragraph, " "), lines.Width)...)
			paragraph = nil
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if line != "" && line[0] != ' ' {
			paragraph = append(paragraph, line)
			continue
		}
		end()
		out = append(out, line)
	}
	end()
	return strings.Join(out, "\n")
}
