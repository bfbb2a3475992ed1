package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"spafleet/host/golden"
	"spafleet/scenarios"
)

const bugsHead = `# Bugs of the field

Each row is a scenario that comes with the program: ` + "`spafleet run NAME`" + ` shows the bug on every affected device, on no other one,
and on none with each cure. A test prints this page from ` + "`scenarios/bugs`" + `; others run all files, and turn each cause to what
the unaffected devices have, by which the bug must go.

*Source* names sections of the project's notes on firmware (tls.md, provisioning.md, surface-2.md) and reports. *How sure* is about
the bug in real devices: documented, field, image or inferred, see [models.md](models.md). A
switch behind a model is one that the file turns: what some of its units have, or what a firmware might do and is not known to. *Cause* is a switch of the firmware,
` + "`model`" + ` (what a model or firmware is) or ` + "`set`" + ` (what the devices are set to). *Proof* is true when a device shows the bug: it has
only what an operator sees.

`

const omittedHead = `
## Not here

What the notes have besides, and why there is no file. K numbers are those of [quirks.md](quirks.md) and of the table before
it, TLS numbers those of the list of HTTPS bugs; what has no number stands in a section of the notes.

| # | what is seen | why there is no file |
|---|---|---|
`

// What the notes count: bugs of HTTPS and quirks.
const (
	lastTLSBug = 29
	lastQuirk  = 67
)

var (
	tlsBug = regexp.MustCompile(`tls\.md 3\.3 number (\d+)`)
	quirk  = regexp.MustCompile(`\bK\d+\b`)
	// What has no number stands in a section of the notes, or was reported in public.
	section = regexp.MustCompile(`\.md (Q?\d|\d\.\d)|(pull request|issue) \d`)
)

// numbersOf returns the numbers of the notes that a source names.
func numbersOf(source []string) []string {
	text := strings.Join(source, ", ")
	numbers := quirk.FindAllString(text, -1)
	for _, m := range tlsBug.FindAllStringSubmatch(text, -1) {
		numbers = append(numbers, "TLS "+m[1])
	}
	return numbers
}

func TestPagesListTheBugs(t *testing.T) {
	told, sections := map[string]bool{}, 0
	var page strings.Builder
	page.WriteString(bugsHead + "| name | source | how sure | models and firmware | symptom | cures | cause | proof |\n|---|---|---|---|---|---|---|---|\n")
	for _, name := range scenarios.BugNames() {
		s, err := scenarios.Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		numbers := numbersOf(s.Bug.Source)
		if len(numbers) == 0 && !section.MatchString(strings.Join(s.Bug.Source, ", ")) {
			t.Errorf("%s: neither a number nor a section of the notes nor a public report in %q", name, s.Bug.Source)
		}
		for _, n := range numbers {
			told[n] = true
		}
		page.WriteString(bugRow(s))
	}
	page.WriteString(omittedHead)
	root := filepath.Join("..", "..")
	omitted, err := os.ReadFile(filepath.Join(root, "scenarios", "bugs", "omitted.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(omitted)) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		name := cells[0]
		numbered := strings.HasPrefix(name, "TLS ") || quirk.FindString(name) == name
		if !numbered {
			name = strings.Join(cells[:min(2, len(cells))], ": ")
		}
		if len(cells) != 3 || told[name] || !numbered && !section.MatchString(cells[0]) {
			t.Errorf("%q: three cells of what has no file", line)
			continue
		}
		if strings.Contains(cells[2], "it needs") && !strings.Contains(cells[2], "Apache") {
			t.Errorf("%q: that something is missing yet is no reason", line)
		}
		if told[name] = true; !numbered {
			sections++
		}
		fmt.Fprintf(&page, "| %s |\n", strings.Join(cells, " | "))
	}
	golden.File(t, filepath.Join(root, "docs", "bugs.md"), []byte(page.String()))
	holdsAll(t, told, "TLS ", lastTLSBug)
	holdsAll(t, told, "K", lastQuirk)
	if len(told)-sections != lastTLSBug+lastQuirk {
		t.Errorf("%d numbers, of %d", len(told)-sections, lastTLSBug+lastQuirk)
	}
}

// holdsAll requires a file or a reason for each number up to the last.
func holdsAll(t *testing.T, told map[string]bool, prefix string, last int) {
	t.Helper()
	for n := 1; n <= last; n++ {
		if name := prefix + strconv.Itoa(n); !told[name] {
			t.Errorf("%s has neither a file nor a reason", name)
		}
	}
}

func bugRow(s *scenarios.Scenario) string {
	b := s.Bug
	var units, cures []string
	for _, u := range affectedUnits(s) {
		units = append(units, u.text())
	}
	for i, c := range b.Cures {
		cures = append(cures, fmt.Sprintf("%d. %s", i+1, c.How))
	}
	var traits []string
	for _, trait := range b.Trait {
		traits = append(traits, "`"+trait+"`")
	}
	cells := []string{"[" + s.Name + "](../scenarios/bugs/" + s.Name + ".yaml)", strings.Join(b.Source, ", "), b.Evidence, strings.Join(units, ", "), b.Symptom, strings.Join(cures, " "), strings.Join(traits, " "), "`" + strings.Join(strings.Fields(b.Shows), " ") + "`"}
	for i := range cells {
		cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}
