package settings_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/scenarios/probe/settings"
)

// identities are what an SPA1xx's configuration says of the unit in the place of parameters.
var identities = []string{"Firmware_Version", "Firmware_Build_Version", "About_Product/Firmware_Version", "System_Model_Number", "About_Product/Product_ID",
	"Internet_Option/Host_Name", "About_Product/Model", "About_Product/Serial_Number"}

func isIdentity(name string) bool {
	name, nested := strings.CutPrefix(name, "router-configuration/")
	return nested && slices.Contains(identities, name)
}

// shown returns the parameters that a phone's export shows.
func shown(row *model.Row) []string {
	var names []string
	if row.Model.Family.Name == "SPA100" {
		for _, name := range row.ParameterNames() {
			if !isIdentity(name) {
				names = append(names, name)
			}
		}
		return names
	}
	for p := range row.Factory.Exported() {
		if row.Has(p) {
			names = append(names, p.Name)
		}
	}
	return names
}

// agrees checks what was read against the device, and that the profile of all of it gives it
// back. It returns how many parameters were known.
func agrees(t *testing.T, s *settings.Settings, row *model.Row, params device.Params, names []string) int {
	t.Helper()
	var known []string
	for _, name := range names {
		want, _ := params.Lookup(name)
		p, _ := row.Lookup(name)
		got, ok := s.Known(name)
		v, said := s.Lookup(name)
		switch {
		case p.Secret() && ok && got != want || p.Secret() && ok && strings.HasPrefix(got, "****"):
			t.Errorf("%s, a secret, is known as %q", name, got)
		case !p.Secret() && !ok:
			t.Errorf("%s is not known (said %v: %q, %s)", name, said, v.Text, v.Unknown)
		case ok && got != want:
			t.Errorf("%s is read as %q, and is %q", name, got, want)
		}
		if ok {
			known = append(known, name)
		}
	}
	givesBack(t, s, row, params, known)
	return len(known)
}

// givesBack checks that profiles with all of the names make another device the same. Each has
// a part of them: some firmware has no place for the whole.
func givesBack(t *testing.T, s *settings.Settings, row *model.Row, params device.Params, names []string) {
	t.Helper()
	var sets []device.Set
	for part := range slices.Chunk(names, len(names)/3+1) {
		text, missing := s.Profile(part...)
		if missing != nil {
			t.Errorf("the profile lacks %v, which are known", missing)
		}
		sets = append(sets, applied(t, row, text)...)
	}
	again := new(device.Layers).Preset(row.Factory, sets)
	for _, name := range names {
		p, _ := row.Lookup(name)
		if got, want := again.Get(p.ID), params.Get(p.ID); got != want {
			t.Errorf("the profile gives %s back as %q, and it was %q", name, got, want)
		}
		if v, _ := s.Lookup(name); v.Access != 0 && again.Access(p.ID) != params.Access(p.ID) {
			t.Errorf("the profile gives the user of %s %s, and had %s", name, again.Access(p.ID), params.Access(p.ID))
		}
	}
}

// mustKnow are what the probe gives back.
func mustKnow(t *testing.T, s *settings.Settings, row *model.Row) {
	t.Helper()
	for _, name := range []string{"Profile_Rule", "Profile_Rule_B", "Profile_Rule_C", "Profile_Rule_D", "Resync_Periodic", "Resync_Error_Retry_Delay", "Resync_On_Reset",
		"Upgrade_Rule", "Log_Resync_Request_Msg", "Log_Resync_Success_Msg", "Syslog_Server", "Debug_Server", "Debug_Level", "GPP_A", "GPP_P", "Provision_Enable", "Report_Rule"} {
		if _, has := row.Lookup(name); !has {
			continue
		}
		if _, ok := s.Known(name); !ok {
			t.Errorf("%s is not known", name)
		}
	}
}

func TestEveryFirmwareIsReadByItsExportAndGivenBack(t *testing.T) {
	eachRow(t, func(t *testing.T, row *model.Row) {
		params := oddParams(row)
		p := newPhone(t, row, params)
		login := settings.Login{}
		if row.Model.Family.Name == "SPA100" {
			login = settings.Login{User: "admin", Password: "admin"}
		}
		s, err := settings.Read(t.Context(), p.dial, "192.0.2.1", login)
		if err != nil {
			t.Fatal(err)
		}
		if row.Model.Family.Name != "SPA100" && (s.Model != row.Model.Name || s.Firmware != row.Firmware.Version) {
			t.Errorf("it is taken for %s %s", s.Model, s.Firmware)
		}
		mustKnow(t, s, row)
		if n := agrees(t, s, row, params, shown(row)); n < 200 {
			t.Errorf("only %d parameters are known", n)
		}
	})
}

// An SPA1xx has no page without a session.
func TestEveryFirmwareIsReadByItsPagesAndGivenBack(t *testing.T) {
	eachRow(t, func(t *testing.T, row *model.Row) {
		if row.Model.Family.Name == "SPA100" {
			return
		}
		params := oddParams(row)
		p := newPhone(t, row, params)
		p.without = []string{"/admin/spacfg.xml", "/spacfg.xml"}
		s, err := settings.Read(t.Context(), p.dial, "192.0.2.1", settings.Login{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Model != row.Model.Name || s.Firmware != row.Firmware.Version {
			t.Errorf("it is taken for %s %s", s.Model, s.Firmware)
		}
		mustKnow(t, s, row)
		if n := agrees(t, s, row, params, shown(row)); n < 200 {
			t.Errorf("only %d parameters are known", n)
		}
	})
}

func TestEveryFirmwareIsReadByItsReportAndGivenBack(t *testing.T) {
	eachRow(t, func(t *testing.T, row *model.Row) {
		params := oddParams(row)
		view := device.View{Params: params}
		view.Unit.Row = row
		s, err := settings.FromFile(string(device.ReportXML(view, device.Params{})))
		if err != nil {
			t.Fatal(err)
		}
		mustKnow(t, s, row)
		names := slices.DeleteFunc(row.ParameterNames(), func(name string) bool { return strings.HasPrefix(name, "GPP_S") })
		if n := agrees(t, s, row, params, names); n < 200 {
			t.Errorf("only %d parameters are known", n)
		}
		if v, _ := s.Lookup("GPP_A"); v.Access == 0 || v.From != "file" {
			t.Errorf("of GPP_A it says %+v", v)
		}
		for _, name := range []string{"GPP_SA", "GPP_SD"} {
			if v, ok := s.Lookup(name); ok {
				t.Errorf("the report says %s: %v", name, v)
			}
		}
	})
}

// With a password a page asks for the login, and with the login it answers.
func TestEveryFirmwareWithPasswordsAsksForTheLogin(t *testing.T) {
	eachRow(t, func(t *testing.T, row *model.Row) {
		var sets []device.Set
		for _, name := range accounts {
			if p, ok := row.Lookup(name); ok {
				sets = append(sets, device.Set{ID: p.ID, Has: true, Value: `it's "secret" & 100%`})
			}
		}
		p := newPhone(t, row, new(device.Layers).Preset(row.Factory, sets))
		tests := []struct {
			login   settings.Login
			refused bool
			known   bool
		}{
			{settings.Login{}, false, false},
			{settings.Login{User: "admin", Password: "wrong"}, true, false},
			{settings.Login{Password: `it's "secret" & 100%`}, false, true},
			{settings.Login{User: "admin", Password: `it's "secret" & 100%`}, false, true},
		}
		for _, tt := range tests {
			s, err := settings.Read(t.Context(), p.dial, "192.0.2.1", tt.login)
			var asked *settings.LoginError
			if errors.As(err, &asked) == tt.known || asked != nil && asked.Refused != tt.refused {
				t.Errorf("with %+v the error is %v", tt.login, err)
			}
			if !tt.known {
				continue
			}
			if s == nil {
				t.Fatalf("with %+v nothing is read", tt.login)
			}
			mustKnow(t, s, row)
			for _, name := range accounts {
				if text, ok := s.Known(name); ok {
					t.Errorf("the password %s is read as %q", name, text)
				}
			}
		}
	})
}
