package webui

import (
	"bufio"
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
)

// The statuses that the firmware can answer (device-surface.md §1.4).
var statuses = []int{200, 304, 400, 401, 403, 404, 405, 501}

func FuzzRequest(f *testing.F) {
	row := devicetest.Row(f, "SPA2102", "")
	admin, _ := row.Factory.Lookup("Admin_Passwd")
	guarded, _ := device.Reset(row.Factory).With(new(device.Layers), []device.Set{{ID: admin.ID, Value: "secret", Has: true}})
	f.Fuzz(func(t *testing.T, raw []byte, locked bool) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		v := device.View{Unit: device.Unit{Row: row}, Params: device.Reset(row.Factory), Powered: true}
		if locked {
			v.Params = guarded
		}
		q := &request{Request: r, site: &Site{}, view: v}
		a := q.answer()
		if locked && a.command != nil && q.admin() {
			t.Errorf("%q orders %v without a password", raw, a.command)
		}
		if a.command != nil && a.status != http.StatusOK {
			t.Errorf("%q orders %v with status %d", raw, a.command, a.status)
		}
		wellFormed(t, a)
	})
}

// wellFormed checks that nothing of a request can reach the header.
func wellFormed(t *testing.T, a answer) {
	t.Helper()
	var b bytes.Buffer
	a.write(&b)
	head, _, _ := strings.Cut(b.String(), "\r\n\r\n")
	lines := 4
	if a.challenge != "" {
		lines++
	}
	if n := len(strings.Split(head, "\r\n")); n != lines || !slices.Contains(statuses, a.status) {
		t.Errorf("answer with status %d has header\n%s", a.status, head)
	}
	if got, err := http.ReadResponse(bufio.NewReader(&b), nil); err != nil || got.StatusCode != a.status {
		t.Errorf("answer does not parse: %v", err)
	}
}

func TestEveryLookHasItsFamilyAndStyle(t *testing.T) {
	families := map[string]bool{}
	for m := range model.All() {
		families[m.Family.Name] = true
		row := devicetest.Row(t, m.Name, "")
		q := &request{view: device.View{Unit: device.Unit{Row: row}}}
		if l := q.look(); l.css() == "" || strings.Contains(l.title, "%") || !strings.Contains(l.title, "Configuration") {
			t.Errorf("%s looks like %+v", m.Name, l)
		}
	}
	for name := range looks {
		if !families[name] {
			t.Errorf("a look is for the family %q, which no model has", name)
		}
	}
}
