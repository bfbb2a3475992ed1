package prov_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/prov"
	"spafleet/resync"
)

// An answer is made once where it follows from device and secrets, and again once one of
// them, the path or the files are others.
func TestAnswersThatDoNotChangeAreMadeOnce(t *testing.T) {
	units := map[netip.Addr]*device.Unit{}
	row := devicetest.Row(t, "SPA2102", "5.2.12")
	var asks []resync.Request
	for i := range 2 {
		u := devicetest.Unit(row, device.Index(i))
		u.IP = netip.AddrFrom4([4]byte{127, 64, 0, byte(i + 1)})
		units[u.IP] = &u
		asks = append(asks, resync.Request{Method: "GET", Scheme: "tftp", Path: "/" + u.MAC.String() + ".xml", Source: u.IP})
	}
	made := 0
	pairs := &prov.Pairs{}
	core, err := prov.NewCore(map[string]prov.Entry{"/$MA.xml": {Body: "{{ stable }}"}, "/$MA.varies": {Body: "{{ varies }}"}}, prov.Options{
		Pairs: pairs, Who: func(a netip.Addr) (*device.Unit, bool) { return units[a], units[a] != nil },
		Expand: func(text string, a prov.Asker, r prov.Rotation) (string, error) {
			made++
			return fmt.Sprintf("%s%d%d", text, a.Unit.Index, r.Next.Generation), nil
		},
		Stable: func(text string) bool { return strings.Contains(text, "stable") },
	})
	if err != nil {
		t.Fatal(err)
	}
	want := func(r resync.Request, body string, times int) {
		t.Helper()
		before := made
		got := core.Respond(1, &r).Body
		if string(got) != body || made-before != times {
			t.Errorf("%s: %q, made %d times; want %q, %d times", r.Path, got, made-before, body, times)
		}
		clear(got) // a device may do with its copy what it wants
	}
	want(asks[0], "{{ stable }}00", 1)
	want(asks[0], "{{ stable }}00", 0)
	want(asks[1], "{{ stable }}10", 1)
	want(asks[0], "{{ stable }}00", 0)
	varies := asks[0]
	varies.Path = strings.Replace(varies.Path, "xml", "varies", 1)
	want(varies, "{{ varies }}00", 1)
	want(varies, "{{ varies }}00", 1)
	pairs.Rotate(units[asks[0].Source].MAC.String())
	want(asks[0], "{{ stable }}01", 1)
	want(asks[0], "{{ stable }}01", 0)
	want(asks[1], "{{ stable }}10", 0)
	if err := core.SetFiles(map[string]prov.Entry{"/$MA.xml": {Body: "{{ stable }} new "}}); err != nil {
		t.Fatal(err)
	}
	want(asks[0], "{{ stable }} new 01", 1)
}

// A core that may keep little keeps the answers of those that came first.
func TestKeptAnswersAreBounded(t *testing.T) {
	made := 0
	units := map[string]*device.Unit{}
	row := devicetest.Row(t, "SPA2102", "5.2.12")
	core, err := prov.NewCore(map[string]prov.Entry{"/$MA.xml": {Body: strings.Repeat("x", 1000) + "{{ mac }}"}}, prov.Options{
		MaxKept: 10_000, Find: func(mac string) (*device.Unit, bool) { return units[mac], true },
		Expand: func(text string, a prov.Asker, _ prov.Rotation) (string, error) { made++; return text, nil },
		Stable: func(string) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(devices int) int {
		before := made
		for i := range devices {
			u := devicetest.Unit(row, device.Index(i))
			units[u.MAC.String()] = &u
			core.Respond(1, &resync.Request{Method: "GET", Scheme: "tftp", Path: "/" + u.MAC.String() + ".xml"})
		}
		return made - before
	}
	if n := ask(100); n != 100 {
		t.Errorf("%d answers were made for 100 devices", n)
	}
	if n := ask(100); n < 90 || n > 95 {
		t.Errorf("the second time %d were made; 5 to 10 of 1.2 KB fit", n)
	}
	if n := ask(5); n != 0 {
		t.Errorf("%d of the first were made again", n)
	}
}

// A device that asks for two files in turn has one of them made once.
func TestTheKeptAnswerStaysWhereADeviceAsksForTwo(t *testing.T) {
	made := map[string]int{}
	u := devicetest.Unit(devicetest.Row(t, "SPA2102", "5.2.12"), 0)
	core, err := prov.NewCore(map[string]prov.Entry{"/a/$MA": {Body: "{{ a }}"}, "/b/$MA": {Body: "{{ b }}"}}, prov.Options{
		Find:   func(string) (*device.Unit, bool) { return &u, true },
		Expand: func(text string, _ prov.Asker, _ prov.Rotation) (string, error) { made[text]++; return text, nil },
		Stable: func(string) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range []string{"aa", "ababab"} {
		for _, file := range files {
			r := core.Respond(1, &resync.Request{Method: "GET", Scheme: "tftp", Path: "/" + string(file) + "/" + u.MAC.String()})
			if string(r.Body) != "{{ "+string(file)+" }}" {
				t.Errorf("%c: %q", file, r.Body)
			}
		}
	}
	if made["{{ a }}"] != 1 || made["{{ b }}"] != 3 {
		t.Errorf("made %v", made)
	}
}
