package scenarios_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/host/golden"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// mistakes returns what is wrong in a scenario, at the latest before its run.
func mistakes(t *testing.T, name string, src []byte) scenarios.Mistakes {
	t.Helper()
	scenario, err := scenarios.Load(name, src)
	if err == nil {
		_, err = scenarios.NewPlan(scenario)
	}
	var m scenarios.Mistakes
	if !errors.As(err, &m) {
		t.Fatalf("%s: %v, not mistakes", name, err)
	}
	return m
}

func TestEachMistakeIsNamedWithItsLineAndExcerpt(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(strings.TrimSuffix(name, ".bad.yaml"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden.File(t, strings.TrimSuffix(file, ".yaml")+".golden", []byte(mistakes(t, name, src).Error()+"\n"))
		})
	}
}

func TestAFileIsAMegabyteAtMost(t *testing.T) {
	src := []byte("clock: real\n# " + strings.Repeat("x", 1<<20) + "\n")
	m := mistakes(t, "large.yaml", src)
	if want := "the file has 1048591 bytes, more than 1048576"; len(m) != 1 || m[0].Msg != want {
		t.Errorf("%v", m)
	}
}

func TestManyThingsOneInsideTheOtherAreAMistakeToo(t *testing.T) {
	for _, open := range []string{"[", "{a: ", "- "} {
		if _, err := scenarios.Load("deep.yaml", []byte(strings.Repeat(open, 2000))); err == nil {
			t.Errorf("%q 2000 times is a scenario", open)
		}
	}
}

func TestAStoryWithoutAFileNamesItsKeys(t *testing.T) {
	scenario := &scenarios.Scenario{Name: "mine", Fleet: []scenarios.Group{{Name: "phones", Model: "SPA943", Count: 1}}}
	_, err := scenarios.NewPlan(scenario)
	if want := `mine:0:0: fleet.phones.model: unknown model "SPA943"`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s …", err, want)
	}
}

func TestAMissingDurationMayStillBeSetAfterLoading(t *testing.T) {
	src := "clock: real\nfleet:\n  phones: {model: SPA942, powered: false}\nserver:\n  files: {}\nexpect:\n  - never: event.kind == \"boot\"\n"
	scenario, err := scenarios.Load("off.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	scenario.Duration = 50 * time.Millisecond
	r, err := run.Run(t.Context(), scenario, run.Options{})
	if err != nil || r.Verdict != report.Passed || r.Name != "off" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestScalarsAreTextAsWritten(t *testing.T) {
	src := "clock: real\nname: 6.10\nabout: No\nfleet:\n  a: {model: SPA942, firmware: 6.1.5(a), set: {GPP_A: 000e08100000, GPP_B: 1_000, GPP_C: 0x10, GPP_D: .inf, GPP_E: 'it''s', GPP_F: \"a\\tb\", GPP_G: true, GPP_H: 1e3}}\n"
	scenario, err := scenarios.Load("text.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{scenario.Name, scenario.About}
	for _, p := range scenario.Fleet[0].Set {
		got = append(got, p.Value)
	}
	want := []string{"6.10", "No", "000e08100000", "1_000", "0x10", ".inf", "it's", "a\tb", "true", "1e3"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzLoad(f *testing.F) {
	f.Fuzz(func(t *testing.T, src []byte) {
		scenario, err := scenarios.Load("fuzz.yaml", src)
		if (scenario == nil) == (err == nil) {
			t.Errorf("scenario %v, error %v", scenario, err)
		}
		var m scenarios.Mistakes
		if err != nil && (!errors.As(err, &m) || len(m) == 0) {
			t.Errorf("not mistakes: %v", err)
		}
		for _, one := range m {
			if one.Line < 1 || one.Col < 1 || one.Excerpt == "" {
				t.Errorf("no place: %+v", one)
			}
		}
	})
}
