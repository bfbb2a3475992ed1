package scenarios_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/host/golden"
	"spafleet/prov"
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

// What the server refuses when it starts is a mistake of the file, with its line:
// a plan accepts nothing that a run refuses.
func TestWhatTheServerRefusesHasALine(t *testing.T) {
	hooks := prov.Options{
		Who:    func(netip.Addr) (*device.Unit, bool) { return nil, false },
		Expand: func(text string, _ prov.Asker, _ prov.Rotation) (string, error) { return text, nil },
	}
	for _, tt := range []struct {
		path, yaml, want string
		entry            prov.Entry
	}{
		{"/$XY.cfg", "x", "$XY is no macro", prov.Entry{Body: "x"}},
		{"/$MAX.cfg", "x", "did you mean $(MA)X?", prov.Entry{Body: "x"}},
		{"/$(MA", "x", "$( without )", prov.Entry{Body: "x"}},
		{"/{{ dir", "x", "{{ without }}", prov.Entry{Body: "x"}},
		{"x", "x", "a path begins with /", prov.Entry{Body: "x"}},
		{"/a", "{body: x, status: 404}", "needs exactly one of", prov.Entry{Body: "x", Status: 404}},
		{"/a", "{status: 99}", "99 is not a status from 200 to 599", prov.Entry{Status: 99}},
		{"/a", "{status: 404, location: /b}", "a location needs a status of 300 to 399, not 404", prov.Entry{Status: 404, Location: "/b"}},
		{"/a", "{status: 404, gzip: true}", "status 404 has no text to encode", prov.Entry{Status: 404, Gzip: true}},
		{"/$MA", "{body: x, bound: true, size: 1KB}", "a container cannot be padded", prov.Entry{Body: "x", Bound: true, Size: 1024}},
		{"/$MA", "{body: <flat-profile><A>, bound: true}", "", prov.Entry{Body: "<flat-profile><A>", Bound: true}},
	} {
		core, err := prov.NewCore(map[string]prov.Entry{tt.path: tt.entry}, hooks)
		if err == nil {
			_ = core.Close()
			t.Errorf("the server takes %s: %s", tt.path, tt.yaml)
		}
		src := "fleet:\n  a: {model: SPA942}\nserver:\n  files:\n    '" + tt.path + "': " + tt.yaml + "\nduration: 1s\n"
		list := mistakes(t, "files.yaml", []byte(src))
		if len(list) != 1 || list[0].Line != 5 || list[0].Excerpt == "" || !strings.Contains(list[0].Msg, tt.want) {
			t.Errorf("%s: %s: %v, want one mistake in line 5: %s", tt.path, tt.yaml, list, tt.want)
		}
	}
}

func TestWhatListenersAndGroupsCannotHaveHasALine(t *testing.T) {
	for src, want := range map[string]string{
		"fleet: {a: {model: SPA942}}\nserver:\n  https: {hello: odd}\nduration: 1s\n":                                            `"odd" is not one of any, strict`,
		"fleet: {a: {model: SPA942}}\nserver:\n  https: {client_hash: sha1}\nduration: 1s\n":                                     "none is judged: add client: require",
		"fleet: {a: {model: SPA942}}\nserver:\n  https: {client: require, client_hash: sha2}\nduration: 1s\n":                    `"sha2" is not one of md5, sha1, sha256`,
		"fleet: {a: {model: SPA942}}\nserver:\n  https: [{port: 8443}, {port: 8443, ca: linksys1}]\nduration: 1s\n":              "port 8443 is already that of another listener",
		"fleet:\n  a: {model: SPA942}\n  b: {model: SPA942, rc: 'http://${server.htp}/rc'}\nserver: {files: {}}\nduration: 1s\n": "unknown ${server.htp}",
	} {
		if list := mistakes(t, "x.yaml", []byte(src)); len(list) != 1 || list[0].Line != 3 || !strings.Contains(list[0].Msg, want) {
			t.Errorf("%v, want %s in line 3", list, want)
		}
	}
}

// A dollar that begins no macro stands for itself, in files as in faults.
func TestADollarAloneIsADollarEverywhere(t *testing.T) {
	src := "fleet:\n  a: {model: SPA942}\nserver:\n  files: {/cost$.cfg: x}\ntimeline: [{fault: {match: http /cost$.cfg, status: 503}}]\nduration: 1s\n"
	if _, err := scenarios.Load("dollar.yaml", []byte(src)); err != nil {
		t.Error(err)
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

func TestAScenarioWithoutAFileNamesItsKeys(t *testing.T) {
	scenario := &scenarios.Scenario{Name: "mine", Fleet: []scenarios.Group{{Name: "phones", Model: "SPA943", Count: 1}}}
	_, err := scenarios.NewPlan(scenario)
	if want := `fleet.phones.model: unknown model "SPA943"`; err == nil || !strings.HasPrefix(err.Error(), want) {
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
