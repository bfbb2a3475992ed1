package webui

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
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
		if a.command != nil && a.command.Order == device.Refuse {
			a.command = nil
		}
		if locked && a.command != nil && q.admin() {
			t.Errorf("%q orders %v without a password", raw, a.command)
		}
		if a.command != nil && a.status != http.StatusOK {
			t.Errorf("%q orders %v with status %d", raw, a.command, a.status)
		}
		wellFormed(t, a)
	})
}

// FuzzPush posts any body to a phone that trusts. It gives one resync at most, by
// its own cause, and the answer is XML that says so.
func FuzzPush(f *testing.F) {
	for _, body := range []string{
		`XML=<CiscoIPPhoneExecute><ExecuteItem URL="Resync:http://h/x"/></CiscoIPPhoneExecute>`, "XML=%3CCiscoIPPhoneExecute%3E%", "XML=", "",
		`XML=<!DOCTYPE a [<!ENTITY b "c">]><CiscoIPPhoneExecute><ExecuteItem URL="&b;"/></CiscoIPPhoneExecute>`,
		`a=b&XML=<CiscoIPPhoneExecute><ExecuteItem URL="Dial:1"/><ExecuteItem URL="Resync:"/></CiscoIPPhoneExecute>`, strings.Repeat("<a>", 200),
	} {
		f.Add([]byte(body))
	}
	row := devicetest.Row(f, "SPA504G", "7.5.5")
	v := device.View{Unit: device.Unit{Row: row}, Params: device.Reset(row.Factory), Powered: true}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := http.NewRequest(http.MethodPost, executePath, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.RequestURI = executePath
		a := (&request{Request: r, site: &Site{}, view: v}).answer()
		wellFormed(t, a)
		if a.command != nil && (a.command.Order != device.Resync || a.command.Cause != model.ByXMLPush || len(body) > mostPush) {
			t.Errorf("%q orders %+v", body, a.command)
		}
		var answered struct {
			XMLName xml.Name
			Items   []struct {
				URL string `xml:",attr"`
			} `xml:"ResponseItem"`
		}
		d := xml.NewDecoder(bytes.NewReader(a.body))
		d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
		if err := d.Decode(&answered); err != nil || a.status != http.StatusOK {
			t.Fatalf("%q is answered %d %s: %v", body, a.status, a.body, err)
		}
		if a.command != nil && !slices.ContainsFunc(answered.Items, func(i struct {
			URL string `xml:",attr"`
		},
		) bool {
			return strings.HasPrefix(i.URL, "Resync:")
		}) {
			t.Errorf("%q orders a resync and is answered %s", body, a.body)
		}
	})
}

// FuzzForm reads any body as a form. What it sets is what the parameters take, none
// twice, and nothing of GPP_SA to GPP_SD, which no page has.
func FuzzForm(f *testing.F) {
	for _, body := range []string{"30759=x", "a=b&&=&P=1", "P29420=%2A&30255=%zz", "csrftoken=1&43=1", "submit_button=Reboot&gui_action=Apply", strings.Repeat("1=2&", 99), "879=&879=%", "30383=2"} {
		f.Add(body, true)
		f.Add(body, false)
	}
	row := devicetest.Row(f, "SPA2102", "")
	v := device.View{Unit: device.Unit{Row: row}, Params: devicetest.Params(f, row.Factory, "User_Password=x"), Powered: true}
	f.Fuzz(func(t *testing.T, body string, admin bool) {
		p := newPost(&request{view: v}, admin)
		p.read(body)
		p.judge()
		last := -1
		for _, s := range p.sets {
			param, ok := row.Factory.Param(s.ID)
			if !ok || strings.HasPrefix(param.Name, "GPP_S") || int(s.ID) <= last || !admin && param.Access != profile.ReadWrite {
				t.Errorf("%q sets %s", body, s.ID.Name())
			}
			if stored, taken := param.Take(s.Value); !taken || stored != s.Value {
				t.Errorf("%q sets %s to %q, which it does not take", body, param.Name, s.Value)
			}
			last = int(s.ID)
		}
	})
}

// wellFormed checks that nothing of a request can reach the header.
func wellFormed(t *testing.T, a answer) {
	t.Helper()
	var b bytes.Buffer
	a.head(&b)
	b.Write(a.body)
	head, _, _ := strings.Cut(b.String(), "\r\n\r\n")
	lines := 4
	if a.challenge != "" {
		lines++
	}
	if a.server != "" {
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
