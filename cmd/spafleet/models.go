package main

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/device"
	"spafleet/resync/rule"
)

func modelsCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "models",
		Short: "Show the emulated models, their firmware, and how sure each fact is",
		Long: `Shows what is emulated. Every fact has its evidence:

  documented  a document of the maker says so
  field       seen in a dump, a capture, a log or a repository
  inferred    our deduction, emulated but not proven`,
		Example: `  spafleet models list
  spafleet models show SPA2102 --firmware 5.2.10`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(modelsListCommand(s), modelsShowCommand(s))
	return c
}

func modelsListCommand(s streams) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "list",
		Short: "List all models",
		Long: `Lists all models, each at the newest firmware that was seen, with the path that
a unit fresh from the factory asks the TFTP server of its lease for.`,
		Example: `  spafleet models list
  spafleet models list --json | jq -r '.[] | select(.lines > 2) | .model'`,
		Args: noArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	c.RunE = func(*cobra.Command, []string) error {
		reports, err := allModels()
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(s.out, reports)
		}
		writeModels(s.out, reports)
		return nil
	}
	return c
}

func modelsShowCommand(s streams) *cobra.Command {
	asJSON, firmware := false, ""
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show everything that is known of a model",
		Long: `Shows every fact of a model at one firmware with its evidence, how an example
device looks to a server, and the firmware's switches: what is uncertain about
it, or differs between firmwares, and can be turned with --switch.`,
		Example: `  spafleet models show SPA2102
  spafleet models show SPA504G --firmware 7.5.5
  spafleet models show PAP2T --json | jq '.switches[] | select(.evidence == "inferred")'`,
		ValidArgsFunction: completeModels,
	}
	c.Flags().StringVar(&firmware, "firmware", "", "firmware version (the newest seen)")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	_ = c.RegisterFlagCompletionFunc("firmware", completeFirmware)
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("models show takes the name of one model, such as SPA2102; 'spafleet models list' shows all")
		}
		return nil
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		row, err := device.NewRow(args[0], firmware, nil)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(s.out, newModelReport(row))
		}
		writeModel(s.out, newModelReport(row))
		return nil
	}
	return c
}

func completeModels(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for i := range device.Models {
		names = append(names, device.Models[i].Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func completeFirmware(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var versions []string
	if len(args) == 1 {
		if m, err := device.FindModel(args[0]); err == nil {
			for _, f := range m.Firmwares {
				versions = append(versions, f.Version)
			}
		}
	}
	return versions, cobra.ShellCompDirectiveNoFileComp
}

// A modelReport is a row of the model table for people and programs.
type modelReport struct {
	Model        string              `json:"model"`
	Family       string              `json:"family"`
	Generation   int                 `json:"generation"`
	Lines        int                 `json:"lines"`
	FXO          int                 `json:"fxo_ports"`
	Router       bool                `json:"router"`
	Phone        bool                `json:"phone"`
	Parameters   int                 `json:"parameters"`
	ProfileLimit int                 `json:"profile_limit_bytes"`
	TLS          string              `json:"tls_profile"`
	Firmware     device.Firmware     `json:"firmware"`
	Evidence     map[string]int      `json:"evidence"` // how many of the facts
	Facts        []namedFact         `json:"facts"`
	Example      exampleDevice       `json:"example"`
	Firmwares    []device.Firmware   `json:"firmwares"`
	Constraints  []device.Constraint `json:"staged_upgrades,omitempty"`
	Switches     []device.Setting    `json:"switches"`
}

// A namedFact has the evidence "unknown" where nothing is known.
type namedFact struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	Evidence string `json:"evidence"`
}

// An exampleDevice is the first device at the default seed.
type exampleDevice struct {
	Seed         uint64       `json:"seed"`
	Index        device.Index `json:"index"`
	MAC          string       `json:"mac"`
	Serial       string       `json:"serial"`
	UserAgent    string       `json:"user_agent"`
	FirstRequest string       `json:"first_request"`
}

func newModelReport(row *device.Row) modelReport {
	m := row.Model
	r := modelReport{
		Model: m.Name, Family: m.Family.Name, Generation: row.Generation, Lines: m.Lines, FXO: m.FXO, Router: m.Family.Router, Phone: m.Family.Phone,
		Parameters: len(row.Factory.Params), ProfileLimit: row.Behaviour.ProfileLimit, TLS: m.Family.TLS, Firmware: row.Firmware,
		Evidence: map[string]int{}, Facts: factsOf(m), Example: newExample(row),
		Firmwares: m.Firmwares, Constraints: m.Constraints, Switches: row.Switches,
	}
	for _, f := range r.Facts {
		r.Evidence[f.Evidence]++
	}
	return r
}

func factsOf(m *device.Model) []namedFact {
	var facts []namedFact
	for _, f := range []struct {
		name string
		device.Fact
	}{
		{"product name, $PN", m.PN},
		{"short product name, $PSN", m.PSN},
		{"brand in the User-Agent", m.Brand},
		{"hardware version, $HWVER", m.HW},
		{"MAC address prefix", m.OUI},
		{"serial number prefix", m.SerialPrefix},
		{"factory Profile_Rule", m.DefaultRule},
		{"factory parameter set", m.Catalogue},
		{"DHCP vendor class, option 60", m.Option60},
		// What is known of a family is an inference for each of its models.
		{"DHCP host name, option 12", device.Fact{Value: m.Family.HostName.Value, Evidence: device.Inferred}},
		{"name of a firmware file", m.Image},
	} {
		evidence := f.Evidence.String()
		if f.Value == "" {
			evidence = "unknown"
		}
		facts = append(facts, namedFact{f.name, f.Value, evidence})
	}
	return facts
}

// exampleUnit is the first device of a fleet at the default seed.
func exampleUnit(row *device.Row) device.Unit {
	return row.Unit(1, 0, netip.AddrFrom4([4]byte{127, 64, 0, 1}))
}

func newExample(row *device.Row) exampleDevice {
	u := exampleUnit(row)
	return exampleDevice{
		Seed: 1, Index: u.Index, MAC: u.MAC.String(), Serial: u.Serial, UserAgent: u.UserAgent(),
		FirstRequest: expandFor(&u, row.Model.DefaultRule.Value),
	}
}

// expandFor replaces the macros of a text with what they are for a device fresh
// from the factory.
func expandFor(u *device.Unit, text string) string {
	return rule.Expand(text, device.Env{Unit: u, Params: u.Row.Factory.Reset()}, u.Row.Dialect())
}

func allModels() ([]modelReport, error) {
	var reports []modelReport
	for i := range device.Models {
		row, err := device.NewRow(device.Models[i].Name, "", nil)
		if err != nil {
			return nil, err
		}
		reports = append(reports, newModelReport(row))
	}
	return reports, nil
}

func writeModels(w io.Writer, reports []modelReport) {
	rows := [][]string{{"MODEL", "FAMILY", "LINES", "NEWEST SEEN", "FIRMWARES", "FIRST REQUEST", "EVIDENCE"}}
	for _, r := range reports {
		rows = append(rows, []string{r.Model, r.Family, linesOf(r), firmwareText(r.Firmware), strconv.Itoa(len(r.Firmwares)),
			r.Example.FirstRequest, evidenceText(r.Evidence)})
	}
	writeTable(w, "", rows)
	fmt.Fprintf(w, `
%d models. FIRST REQUEST is what a unit fresh from the factory asks the TFTP server
of its lease for. EVIDENCE counts the model's facts: d documented, f field (seen
on real devices), i inferred. 'spafleet models show NAME' shows them.
`, len(reports))
}

func linesOf(r modelReport) string {
	if r.FXO > 0 {
		return fmt.Sprintf("%d + %d FXO", r.Lines, r.FXO)
	}
	return strconv.Itoa(r.Lines)
}

// firmwareText marks a version that nobody saw.
func firmwareText(f device.Firmware) string {
	if f.Evidence == device.Inferred {
		return f.Version + " (inferred)"
	}
	return f.Version
}

func evidenceText(count map[string]int) string {
	return fmt.Sprintf("%dd %2df %2di", count["documented"], count["field"], count["inferred"])
}

func writeModel(w io.Writer, r modelReport) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, firmware %s (%s)\n\n", r.Model, r.Firmware.Version, r.Firmware.Evidence)
	writeTable(&b, "  ", [][]string{
		{"family", r.Family + sidesOf(r)},
		{"firmware generation", fmt.Sprintf("%d of 4", r.Generation)},
		{"lines", linesOf(r)},
		{"parameters", strconv.Itoa(r.Parameters)},
		{"profile limit", fmt.Sprintf("%d bytes", r.ProfileLimit)},
		{"TLS profile", r.TLS},
	})
	writeFacts(&b, r.Facts)
	writeExample(&b, r.Example)
	writeFirmwares(&b, r)
	writeSwitches(&b, r.Switches)
	io.WriteString(w, b.String())
}

func sidesOf(r modelReport) string {
	switch {
	case r.Router:
		return " (a router: LAN and WAN side)"
	case r.Phone:
		return " (a phone: display and keypad)"
	}
	return ""
}

func writeFacts(b *strings.Builder, facts []namedFact) {
	b.WriteString("\nfacts\n")
	var rows [][]string
	for _, f := range facts {
		value := f.Value
		if value == "" {
			value = "-"
		}
		rows = append(rows, []string{f.Name, value, f.Evidence})
	}
	writeTable(b, "  ", rows)
}

func writeExample(b *strings.Builder, e exampleDevice) {
	fmt.Fprintf(b, "\nan example: seed %d, device %d\n", e.Seed, e.Index)
	writeTable(b, "  ", [][]string{
		{"MAC address", e.MAC},
		{"serial number", e.Serial},
		{"User-Agent", e.UserAgent},
		{"first request", e.FirstRequest + " from the TFTP server of its lease"},
	})
}

func writeFirmwares(b *strings.Builder, r modelReport) {
	b.WriteString("\nfirmware versions\n")
	for _, e := range []device.Evidence{device.Documented, device.Field, device.Inferred} {
		var versions []string
		for _, f := range r.Firmwares {
			if f.Evidence == e {
				versions = append(versions, f.Version)
			}
		}
		writeWrapped(b, e.String(), versions)
	}
	b.WriteString("\nstaged upgrades\n")
	if len(r.Constraints) == 0 {
		b.WriteString("  none known: each version installs over any other\n")
	}
	for _, c := range r.Constraints {
		fmt.Fprintf(b, "  %s and later install only over %s or later (%s)\n", c.From, c.Needs, c.Evidence)
	}
}

// writeWrapped prints words behind a title, about 90 columns wide.
func writeWrapped(b *strings.Builder, title string, words []string) {
	line := ""
	for i, word := range words {
		line += " " + word
		if len(line) > 70 || i == len(words)-1 {
			fmt.Fprintf(b, "  %-10s %s\n", title, line)
			line, title = "", ""
		}
	}
}

func writeSwitches(b *strings.Builder, switches []device.Setting) {
	b.WriteString("\nswitches: turn them with 'spafleet run --switch NAME=VALUE'\n")
	rows := [][]string{{"NAME", "VALUE", "EVIDENCE", "CHOICES", "MEANING"}}
	for _, s := range switches {
		rows = append(rows, []string{s.Name, s.Value, s.Evidence.String(), s.Choices, s.Meaning})
	}
	writeTable(b, "  ", rows)
}
