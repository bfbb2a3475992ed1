package device_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/host/golden"
)

// viewOf is a powered device of a model with a few values of its own.
func viewOf(t *testing.T, modelName string, changes ...string) device.View {
	t.Helper()
	return viewAt(t, modelName, "", changes...)
}

// viewAt is one of a firmware.
func viewAt(t *testing.T, modelName, firmware string, changes ...string) device.View {
	t.Helper()
	row := devicetest.Row(t, modelName, firmware)
	var list []device.Set
	for _, c := range changes {
		name, value, _ := strings.Cut(c, "=")
		p, ok := row.Factory.Lookup(name)
		if !ok {
			t.Fatalf("%s has no %s", modelName, name)
		}
		list = append(list, device.Set{ID: p.ID, Value: value, Has: true})
	}
	now := time.Date(2012, 1, 16, 5, 11, 0, 0, time.UTC).UnixNano()
	return device.View{
		Unit:    device.Unit{Index: 7, Row: row, MAC: model.MAC{0, 0x0e, 8, 1, 0x23, 0x45}, Serial: "FM500X000001", IP: loopback},
		Params:  new(device.Layers).Preset(row.Factory, list),
		Powered: true, Now: now, Booted: now - int64(4*time.Hour),
	}
}

func spacfg(v device.View) []byte { return profile.Export("flat-profile", v.Spacfg()) }

// Whole exports of each family (device-surface.md §1.8).
func TestExportsAreAsStored(t *testing.T) {
	for _, modelName := range []string{"SPA942", "SPA2102", "SPA504G", "PAP2T", "SPA8000", "SPA525G2", "SPA122"} {
		v := viewOf(t, modelName, "GPP_SA=0123abcd", "GPP_A=a<b&c", "Display_Name_1_=Desk", "Password_1_=secret")
		checkExport(t, modelName+"-export", v.Export())
		if !slices.Contains([]string{"SPA942", "SPA2102", "SPA504G"}, modelName) {
			continue
		}
		for name, body := range map[string][]byte{"report": device.ReportXML(v, device.Params{}),
			"sample.txt": v.Unit.Row.SampleSource(), "sample.xml": v.Unit.Row.SampleXML(model.SampleStyle{}), "schema": v.Unit.Row.Schema()} {
			checkExport(t, modelName+"-"+name, body)
		}
	}
}

// checkExport compares a body with its file: its size, its hash and its first lines.
func checkExport(t *testing.T, name string, body []byte) {
	t.Helper()
	lines := bytes.SplitAfterN(body, []byte("\n"), 61)
	got := fmt.Appendf(nil, "%d bytes, SHA-256 %x\n\n%s", len(body), sha256.Sum256(body), bytes.Join(lines[:min(len(lines), 60)], nil))
	golden.File(t, filepath.Join("testdata", "export", strings.ToLower(name)+".golden"), got)
}

// Scripts in the field count the lines of a phone's export. That of an SPA525G2 has more in
// front (field) (device-surface.md §1.8).
func TestExportHasItsLandmarksWhereScriptsLook(t *testing.T) {
	for m := range model.All() {
		if !m.Family.Phone || m.Family.Name == "phone 525" {
			continue
		}
		v := viewOf(t, m.Name)
		lines := strings.Split(string(spacfg(v)), "\n")
		for n, want := range map[int]string{
			1: "<flat-profile>", 2: `<DHCP group="Info/System_Information">`,
			10: `<Product_Name group="Info/Product_Information">` + v.Unit.Row.Model.PN.Value + "</Product_Name>",
			14: `<MAC_Address group="Info/Product_Information">000E08012345</MAC_Address>`,
		} {
			if !strings.HasPrefix(lines[n-1], want) {
				t.Errorf("%s: line %d is %s, want %s", v.Unit.Row.Model.Name, n, lines[n-1], want)
			}
		}
	}
}

// An export has the tabs in the order of the pages (device-surface.md §1.8).
func TestTabsComeInTheirOrder(t *testing.T) {
	tests := map[string]string{
		"SPA942":   "Info System SIP Provisioning Regional Phone Ext_1 Ext_2 Ext_3 Ext_4 User",
		"SPA2102":  "Status Info Wan_Setup Lan_Setup Application System SIP Provisioning Regional Line_1 Line_2 User_1 User_2",
		"PAP2T":    "Info System SIP Provisioning Regional Line_1 Line_2 User_1 User_2",
		"SPA962":   "Info System SIP Provisioning Regional Phone Ext_1 Ext_2 Ext_3 Ext_4 Ext_5 Ext_6 User SPA932",
		"SPA525G2": "Info System SIP Provisioning Regional Phone Ext_1 Ext_2 Ext_3 Ext_4 Ext_5 User Att_Console TR-069 Wi-Fi",
		"SPA504G":  "Info System SIP Provisioning Regional Phone Ext_1 Ext_2 Ext_3 Ext_4 User Attendant_Console",
	}
	for model, want := range tests {
		v := viewOf(t, model)
		var got, groups []string
		for _, e := range v.Spacfg() {
			tab, _, _ := strings.Cut(e.Group, "/")
			if len(got) == 0 || got[len(got)-1] != tab {
				got = append(got, tab)
			}
			if len(groups) == 0 || groups[len(groups)-1] != e.Group {
				groups = append(groups, e.Group)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: tabs %v, want %s", model, got, want)
		}
		slices.Sort(groups)
		if len(slices.Compact(slices.Clone(groups))) != len(groups) {
			t.Errorf("%s: a section comes twice", model)
		}
	}
}

// The sections of the Phone tab stand in the order of a real export.
func TestSectionsOfThePhoneTab(t *testing.T) {
	var got []string
	for _, e := range viewOf(t, "SPA962").Spacfg() {
		if section, ok := strings.CutPrefix(e.Group, "Phone/"); ok && !strings.HasPrefix(section, "Line_Key_") && !slices.Contains(got, section) {
			got = append(got, section)
		}
	}
	const want = "General Miscellaneous_Line_Key_Settings Supplementary_Services Ring_Tone Audio_Input_Gain__dB_ LDAP_Corporate_Directory_Search Extension_Mobility"
	if strings.Join(got, " ") != want {
		t.Errorf("sections %v, want %s", got, want)
	}
}

// What the export of an SPA942 lacks, those of an SPA962 and SPA525G2 have.
func TestWhatExportsHideByModel(t *testing.T) {
	for modelName, want := range map[string]bool{"SPA942": false, "SPA922": false, "SPA962": true, "SPA525G2": true} {
		for _, name := range []string{"Web_Serv", "Test_Mode_Enable"} {
			if got := bytes.Contains(viewOf(t, modelName).Export(), []byte("<"+name+" group=")); got != want {
				t.Errorf("%s exports %s: %t", modelName, name, got)
			}
		}
	}
}

// values returns the lines of an export that a profile could have set, without
// those of passwords.
func values(f *model.Factory, export []byte) string {
	var kept []string
	for line := range strings.Lines(string(export)) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "<"), " ")
		if p, ok := f.Lookup(name); ok && !strings.Contains(line, `group="Info/`) && p.Type != "password" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// take applies a file as a device does.
func take(t *rapid.T, l *device.Layers, p device.Params, body []byte) device.Params {
	file, err := profile.Decode(body, profile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var changes []device.Set
	for _, e := range file.Params {
		param, ok := p.Factory().Lookup(e.Name)
		if !ok {
			continue
		}
		if stored, ok := param.Take(e.Value); ok || !e.Has {
			changes = append(changes, device.Set{ID: param.ID, Value: stored, Has: e.Has, Access: e.Access})
		}
	}
	after, _ := p.With(l, changes)
	return after
}

// drawParams gives a device random values of its own, none of them empty: an
// export cannot say that a value was cleared.
func drawParams(t *rapid.T, l *device.Layers, f *model.Factory) device.Params {
	var changes []device.Set
	for range rapid.IntRange(1, 60).Draw(t, "changes") {
		p := &f.Params[rapid.IntRange(0, len(f.Params)-1).Draw(t, "param")]
		value := rapid.OneOf(rapid.StringMatching(`[ -~]{1,40}`), rapid.StringMatching(`[0-9]{1,3}(\.[0-9])?`), rapid.SampledFrom([]string{"no", " x\n\ty ", "<&>\"'"})).Draw(t, "value")
		if len(p.Options) > 0 {
			value = rapid.SampledFrom(p.Options).Draw(t, "option")
		}
		if stored, ok := p.Take(value); ok && stored != "" {
			access := profile.Access(rapid.IntRange(0, 3).Draw(t, "access"))
			changes = append(changes, device.Set{ID: p.ID, Value: stored, Has: true, Access: access})
		}
	}
	params, _ := device.Reset(f).With(l, changes)
	return params
}

func TestAnExportMakesAnotherDeviceAlike(t *testing.T) {
	views := []device.View{viewOf(t, "SPA942"), viewOf(t, "SPA2102"), viewOf(t, "PAP2T"), viewOf(t, "SPA504G"), viewOf(t, "SPA8000")}
	rapid.Check(t, func(t *rapid.T) {
		var layers device.Layers
		v := views[rapid.IntRange(0, len(views)-1).Draw(t, "model")]
		f := v.Unit.Row.Factory
		v.Params = drawParams(t, &layers, f)
		first := spacfg(v)
		v.Params = take(t, &layers, device.Reset(f), first)
		if again := spacfg(v); values(f, again) != values(f, first) {
			t.Fatalf("imported and exported again:\n%s\nwant\n%s", values(f, again), values(f, first))
		}
	})
}

func TestAReportMakesAnotherDeviceAlikeWithItsAccess(t *testing.T) {
	v := viewOf(t, "SPA942")
	f := v.Unit.Row.Factory
	rapid.Check(t, func(t *rapid.T) {
		var layers device.Layers
		before := drawParams(t, &layers, f)
		v.Params = before
		report := device.ReportXML(v, device.Params{})
		for _, p := range []device.Params{take(t, &layers, device.Reset(f), report), take(t, &layers, before, device.ReportXML(v, before))} {
			for i := range f.Params {
				q := &f.Params[i]
				if q.Type != "password" && (p.Get(q.ID) != before.Get(q.ID) || p.Access(q.ID) != before.Access(q.ID)) {
					t.Fatalf("%s is %q, want %q", q.Name, p.Get(q.ID), before.Get(q.ID))
				}
			}
		}
	})
}

// A self-closed element keeps what is there, so an export clears nothing.
func TestAnExportDoesNotClear(t *testing.T) {
	v := viewOf(t, "SPA942", "SIP_Server_Name=")
	if !bytes.Contains(spacfg(v), []byte(`<SIP_Server_Name group="SIP/SIP_Parameters"/>`)) {
		t.Fatal("an empty value is not self-closed")
	}
	file, err := profile.Decode(spacfg(v), profile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range file.Params {
		if p.Name == "SIP_Server_Name" && p.Has {
			t.Error("an import would clear SIP_Server_Name")
		}
	}
}

// Passwords come masked, and the secret parameters not at all (device-surface.md §1.8).
func TestSecretsStayInTheDevice(t *testing.T) {
	for m := range model.All() {
		var changes []string
		model := m.Name
		for _, p := range m.Factory().Params {
			if p.Type == "password" {
				changes = append(changes, p.Name+"=Geheimnis")
			}
		}
		shown := m.Factory().AdminPassword()
		if shown == "" {
			shown = "IVR_Admin_Passwd"
		}
		v := viewOf(t, model, changes...)
		for what, body := range map[string][]byte{"export": v.Export(), "report": device.ReportXML(v, device.Params{}), "delta": device.ReportXML(v, device.Reset(v.Unit.Row.Factory))} {
			if m.Family.Name == "SPA100" && what == "export" {
				body = bytes.ReplaceAll(body, []byte("y_Password>Geheimnis"), nil) // SNMP's, as in the real file
				body = bytes.ReplaceAll(body, []byte("Auth_Password>Geheimnis"), nil)
				body = regexp.MustCompile(`<!-- <GPP_S[A-D]></GPP_S[A-D]> -->`).ReplaceAll(body, nil)
			}
			if bytes.Contains(body, []byte("Geheimnis")) || bytes.Contains(body, []byte("GPP_S")) {
				t.Errorf("%s: the %s tells a secret", model, what)
			}
			if !bytes.Contains(body, []byte(">*************</"+shown+">")) {
				t.Errorf("%s: the %s does not show that a password is set", model, what)
			}
		}
	}
	v := viewOf(t, "SPA942")
	if !bytes.Contains(spacfg(v), []byte(`<Admin_Passwd group="System/System_Configuration"/>`)) {
		t.Error("a password that is not set is not an empty element")
	}
}

func TestADeltaHasWhatDiffersOnly(t *testing.T) {
	var layers device.Layers
	v := viewOf(t, "SPA942", "GPP_A=one")
	before := v.Params
	p, _ := before.Factory().Lookup("GPP_B")
	v.Params, _ = before.With(&layers, []device.Set{{ID: p.ID, Value: "two", Has: true, Access: profile.ReadOnly}})
	const want = "<flat-profile>\n  <!-- General Purpose Parameters -->\n  <GPP_B                            ua=\"ro\">two</GPP_B>\n</flat-profile>\n"
	if got := string(device.ReportXML(v, before)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := string(device.ReportXML(v, v.Params)); got != "<flat-profile>\n</flat-profile>\n" {
		t.Errorf("nothing differs, and the report is\n%s", got)
	}
}

// Samples say what the factory set is, in every style.
func TestSamplesAreTheFactorySet(t *testing.T) {
	for m := range model.All() {
		r := devicetest.Row(t, m.Name, "")
		source, err := profile.ParseSource(string(r.SampleSource()))
		if err != nil {
			t.Fatalf("%s: %v", r.Model.Name, err)
		}
		all := map[string][]profile.Param{"source": source}
		for what, style := range map[string]model.SampleStyle{"xml": {}, "compact": {Compact: true}, "va": {Attributes: true}, "compact va": {Compact: true, Attributes: true}} {
			f, err := profile.Decode(r.SampleXML(style), profile.Options{Nested: true})
			if err != nil {
				t.Fatalf("%s, %s: %v", r.Model.Name, what, err)
			}
			all[what] = f.Params
			wellFormed(t, r.Model.Name+" "+what, r.SampleXML(style))
		}
		set := slices.DeleteFunc(slices.Clone(r.Factory.Params), func(p model.Param) bool { return !r.Has(&p) })
		for what, params := range all {
			set := set
			if what == "source" {
				set = slices.DeleteFunc(slices.Clone(set), func(p model.Param) bool { return p.Nested() })
			}
			if len(params) != len(set) {
				t.Errorf("%s, %s: %d parameters, want %d", r.Model.Name, what, len(params), len(set))
				continue
			}
			for n, p := range params {
				want := set[n]
				if p.Name != want.Name || p.Value != want.Default || p.Access != want.Access && !want.Nested() {
					t.Errorf("%s, %s: got %+v, want %+v", r.Model.Name, what, p, want)
				}
			}
		}
	}
}

// Firmware neither takes nor shows what only later firmware has.
func TestParametersOfLaterFirmware(t *testing.T) {
	tests := []struct {
		model, firmware, param string
		want                   bool
	}{
		{"SPA504G", "7.5.7", "Enable_SSLv3", false}, {"SPA504G", "7.6.0", "Enable_SSLv3", true}, {"SPA504G", "7.4.8a", "Custom_CA_RULE", false},
		{"SPA504G", "7.4.9", "Custom_CA_RULE", true}, {"SPA504G", "7.6.2f", "SSL_Key_Negotiation", true},
		{"SPA504G", "7.5.5", "SSL_Key_Negotiation", false}, {"SPA525G2", "7.6.2", "Enable_SSLv3", true}, {"SPA525G2", "7.6.2", "SSL_Key_Negotiation", false},
		{"SPA2000", "2.0.10", "GPP_E", false}, {"SPA2000", "2.0.10", "GPP_D", true}, {"SPA2000", "2.0.11", "GPP_P", true}, {"SPA942", "", "GPP_E", true},
	}
	for _, tt := range tests {
		r := devicetest.Row(t, tt.model, tt.firmware)
		v := device.View{Unit: device.NewUnit(r, 1, 0, loopback), Params: device.Reset(r.Factory)}
		if _, ok := r.Lookup(tt.param); ok != tt.want {
			t.Errorf("%s %s takes %s: %t", tt.model, tt.firmware, tt.param, ok)
		}
		if ok := slices.Contains(r.ParameterNames(), tt.param); ok != tt.want {
			t.Errorf("%s %s counts %s: %t", tt.model, tt.firmware, tt.param, ok)
		}
		for what, text := range map[string][]byte{"export": v.Export(), "report": device.ReportXML(v, device.Params{}), "schema": r.Schema(),
			"source": r.SampleSource(), "sample": r.SampleXML(model.SampleStyle{})} {
			if ok := bytes.Contains(text, []byte(tt.param)); ok != tt.want {
				t.Errorf("%s %s: the %s has %s: %t", tt.model, tt.firmware, what, tt.param, ok)
			}
		}
	}
}

func TestSchemaNamesEveryParameter(t *testing.T) {
	r := devicetest.Row(t, "SPA2102", "")
	schema := r.Schema()
	wellFormed(t, "schema", schema)
	for _, p := range r.Factory.Params {
		if !bytes.Contains(schema, []byte(`<xs:element name="`+p.Name+`" type="`)) {
			t.Errorf("the schema has no %s", p.Name)
		}
	}
	if bytes.Contains(r.SampleXML(model.SampleStyle{Compact: true}), []byte("<!--")) {
		t.Error("a compact sample has comments")
	}
}

// wellFormed holds a text to the standard's parser.
func wellFormed(t *testing.T, what string, text []byte) {
	t.Helper()
	var anything struct{}
	if err := xml.Unmarshal(text, &anything); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func BenchmarkExport(b *testing.B) {
	for _, name := range []string{"SPA942", "SPA122"} {
		row := devicetest.Row(b, name, "")
		v := device.View{Unit: device.NewUnit(row, 1, 0, loopback), Params: device.Reset(row.Factory)}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v.Export()
			}
		})
	}
}
