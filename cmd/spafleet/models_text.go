package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"spafleet/certs/trust"
	"spafleet/device/model"
)

func writeModels(w io.Writer, reports []modelReport) {
	rows := [][]string{{"MODEL", "FAMILY", "LINES", "NEWEST", "FIRMWARES", "FIRST REQUEST", "EVIDENCE"}}
	for _, r := range reports {
		rows = append(rows, []string{r.Model, r.Family, linesOf(r), firmwareText(r.Firmware), strconv.Itoa(len(r.Firmwares)),
			r.Example.FirstRequest, evidenceText(r.Evidence)})
	}
	writeTable(w, "", rows)
	fmt.Fprintf(w, `
%d models. FIRST REQUEST is what a factory-new device asks its TFTP server for.
EVIDENCE counts the facts of a model: d documented, f field (seen on real devices),
i inferred. 'spafleet models show NAME' shows them.
`, len(reports))
}

func linesOf(r modelReport) string {
	if r.FXO > 0 {
		return fmt.Sprintf("%d + %d FXO", r.Lines, r.FXO)
	}
	return strconv.Itoa(r.Lines)
}

// firmwareText marks a version that was only inferred.
func firmwareText(f model.Firmware) string {
	if f.Evidence == model.Inferred {
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
	if r.Assumption != "" {
		fmt.Fprintf(&b, "%s\n\n", r.Assumption)
	}
	writeTable(&b, "  ", [][]string{
		{"family", r.Family + sidesOf(r)},
		{"firmware generation", fmt.Sprintf("%d of 4", r.Generation)},
		{"lines", linesOf(r)},
		{"parameters", strconv.Itoa(r.Parameters)},
		{"profile limit", fmt.Sprintf("%d bytes (%s; switch profile_limit)", r.ProfileLimit, r.FileLimit.Evidence)},
		{"TLS profile", r.TLS},
	})
	fmt.Fprintf(&b, "\nprofile limit: %s\n", limitText(r.FileLimit))
	writeFacts(&b, r.Facts)
	writeHTTPS(&b, r.HTTPS)
	writeExample(&b, r.Example)
	writeFirmwares(&b, r)
	writeSwitches(&b, r.Switches)
	io.WriteString(w, b.String())
}

// limitText says what a model's profile limit rests on.
func limitText(l model.FileLimit) string {
	switch {
	case l.Refused > 0:
		return fmt.Sprintf("between %d and %d bytes: %s", l.Served, l.Refused, l.Source)
	case l.Served > 0:
		return fmt.Sprintf("not below %d bytes: %s", l.Served, l.Source)
	}
	return l.Source
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

// writeHTTPS prints the profile of the HTTPS client. A name that stands in the
// line above already is not said again.
func writeHTTPS(b *strings.Builder, p *trust.Profile) {
	b.WriteString("\nHTTPS\n")
	rows := [][]string{{"WHAT", "VALUE", "EVIDENCE", "SWITCH", "SOURCE"}}
	before := ""
	for _, l := range p.Lines {
		name := l.Name
		if name == before {
			name = ""
		}
		before = l.Name
		rows = append(rows, []string{name, l.Value, l.Evidence.String(), cmp.Or(l.Switch, "-"), l.Source})
	}
	writeTable(b, "  ", rows)
}

func writeExample(b *strings.Builder, e exampleDevice) {
	fmt.Fprintf(b, "\nexample: seed %d, device %d\n", e.Seed, e.Index)
	writeTable(b, "  ", [][]string{
		{"MAC address", e.MAC},
		{"serial number", e.Serial},
		{"User-Agent", e.UserAgent},
		{"first request", e.FirstRequest + " from the TFTP server of option 66"},
	})
}

func writeFirmwares(b *strings.Builder, r modelReport) {
	b.WriteString("\nfirmware versions\n")
	for _, e := range []model.Evidence{model.Documented, model.Field, model.Image, model.Inferred} {
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
		b.WriteString("  none known: each version installs over every other\n")
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

func writeSwitches(b *strings.Builder, switches []model.Setting) {
	b.WriteString("\nswitches: change one with 'spafleet run --switch NAME=VALUE'\n")
	rows := [][]string{{"NAME", "VALUE", "EVIDENCE", "CHOICES", "MEANING"}}
	images := false
	for _, s := range switches {
		evidence := s.Evidence.String()
		if s.WithoutImages != "" {
			images = true
			evidence += ", else " + s.WithoutImages
		}
		rows = append(rows, []string{s.Name, s.Value, evidence, s.Choices, s.Meaning})
	}
	writeTable(b, "  ", rows)
	if images {
		b.WriteString(`
image: read in a published image of SPA30x/50x 7.5.2b or 7.6.2f, sure for that version
alone; what is inferred from it for others has an "else" too: the value that holds
without images, as with --evidence field.
`)
	}
}
