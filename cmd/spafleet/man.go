package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/host"
)

// manCommand writes the man pages of the packages. It is hidden: -h says the same.
func manCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the man pages of all commands into a folder",
		Example: `  spafleet man ~/.local/share/man/man1`,
		Args:    cobra.ExactArgs(1),
		Hidden:  true,
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := os.MkdirAll(args[0], 0o755); err != nil {
			return err
		}
		return writeManPages(c.Root(), args[0], thisVersion())
	}
	return c
}

// writeManPages writes the page of a command and those of the commands below it.
func writeManPages(c *cobra.Command, dir string, v version) error {
	if err := host.WriteFile(filepath.Join(dir, manName(c)+".1"), []byte(manPage(c, v)), 0o644); err != nil {
		return err
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			if err := writeManPages(sub, dir, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// manName is what 'man' is asked for.
func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage is a command's help in the macros of man(7). Its date is that of the commit, so
// that the same sources have the same page.
func manPage(c *cobra.Command, v version) string {
	c.InitDefaultHelpFlag()
	var b strings.Builder
	day, _, _ := strings.Cut(v.Time, "T")
	fmt.Fprintf(&b, ".TH %s 1 %q %q \"Virtual SPA devices\"\n.nh\n.ad l\n", roff(strings.ToUpper(manName(c))), day, roff("spafleet "+v.Version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", roff(manName(c)), roff(c.Short))
	if c.Runnable() && !c.HasSubCommands() {
		fmt.Fprintf(&b, ".B %s\n", roff(c.UseLine()))
	} else {
		fmt.Fprintf(&b, ".B %s\n.I COMMAND\n", roff(c.CommandPath()))
	}
	b.WriteString(".SH DESCRIPTION\n")
	manText(&b, description(c))
	manFlags(&b, c)
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n")
		manText(&b, c.Example)
	}
	manSeeAlso(&b, c)
	return b.String()
}

// manText writes paragraphs. Lines that are indented stay as they are.
func manText(b *strings.Builder, text string) {
	as := ""
	for line := range strings.SplitSeq(text, "\n") {
		switch indented := strings.HasPrefix(line, " "); {
		case line == "":
			if as == "fixed" {
				b.WriteString(".fi\n")
			}
			if as != "" {
				b.WriteString(".PP\n")
			}
			as = ""
			continue
		case indented && as != "fixed":
			b.WriteString(".nf\n")
			as = "fixed"
		case !indented && as == "fixed":
			b.WriteString(".fi\n.PP\n")
			as = "filled"
		case as == "":
			as = "filled"
		}
		fmt.Fprintf(b, "%s\n", roff(line))
	}
	if as == "fixed" {
		b.WriteString(".fi\n")
	}
}

// manFlags writes the groups of flags that -h shows.
func manFlags(b *strings.Builder, c *cobra.Command) {
	title := ".SH OPTIONS\n"
	groups := groupsOf(c)
	for _, g := range groups {
		if len(groups) > 1 {
			title += fmt.Sprintf(".SS %s\n", roff(g.title))
		}
		for _, name := range g.names {
			f := c.Flags().Lookup(name)
			if f == nil || f.Hidden {
				continue
			}
			kind, text := flagText(f)
			head := `\fB` + roff("--"+f.Name) + `\fR`
			if f.Shorthand != "" {
				head = `\fB` + roff("-"+f.Shorthand) + `\fR, ` + head
			}
			if kind != "" {
				head += ` \fI` + roff(kind) + `\fR`
			}
			fmt.Fprintf(b, "%s.TP\n%s\n%s\n", title, head, roff(text))
			title = ""
		}
	}
}

// manSeeAlso names the command above and those below.
func manSeeAlso(b *strings.Builder, c *cobra.Command) {
	var near []string
	if c.HasParent() {
		near = append(near, manName(c.Parent()))
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			near = append(near, manName(sub))
		}
	}
	b.WriteString(".SH SEE ALSO\n")
	for i, name := range near {
		end := ","
		if i == len(near)-1 {
			end = ""
		}
		fmt.Fprintf(b, ".BR %s (1)%s\n", roff(name), end)
	}
}

// roff escapes a line of text.
func roff(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "\n", " ").Replace(line)
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}
