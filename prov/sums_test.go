package prov_test

import (
	"fmt"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/prov"
	"spafleet/resync"
	"spafleet/resync/body"
	"spafleet/resync/fault"
	"spafleet/resync/fault/faulttest"
)

// A device that has the body is told so, and nothing is made. It gets the bytes where
// they are others, where a fault does something to them, and where it may take them for
// something else than a file.
func TestABodyThatTheDeviceHasIsNotMade(t *testing.T) {
	for _, logged := range []bool{false, true} {
		t.Run(fmt.Sprintf("logged %t", logged), func(t *testing.T) { bodyThatTheDeviceHas(t, logged) })
	}
}

func bodyThatTheDeviceHas(t *testing.T, logged bool) {
	made := 0
	u := devicetest.Unit(devicetest.Row(t, "SPA2102", "5.2.12"), 700)
	pairs := &prov.Pairs{}
	var lines []prov.Line
	files := map[string]prov.Entry{
		"/all": {Body: "the same for all"}, "/$MA.xml": {Body: "{{ next_key }}", Key: "{{ mac }}", Gzip: true},
		"/$MA.varies": {Body: "{{ mac }}, varies"}, "/$MA.busy": {Body: "####503#5# {{ mac }}"}, "/wait": {Body: "####503#5#"},
	}
	o := prov.Options{
		Pairs: pairs, Find: func(string) (*device.Unit, bool) { return &u, true },
		Expand: func(text string, a prov.Asker, r prov.Rotation) (string, error) { made++; return tell(text, a, r) },
		Stable: func(text string) bool { return !strings.Contains(text, "varies") },
	}
	if logged {
		o.Log = func(l prov.Line) { lines = append(lines, l) }
	}
	core := newCore(t, files, o)
	ask := func(path string, has body.Sum) resync.Response {
		return core.Respond(1, &resync.Request{Unit: &u, Method: "GET", Scheme: "http", Path: path, Has: has})
	}
	own := "/" + u.MAC.String()
	for _, tt := range []struct {
		path string
		out  bool // left out
	}{{"/all", true}, {own + ".xml", true}, {own + ".varies", false}, {own + ".busy", false}, {"/wait", false}} {
		first := ask(tt.path, 0)
		if first.Status != 200 || len(first.Body) == 0 || first.Unchanged {
			t.Fatalf("%s: %+v", tt.path, first)
		}
		made = 0
		again := ask(tt.path, body.SumOf(first.Body))
		if again.Unchanged != tt.out || again.Len() != len(first.Body) || again.Status != 200 || tt.out && (again.Body != nil || made > 0) {
			t.Errorf("%s, which the device has: %+v, made %d times", tt.path, again, made)
		}
		if !logged {
			lines = []prov.Line{{Bytes: len(first.Body), Status: 200}}
		}
		if l := lines[len(lines)-1]; l.Bytes != len(first.Body) || l.Status != 200 {
			t.Errorf("%s: line %+v", tt.path, l)
		}
		if other := ask(tt.path, body.SumOf([]byte("another"))); other.Unchanged || string(other.Body) != string(first.Body) {
			t.Errorf("%s, of which the device has another: %+v", tt.path, other)
		}
	}
	has := body.SumOf([]byte("the same for all"))
	broken := newCore(t, files, prov.Options{Expand: tell, Faults: faulttest.Plan(t, "http /all", "", fault.Effects{Corrupt: true})})
	if r := broken.Respond(1, &resync.Request{Unit: &u, Method: "GET", Scheme: "http", Path: "/all", Has: has}); r.Unchanged || len(r.Body) == 0 {
		t.Errorf("a broken answer: %+v", r)
	}
	has = body.SumOf(ask(own+".xml", 0).Body)
	made = 0
	for range 2 {
		pairs.Rotate("000e08000000")
		if r := ask(own+".xml", has); !r.Unchanged || made > 0 {
			t.Errorf("after a rotation of another device: %+v", r)
		}
	}
	pairs.Rotate(u.MAC.String())
	if r := ask(own+".xml", has); r.Unchanged || len(r.Body) == 0 {
		t.Errorf("after a rotation: %+v", r)
	}
	has = body.SumOf(ask("/all", 0).Body)
	if err := core.SetFiles(map[string]prov.Entry{"/all": {Body: "another for all"}}); err != nil {
		t.Fatal(err)
	}
	if r := ask("/all", has); r.Unchanged || string(r.Body) != "another for all" {
		t.Errorf("with other files: %+v", r)
	}
}

// A device that does not have the body, such as one that was reset, is not made the same
// answer a third time.
func TestABodyThatADeviceLacksAgainIsKept(t *testing.T) {
	made := 0
	u := devicetest.Unit(devicetest.Row(t, "SPA2102", "5.2.12"), 0)
	core := newCore(t, map[string]prov.Entry{"/$MA": {Body: "{{ mac }}"}}, prov.Options{
		Find:   func(string) (*device.Unit, bool) { return &u, true },
		Expand: func(text string, _ prov.Asker, _ prov.Rotation) (string, error) { made++; return text, nil },
		Stable: func(string) bool { return true },
	})
	for i, want := range []int{1, 2, 2, 2} {
		r := core.Respond(1, &resync.Request{Unit: &u, Method: "GET", Scheme: "http", Path: "/" + u.MAC.String()})
		if string(r.Body) != "{{ mac }}" || made != want {
			t.Errorf("request %d: %q, made %d times, want %d", i, r.Body, made, want)
		}
	}
}
