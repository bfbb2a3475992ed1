package scenarios_test

import (
	"os"
	"path/filepath"
	"testing"

	"spafleet/device/observed"
	"spafleet/scenarios"
)

const phoneFile = "spafleet: probe 1\nmodel: SPA942\nfirmware: 6.1.5(a)\ndate: 2026-11-22\ntook: 1m\nevidence: field\nswitches:\n" +
	"  tftp_wait: {value: 2s, experiment: e, asked: 3, agreed: 3}\n" +
	"  http_version: {value: \"1.0\", experiment: e, asked: 3, agreed: 3}\n" +
	"  redirects: {value: follow, experiment: e, asked: 3, agreed: 3}\n" +
	"  http_auth: {experiment: e, asked: 0, why: not asked}\n"

// In a mix the switches hold for the file's model and firmware alone, and others of the
// group go over them. What is given from outside goes over both.
func TestSwitchesOfARealPhone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "phone.yaml"), []byte(phoneFile), 0o600); err != nil {
		t.Fatal(err)
	}
	const text = "fleet:\n  a: {count: 3, mix: {SPA942 6.1.5(a): 34%, SPA942 6.1.3(a): 33%, PAP2T 5.1.6(LS): 33%}, switches: {redirects: moved, from: phone.yaml, tftp_tries: 7}}\n" +
		"duration: 1m\nserver: {}\n"
	s, err := scenarios.File{Name: "s.yaml", Text: []byte(text), Folder: dir}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if s.Files["phone.yaml"] == "" {
		t.Errorf("files: %v", s.Files)
	}
	check := func(of string, want [3][4]string) {
		t.Helper()
		plan, err := scenarios.NewPlan(s)
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range plan.Groups {
			for j, name := range []string{"tftp_wait", "http_version", "redirects", "tftp_tries"} {
				if got := g.Row.Switch(name); got.Value != want[i][j] && want[i][j] != "" || got.Turned != (want[i][j] != "") {
					t.Errorf("%s: %s %s: %s %+v, want %q", of, g.Row.Model.Name, g.Row.Firmware.Version, name, got, want[i][j])
				}
			}
		}
	}
	check("from", [3][4]string{{"2s", "1.0", "moved", "7"}, {"", "", "moved", "7"}, {"", "", "moved", "7"}})
	f, err := observed.Read([]byte(phoneFile), "phone.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Observe(f, "phone.yaml", map[string]string{"http_version": "1.1"}); err != nil {
		t.Fatal(err)
	}
	check("given", [3][4]string{{"2s", "1.0", "follow", "7"}, {"", "", "moved", "7"}, {"", "", "moved", "7"}})
	if lines := s.Fleet[0].Observed(); len(lines) != 2 || lines[0] != "a: 3 switches of SPA942 6.1.5(a) as a real phone was observed to have them (phone.yaml)" {
		t.Errorf("%q", lines)
	}
}
