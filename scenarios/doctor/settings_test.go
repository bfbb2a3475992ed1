package doctor_test

import (
	"crypto"
	_ "crypto/sha1"
	_ "crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spafleet/device/devicetest"
	"spafleet/scenarios/doctor"
	"spafleet/scenarios/doctor/finding"
)

const sha1Hash, sha256Hash = crypto.SHA1, crypto.SHA256

// six are a device of each family, with firmware that most settings hurt.
var six = []string{"SPA2102 5.2.12", "PAP2T 5.1.6(LS)", "SPA942 6.1.5(a)", "SPA504G 7.5.4", "SPA525G2 7.5.4", "SPA112 1.3.1(003)"}

// later are devices with firmware that takes more.
var later = []string{"SPA504G 7.6.2f", "SPA112 1.4.1(SR1)"}

func devices(t *testing.T, names ...string) (list []doctor.Device) {
	t.Helper()
	for _, name := range names {
		model, firmware, _ := strings.Cut(name, " ")
		list = append(list, doctor.Device{Row: devicetest.Row(t, model, firmware)})
	}
	return list
}

// ask asks the server of a configuration for /profile.xml.
func (s *server) ask(t *testing.T, setting string, names ...string) *finding.Report {
	t.Helper()
	text, err := os.ReadFile("testdata/" + setting + ".conf")
	ok(t, err)
	scheme := "http"
	if strings.Contains(string(text), "listen ADDR ssl") {
		scheme = "https"
	}
	report, err := doctor.Ask(t.Context(), doctor.Question{
		URL: fmt.Sprintf("%s://%s:%d/profile.xml", scheme, host, s.at[setting].Port()), Devices: devices(t, names...), Certs: s.certs, Seed: 1,
		Hosts: map[string][]netip.Addr{host: {netip.MustParseAddr("127.0.0.1")}, "other.example.test": {netip.MustParseAddr("127.0.0.9")}},
	})
	ok(t, err)
	if report.Incomplete != "" {
		t.Errorf("incomplete: %s", report.Incomplete)
	}
	return report
}

// bad returns what is not OK, as "check model firmware".
func bad(r *finding.Report) (list []string) {
	for _, f := range r.Findings {
		if !f.OK {
			list = append(list, fmt.Sprintf("%s %s %s", f.Check, f.Model, f.Firmware))
		}
	}
	slices.Sort(list)
	return list
}

// Each wrong setting is found alone, in the models that it hurts; what is right finds
// nothing.
func TestEachSettingIsFoundAlone(t *testing.T) {
	files, err := filepath.Glob("testdata/*.conf")
	ok(t, err)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".conf")
		t.Run(name, func(t *testing.T) {
			want := promised(t, file)
			r := nginx(t).ask(t, name, append(slices.Clone(six), later...)...)
			if got := bad(r); !slices.Equal(got, want) {
				t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
			for _, f := range r.Findings {
				if f.Detail == "" {
					t.Errorf("no detail: %+v", f)
				}
				if t.Failed() || testing.Verbose() {
					t.Logf("%+v", f)
				}
			}
			accounted(t, r)
		})
	}
}

// promised returns what the comment of a configuration says that it finds.
func promised(t *testing.T, file string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	ok(t, err)
	known := map[string]string{}
	for _, name := range six {
		model, _, _ := strings.Cut(name, " ")
		known[model] = name
	}
	for _, name := range later {
		known[strings.Replace(name, " ", "@", 1)] = name
	}
	for line := range strings.Lines(string(text)) {
		line, found := strings.CutPrefix(strings.TrimSpace(line), "# finds: ")
		check, models, _ := strings.Cut(line, " in ")
		if !found || line == "nothing" {
			continue
		}
		if models == "all" {
			models = strings.Join(slices.Collect(maps.Keys(known)), " ")
		}
		for _, m := range strings.Fields(models) {
			if known[m] == "" {
				t.Fatalf("%s: no device %s", file, m)
			}
			list = append(list, check+" "+known[m])
		}
	}
	slices.Sort(list)
	return list
}

// accounted reports checks that a device has neither a finding of nor a reason for its
// lack, or both.
func accounted(t *testing.T, r *finding.Report) {
	t.Helper()
	for _, d := range r.Devices {
		seen := map[string]int{}
		for _, f := range r.Findings {
			if f.Model == d.Model && f.Firmware == d.Firmware {
				seen[f.Check]++
			}
		}
		for _, u := range r.Unasked {
			if u.Why == "" {
				t.Errorf("%s: %s was not asked, and nothing says why", d.Name(), u.Check)
			}
			if u.Model == "" || u.Model == d.Model && u.Firmware == d.Firmware {
				seen[u.Check]++
			}
		}
		for _, c := range finding.Checks {
			if seen[c.ID] != 1 {
				t.Errorf("%s: %s is accounted for %d times", d.Name(), c.ID, seen[c.ID])
			}
			delete(seen, c.ID)
		}
		if len(seen) > 0 {
			t.Errorf("%s: unknown checks %v", d.Name(), slices.Collect(maps.Keys(seen)))
		}
	}
}
