package settings_test

import (
	"os"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/profile"
	"spafleet/scenarios/probe/settings"
)

func TestFiles(t *testing.T) {
	const unknown = "\x00"
	tests := []struct {
		name, text string
		want       map[string]string // unknown: said, and not known
		absent     []string
	}{
		{"a profile", "<flat-profile><GPP_A>x &amp; y</GPP_A><GPP_B> </GPP_B><GPP_C/><Admin_Passwd>secret</Admin_Passwd></flat-profile>",
			map[string]string{"GPP_A": "x & y", "GPP_B": "", "Admin_Passwd": "secret"}, []string{"GPP_C"}},
		{"the last of two", "<flat-profile><GPP_A>1</GPP_A><GPP_A>2</GPP_A></flat-profile>", map[string]string{"GPP_A": "2"}, nil},
		{"with the user's access", `<flat-profile><GPP_A ua="rw">1</GPP_A></flat-profile>`, map[string]string{"GPP_A": "1"}, nil},
		{"wrapped, with a declaration", "<?xml version=\"1.0\"?>\n<device>\n<flat-profile>\n<GPP_A>1</GPP_A></flat-profile></device>", map[string]string{"GPP_A": "1"}, nil},
		{"sections", "<flat-profile><router-configuration><Time_Setup><Time_Zone>1</Time_Zone></Time_Setup></router-configuration></flat-profile>",
			map[string]string{"router-configuration/Time_Setup/Time_Zone": "1"}, nil},
		{"an export", "<flat-profile>\n<Domain group=\"Info/System_Information\">lan</Domain>\n<GPP_A group=\"Provisioning/General_Purpose_Parameters\"/>\n" +
			"<Admin_Passwd group=\"System/System_Configuration\">*************</Admin_Passwd>\n<User_Password group=\"System/System_Configuration\"/>\n</flat-profile>\n",
			map[string]string{"GPP_A": "", "Admin_Passwd": unknown, "User_Password": unknown}, []string{"Domain"}},
		{"an export that is cut", "<flat-profile>\n<GPP_A group=\"P/G\">1</GPP_A>\n<GPP_B group=\"P/G\">2", map[string]string{"GPP_A": "1"}, []string{"GPP_B"}},
		{"stars are a mask", "<flat-profile><GPP_A>***</GPP_A><GPP_B>*************</GPP_B><GPP_SA>****</GPP_SA></flat-profile>",
			map[string]string{"GPP_A": "***", "GPP_B": unknown, "GPP_SA": unknown}, nil},
		{"a bare less-than", "<flat-profile><GPP_A>1 < 2</GPP_A></flat-profile>", map[string]string{"GPP_A": "1 < 2"}, nil},
	}
	for _, tt := range tests {
		s, err := settings.FromFile(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for name, want := range tt.want {
			v, said := s.Lookup(name)
			got, ok := s.Known(name)
			if want == unknown && (ok || !said || v.Unknown == "") || want != unknown && (!ok || got != want) {
				t.Errorf("%s: %s is %+v, want %q", tt.name, name, v, want)
			}
		}
		for _, name := range tt.absent {
			if v, ok := s.Lookup(name); ok {
				t.Errorf("%s: %s is %+v, want nothing", tt.name, name, v)
			}
		}
	}
}

func TestFilesThatAreNone(t *testing.T) {
	tests := []struct{ name, text, err string }{
		{"empty", "", "neither a profile in open XML nor a page of a phone"},
		{"text", "Profile_Rule \"/x\";", "neither a profile"},
		{"a profile without parameters", "<flat-profile></flat-profile>", "sets nothing"},
		{"encrypted", "Salted__12345678abcdefgh", "encrypted"},
		{"another page", "<!DOCTYPE html><html><h1>It works</h1></html>", "without a setting"},
		{"too long", strings.Repeat(" ", 2<<20+1), "more than"},
	}
	for _, tt := range tests {
		if s, err := settings.FromFile(tt.text); s != nil || err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.err)
		}
	}
}

// A page in the form of captured ones, and the same as a browser saves it: quotes where the
// phone had none, end tags, its own doctype.
func TestPagesAsPhonesAndBrowsersWriteThem(t *testing.T) {
	for _, file := range []string{"captured.html", "saved.html"} {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := settings.FromFile(string(text))
		if err != nil {
			t.Fatal(err)
		}
		if s.Model != "SPA962" || s.Firmware != "6.1.5(a)" {
			t.Errorf("%s: of %s %s", file, s.Model, s.Firmware)
		}
		want := map[string]string{
			"Profile_Rule": `( "$A" eq "1" )? http://192.0.2.1/a?b=1&c=2`, "Resync_Periodic": "3600", "Provision_Enable": "Yes", "Resync_On_Reset": "No",
			"SIP_Port_1_": "5060", "SIP_Port_2_": "5061", "SIP_Debug_Option_1_": "none", "GPP_A": "", "Station_Name": "desk",
			"Set_Local_Date__mm_dd_": "12/31", "Domain": "",
		}
		for name, value := range want {
			if got, ok := s.Known(name); !ok || got != value {
				t.Errorf("%s: %s is %q, %v; want %q", file, name, got, ok, value)
			}
		}
		for name, why := range map[string]string{"Admin_Passwd": "does not show passwords", "User_Password": "does not show passwords", "GPP_B": "does not quote", "GPP_C": "as long as the page's field"} {
			if v, ok := s.Lookup(name); !ok || !strings.Contains(v.Unknown, why) {
				t.Errorf("%s: %s is %+v, %v; want it to be unknown: %s", file, name, v, ok, why)
			}
		}
		for _, name := range []string{"Restricted_Access_Domains", "GPP_D"} { // in a comment; in a wrong tab
			if v, ok := s.Lookup(name); ok {
				t.Errorf("%s: %s is read: %+v", file, name, v)
			}
		}
	}
}

// Of a page whose model is in no table, what is the same on all models is read.
func TestAPageOfAnUnknownModel(t *testing.T) {
	s, err := settings.FromFile(`<html><div class="tab-page" id="Provisioning"><h4>Configuration Profile</h4>
<tr><td>Profile Rule:<td><input name=1 value="/x$PSN.cfg"><td>Resync On Reset:<td><select name=2><option value=1>yes<option value=0 selected>no</select></div></html>`)
	if err != nil {
		t.Fatal(err)
	}
	if s.Model != "" {
		t.Errorf("it is taken for a %s", s.Model)
	}
	for name, want := range map[string]string{"Profile_Rule": "/x$PSN.cfg", "Resync_On_Reset": "No"} {
		if got, ok := s.Known(name); !ok || got != want {
			t.Errorf("%s is %q, %v", name, got, ok)
		}
	}
}

func TestProfileSaysWhatIsMissing(t *testing.T) {
	s, err := settings.FromFile("<flat-profile><GPP_A ua=\"ro\"> a</GPP_A><router-configuration><B><C>2</C></B><A>1</A></router-configuration></flat-profile>")
	if err != nil {
		t.Fatal(err)
	}
	text, missing := s.Profile("router-configuration/B/C", "GPP_B", "GPP_A", "router-configuration/A")
	const want = `<flat-profile>
  <GPP_A ua="ro">a</GPP_A>
<router-configuration>
  <A>1</A>
<B>
  <C>2</C>
</B>
</router-configuration>
</flat-profile>
`
	if text != want || len(missing) != 1 || missing[0] != "GPP_B" {
		t.Errorf("missing %v, and\n%s", missing, text)
	}
	names := 0
	for range s.All() {
		names++
	}
	if names != 3 {
		t.Errorf("%d parameters", names)
	}
}

// Whatever a file says, it is read in bounds, and what is known of it is given back exactly.
func FuzzFromFile(f *testing.F) {
	for _, file := range []string{"captured.html", "saved.html"} {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	row := devicetest.Row(f, "SPA942", "")
	v := device.View{Unit: devicetest.Known(row, 0), Params: devicetest.Params(f, row.Factory, "GPP_A=a<b&c")}
	f.Add(string(v.Export()))
	f.Add("<flat-profile><GPP_A> &#32;x&#10;</GPP_A><router-configuration><A><B>1</B></A></router-configuration></flat-profile>")
	f.Add(`<html><div id="Provisioning">Profile Rule:<input value="a" b"><div id="Wi-Fi">ssid:<input value=1>ssid:<input value=2>`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := settings.FromFile(text)
		if err != nil {
			return
		}
		var names []string
		for name := range s.All() {
			if _, ok := s.Known(name); ok {
				names = append(names, name)
			}
		}
		back, missing := s.Profile(names...)
		if missing != nil {
			t.Fatalf("%v are known and missing", missing)
		}
		file, err := profile.Scan(back, profile.Options{Nested: true})
		if err != nil {
			t.Fatalf("%v in\n%s", err, back)
		}
		got := map[string]string{}
		for _, p := range file.Params {
			got[p.Name] = p.Value
		}
		for _, name := range names {
			if want, _ := s.Known(name); got[name] != want {
				t.Errorf("%s is given back as %q, and was %q", name, got[name], want)
			}
		}
	})
}
