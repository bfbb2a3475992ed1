package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"spafleet/device/devicetest"
	"spafleet/device/model"
)

var (
	quirkSwitch    = regexp.MustCompile("`([a-z0-9_]+)` = (\\S+) \\((\\S+) (\\S+), (\\w+)\\)")
	quirkParameter = regexp.MustCompile("parameter `([^`]+)`")
	quirkTest      = regexp.MustCompile("`([^`#]+_test\\.go)#(Test\\w+)`")
)

// The page of quirks has every one of them in its order, each with what becomes of it
// here; the values and evidence that it names are those of the firmware table, its
// parameters exist, and so do its tests.
func TestThePageOfQuirksIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "quirks.md"))
	if err != nil {
		t.Fatal(err)
	}
	next := 28
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if !strings.HasPrefix(line, "| K") {
			continue
		}
		number := strings.TrimPrefix(cells[0], "| ")
		if want := fmt.Sprintf("K%d", next); number != want || len(cells) != 6 {
			t.Errorf("row %s of %d cells; %s of 6 comes next", number, len(cells), want)
			return
		}
		next++
		checkQuirk(t, number, cells[3], cells[4], strings.TrimSuffix(cells[5], "|"))
	}
	if next != 68 {
		t.Errorf("the last quirk is K%d, want K67", next-1)
	}
}

func checkQuirk(t *testing.T, number, here, sure, tests string) {
	t.Helper()
	bindings := quirkSwitch.FindAllStringSubmatch(here, -1)
	for _, b := range bindings {
		s := devicetest.Row(t, b[3], b[4]).Switch(b[1])
		if s.Value != b[2] || s.Evidence.String() != b[5] {
			t.Errorf("%s: %s of %s %s is %s (%s), and the page says %s (%s)", number, b[1], b[3], b[4], s.Value, s.Evidence, b[2], b[5])
		}
	}
	if loose := strings.Count(here, "` = "); loose != len(bindings) {
		t.Errorf("%s: %d switches, %d in their form", number, loose, len(bindings))
	}
	for _, p := range quirkParameter.FindAllStringSubmatch(here, -1) {
		if _, ok := model.LookupID(p[1]); !ok {
			t.Errorf("%s: no model has a parameter %s", number, p[1])
		}
	}
	if word, _, _ := strings.Cut(strings.ReplaceAll(sure, ";", ","), ","); !slices.Contains([]string{"documented", "field", "image", "inferred"}, word) {
		t.Errorf("%s: %q is no evidence", number, word)
	}
	found := quirkTest.FindAllStringSubmatch(tests, -1)
	if later := strings.HasPrefix(here, "later: ") || strings.HasPrefix(here, "not emulated: "); len(found) == 0 && !later {
		t.Errorf("%s: neither a test nor a reason why there is none", number)
	}
	for _, f := range found {
		if !slices.Contains(declared(t, f[1]), f[2]) {
			t.Errorf("%s: %s has no %s", number, f[1], f[2])
		}
	}
}
