package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spafleet/certs"
	"spafleet/device/model"
	"spafleet/device/profilecheck"
	"spafleet/fleet"
	"spafleet/fsm"
	"spafleet/resync/fetch"
	"spafleet/scenarios"
)

// completions are the values that the shell offers for flags with a closed set of
// values, by the flag's name, in all commands.
var completions = map[string]func(c *cobra.Command, args []string) []string{
	"model":          func(*cobra.Command, []string) []string { return modelNames() },
	"models":         func(*cobra.Command, []string) []string { return modelNames() },
	"firmware":       firmwaresOf,
	"version":        firmwaresOf, // of 'firmware make'
	"family":         func(*cobra.Command, []string) []string { return families() },
	"until":          func(*cobra.Command, []string) []string { return goals() },
	"fail-on":        values("failures", "unknown-params", "rejected-params", "partial-files", "lateness"),
	"ignore":         values(strings.Split(joined(profilecheck.Kinds()), ", ")...),
	"set":            parametersOf,
	"switch":         switchesOf,
	"evidence":       values("all", "field"),
	"clock":          func(*cobra.Command, []string) []string { return clockNames() },
	"tftp-client":    values("own", "pin"),
	"proxy-protocol": values(fetch.ProxyProtocols...),
	"web-side":       values("lan", "wan"),
	"ca-table":       values("field", "documented"),
	"hash":           values(hashNames...),
	"progress":       values(progressForms...),
	"only":           func(*cobra.Command, []string) []string { return probeNames(true) },
	"experiment":     func(*cobra.Command, []string) []string { return probeNames(false) },
	"ca":             func(*cobra.Command, []string) []string { return authorities() },
}

func values(list ...string) func(*cobra.Command, []string) []string {
	return func(*cobra.Command, []string) []string { return list }
}

// completeFlags registers the completions for the flags of a command and of those
// below it.
func completeFlags(c *cobra.Command) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		list, ok := completions[f.Name]
		if !ok {
			return
		}
		_ = c.RegisterFlagCompletionFunc(f.Name, func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			offers, directive := begun(list(c, args), word), cobra.ShellCompDirectiveNoFileComp
			for _, o := range offers {
				if strings.HasSuffix(o, "=") {
					directive |= cobra.ShellCompDirectiveNoSpace // a value follows
				}
			}
			return offers, directive
		})
	})
	for _, sub := range c.Commands() {
		completeFlags(sub)
	}
}

// begun returns the values that begin with a word, in any case of letters.
func begun(list []string, word string) []string {
	var offers []string
	for _, v := range list {
		if len(v) >= len(word) && strings.EqualFold(v[:len(word)], word) {
			offers = append(offers, v)
		}
	}
	return offers
}

func modelNames() []string {
	var names []string
	for m := range model.All() {
		names = append(names, m.Name)
	}
	return names
}

func completeModels(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return begun(modelNames(), word), cobra.ShellCompDirectiveNoFileComp
}

// completeScenarios offers the scenarios of the program, and files.
func completeScenarios(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return begun(builtinNames(), word), cobra.ShellCompDirectiveDefault
}

// named returns the models that a command line names so far: by --model, or as the
// argument of 'models show'.
func named(c *cobra.Command, args []string) []*model.Model {
	text := ""
	if f := c.Flags().Lookup("model"); f != nil {
		text = f.Value.String()
	} else if len(args) == 1 {
		text = args[0]
	}
	var list []*model.Model
	for _, word := range strings.Split(text, ",") {
		name, _, _ := strings.Cut(word, "=")
		name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
		if m, err := model.FindModel(name); err == nil {
			list = append(list, m)
		}
	}
	return list
}

// rows returns the rows of the models that a command line names, or of all models
// at their newest firmware.
func rows(c *cobra.Command, args []string) []*model.Row {
	firmware := ""
	if f := c.Flags().Lookup("firmware"); f != nil {
		firmware = f.Value.String()
	}
	list := named(c, args)
	if len(list) == 0 {
		firmware = ""
		for m := range model.All() {
			list = append(list, m)
		}
	}
	var all []*model.Row
	for _, m := range list {
		if row, err := model.NewRow(m.Name, firmware, nil); err == nil {
			all = append(all, row)
		}
	}
	return all
}

func firmwaresOf(c *cobra.Command, args []string) []string {
	list := named(c, args)
	if len(list) == 0 {
		for m := range model.All() {
			list = append(list, m)
		}
	}
	return distinct(list, func(m *model.Model) []string {
		var versions []string
		for _, f := range m.Firmwares {
			versions = append(versions, f.Version)
		}
		return versions
	})
}

func parametersOf(c *cobra.Command, args []string) []string {
	return distinct(rows(c, args), func(r *model.Row) []string {
		var texts []string
		for _, name := range r.ParameterNames() {
			texts = append(texts, name+"=")
		}
		return texts
	})
}

func switchesOf(c *cobra.Command, args []string) []string {
	return distinct(rows(c, args), func(r *model.Row) []string {
		var texts []string
		for _, s := range r.Switches {
			texts = append(texts, assignments(s)...)
		}
		return texts
	})
}

// assignments are NAME=VALUE for each choice of a switch that is a value, and NAME=
// where a choice is described, as "a duration" is.
func assignments(s model.Setting) []string {
	var texts []string
	form := s.Form()
	for _, choice := range form.Words {
		texts = append(texts, s.Name+"="+choice)
	}
	if form.Pattern != "" {
		texts = append(texts, s.Name+"=")
	}
	return texts
}

// distinct gathers texts, each once, in the order in which they come.
func distinct[T any](list []T, texts func(T) []string) []string {
	var all []string
	seen := map[string]bool{}
	for _, v := range list {
		for _, text := range texts(v) {
			if !seen[text] {
				seen[text] = true
				all = append(all, text)
			}
		}
	}
	return all
}

func goals() []string {
	list := []string{scenarios.Provisioned}
	for _, s := range fsm.States() {
		list = append(list, s.String())
	}
	return list
}

func clockNames() []string {
	return []string{fleet.Real.String(), fleet.Virtual.String(), fleet.Mixed.String()}
}

func authorities() []string {
	var names []string
	for _, n := range certs.Authorities() {
		names = append(names, string(n))
	}
	return names
}
