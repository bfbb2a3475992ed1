package ivr

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"spafleet/device/model"
	"spafleet/host/golden"
)

// columns are the models that docs/ivr.md shows, one for each group that has options of
// its own.
var columns = []struct{ head, model string }{
	{"ATA", "PAP2T"}, {"router ATA", "SPA2102"}, {"SPA9000", "SPA9000"}, {"SPA1xx", "SPA122"}, {"SPA901", "SPA901"}, {"SPA301", "SPA301"}, {"SPA501G", "SPA501G"},
}

// byLetters are the codes that people dial as words.
var byLetters = map[string]string{"723646": "RADMIN", "732668": "REBOOT", "73738": "RESET", "877778": "USRRST"}

// docs/ivr.md has the codes of each family, and how sure each is (device-surface.md §3.1).
func TestThePageOfCodesIsTheTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n| code | what |")
	for _, c := range columns {
		fmt.Fprintf(&b, " %s |", c.head)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
	var codes []string
	for i := range items {
		if !slices.Contains(codes, items[i].Code) {
			codes = append(codes, items[i].Code)
		}
	}
	for _, code := range codes {
		b.WriteString(codeRow(t, code))
	}
	golden.Section(t, "../docs/ivr.md", "<!-- codes -->", "<!-- /codes -->", b.String())
}

// The switches of the menu, with what each is by model (device-surface.md §3.2).
func TestThePageOfSwitchesIsTheTable(t *testing.T) {
	text := map[string]string{}
	var names []string
	for _, c := range columns {
		row, err := model.NewRow(c.model, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range row.Switches {
			if !strings.HasPrefix(s.Name, "ivr_") && s.Name != "not_customized" {
				continue
			}
			if text[s.Name] == "" {
				names = append(names, s.Name)
				text[s.Name] = fmt.Sprintf("| `%s` | %s | %s |", s.Name, s.Choices, s.Meaning)
			}
			text[s.Name] += fmt.Sprintf(" %s (%s) |", s.Value, s.Evidence)
		}
	}
	var b strings.Builder
	b.WriteString("\n| switch | values | what |")
	for _, c := range columns {
		fmt.Fprintf(&b, " %s |", c.head)
	}
	b.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, name := range names {
		b.WriteString(text[name] + "\n")
	}
	golden.Section(t, "../docs/ivr.md", "<!-- switches -->", "<!-- /switches -->", b.String())
}

func codeRow(t *testing.T, code string) string {
	var whats, cells []string
	for _, c := range columns {
		m, err := model.FindModel(c.model)
		if err != nil {
			t.Fatal(err)
		}
		cell := "–"
		for i := range items {
			if it := &items[i]; it.Code == code && it.fits(m) {
				cell = it.Evidence.String()
				if what := verbs[it.does] + it.What; !slices.Contains(whats, what) {
					whats = append(whats, what)
				}
				break
			}
		}
		cells = append(cells, cell)
	}
	name := code
	if word := byLetters[code]; word != "" {
		name += " " + word
		if keypad(word) != code {
			t.Errorf("%s is dialled as %s", word, keypad(word))
		}
	}
	return fmt.Sprintf("| %s | %s | %s |\n", name, strings.Join(whats, "; "), strings.Join(cells, " | "))
}

var verbs = map[effect]string{speaks: "speaks: ", sets: "sets: "}

// Every code has a script of its own, with that which sets what it speaks (device-surface.md
// §3.1; surface-2.md §3).
func TestEachCodeHasAScript(t *testing.T) {
	for i := range items {
		code := items[i].Code
		text, err := os.ReadFile("testdata/code-" + code + ".txt")
		if err != nil {
			text, err = os.ReadFile("testdata/code-" + code[:len(code)-1] + "0.txt")
		}
		if err != nil || !strings.Contains(string(text), code+"#") {
			t.Errorf("no script dials %s: %v", code, err)
		}
	}
}
