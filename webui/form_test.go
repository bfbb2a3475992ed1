package webui_test

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/webui"
)

// send posts a body and returns the whole answer.
func send(t *testing.T, addr, target, body string, headers ...string) string {
	t.Helper()
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", target, len(body))
	got, err := exchange(addr, head+strings.Join(append(headers, ""), "\r\n")+"\r\n"+body)
	if err != nil {
		t.Fatalf("POST %s: %v", target, err)
	}
	return got
}

// changes returns what a command sets, by name.
func changes(c device.Command) map[string]string {
	m := map[string]string{}
	for _, s := range c.Sets {
		m[s.ID.Name()] = s.Value
	}
	return m
}

// numberIn returns the number of a field of the administrator's advanced pages.
func numberIn(t *testing.T, modelName, firmware, tab, label string) string {
	path := "/admin/advanced"
	if modelName == "SPA2102" && tab != "Wan Setup" {
		path = "/admin/voice/advanced"
	}
	return fieldOf(t, modelName, firmware, path, tab, label)
}

// The targets of each family take a form, and no other's do (device-surface.md §1.3;
// surface-2.md §2.2).
func TestFormsGoToTheTargetsOfTheFamily(t *testing.T) {
	for _, tt := range []struct {
		model, target string
		taken         bool
	}{
		{"SPA2102", "/bsipura.spa", true}, {"SPA2102", "/asipura.spa", true}, {"SPA2102", "/admin/asipura.spa", true},
		{"SPA2102", "/admin/voice/asipura.spa", true}, {"SPA2102", "/voice/bsipura.spa", true},
		{"SPA2102", "/linksys.pbp", false}, {"SPA2102", "/admin/acisco.csc", false}, {"SPA2102", "/other/asipura.spa", false}, {"SPA2102", "/admin/", false},
		{"PAP2T", "/linksys.pbp", true}, {"PAP2T", "/admin/any.pbp", true}, {"PAP2T", "/admin/asipura.spa", true}, {"PAP2T", "/bcisco.csc", false},
		{"SPA942", "/bsipura.spa", true}, {"SPA942", "/admin/asipura.spa", true}, {"SPA942", "/admin/voice/asipura.spa", false}, {"SPA942", "/bcisco.csc", false},
		{"SPA504G", "/bcisco.csc", true}, {"SPA504G", "/admin/acisco.csc", true}, {"SPA504G", "/admin/asipura.spa", false}, {"SPA504G", "/pdir.csc", true}, {"SPA504G", "/pdir.spa", false}, {"SPA942", "/pdir.spa", true}, {"SPA942", "/admin/pdir.spa", false}, {"PAP2T", "/pdir.spa", false},
		{"SPA525G2", "/admin/bcisco.csc", true},
	} {
		f, addr := serve(t, &webui.Site{}, view(t, tt.model, "", "GPP_A=old"))
		got := send(t, addr, tt.target, "")
		want := "200 OK"
		if !tt.taken {
			want = "405 Method Not Allowed"
		}
		if tt.model == "SPA504G" || tt.model == "SPA525G2" {
			if tt.taken && strings.HasPrefix(tt.target, "/admin/") {
				want = "403 Forbidden" // without the page's token
				f.command(t)
			}
		}
		if statusOf(got) != want {
			t.Errorf("%s: POST %s answers %s, want %s", tt.model, tt.target, statusOf(got), want)
		}
		if !tt.taken {
			refusal(t, f, tt.target, got, want, "a form to "+tt.target)
		}
		if tt.taken && want == "200 OK" && !strings.Contains(got, "SPA is updating your configuration. Unit may reset.") {
			t.Errorf("%s: POST %s answers\n%s", tt.model, tt.target, got)
		}
	}
}

// What a form changes is one command; what it leaves as it is, is not in it (device-surface.md
// §1.7).
func TestAFormSetsWhatItChanges(t *testing.T) {
	rule, number := numberIn(t, "SPA2102", "", "Provisioning", "Profile Rule"), func(tab, label string) string { return numberIn(t, "SPA2102", "", tab, label) }
	for _, tt := range []struct {
		what, body string
		want       map[string]string // nil: nothing
		said       string
	}{
		{"one field", rule + "=http%3A%2F%2Fh%2F%24MA.xml", map[string]string{"Profile_Rule": "http://h/$MA.xml"}, "Profile_Rule"},
		{"plus is a blank", rule + "=%5B--uid+a%5Dhttp://h/x+y", map[string]string{"Profile_Rule": "[--uid a]http://h/x y"}, "Profile_Rule"},
		{"as it was", rule + "=/spa$PSN.cfg", nil, ""},
		{"yes and no", number("Provisioning", "Resync On Reset") + "=0&" + number("Provisioning", "Provision Enable") + "=1", map[string]string{"Resync_On_Reset": "No"}, "Resync_On_Reset"},
		{"a choice", number("Wan Setup", "Connection Type") + "=Static+IP", map[string]string{"Connection_Type": "Static IP"}, "Connection_Type"},
		{"a password", number("Line 1", "Password") + "=secret", map[string]string{"Password_1_": "secret"}, "Password_1_"},
		{"a password without its P", strings.TrimPrefix(number("Line 1", "Password"), "P") + "=secret", map[string]string{"Password_1_": "secret"}, "Password_1_"},
		{"a mask", number("System", "User Password") + "=*************", nil, ""},
		{"an emptied password", number("System", "User Password") + "=", map[string]string{"User_Password": ""}, "User_Password"},
		{"twice, the last counts", rule + "=a&" + rule + "=b", map[string]string{"Profile_Rule": "b"}, "Profile_Rule"},
		{"unknown fields beside it", "1=x&abc&=&P=&99999999=&-1=&" + rule + "=b", map[string]string{"Profile_Rule": "b"}, "Profile_Rule"},
		{"cut at its end", rule + "=b&" + rule, map[string]string{"Profile_Rule": ""}, "Profile_Rule"},
		{"bad escapes", rule + "=%zz%", map[string]string{"Profile_Rule": "%zz%"}, "Profile_Rule"},
		{"two", rule + "=b&" + number("Provisioning", "GPP A") + "=c", map[string]string{"Profile_Rule": "b", "GPP_A": "c"}, "GPP_A, Profile_Rule"},
		{"nothing", "", nil, ""},
	} {
		f, addr := serve(t, &webui.Site{}, view(t, "SPA2102", "", "User_Password=mine", "Admin_Passwd="))
		got := send(t, addr, "/admin/voice/asipura.spa", tt.body)
		if !strings.Contains(got, `<meta http-equiv="Refresh" content="10;URL=/admin/voice/advanced">`) {
			t.Errorf("%s: %s", tt.what, got)
		}
		if tt.want == nil {
			continue // no command: checked at the end
		}
		c := f.command(t)
		if c.Order != device.SetParams || c.Cause != model.ByWeb || !maps.Equal(changes(c), tt.want) || c.Argument != tt.said {
			t.Errorf("%s orders %+v, want %v", tt.what, c, tt.want)
		}
	}
}

// refusal checks that a form changes nothing, and that it is told.
func refusal(t *testing.T, f *fleet, what, got, status, said string) {
	t.Helper()
	if statusOf(got) != status {
		t.Errorf("%s is answered %s, want %s", what, statusOf(got), status)
	}
	if c := f.command(t); c.Order != device.Refuse || c.Argument != said || len(c.Sets) != 0 {
		t.Errorf("%s orders %+v, want a refusal of %s", what, c, said)
	}
}

// Wrong values come back marked, and nothing of their form is applied
// (device-surface.md §1.7).
func TestWrongValuesComeBackMarked(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA942", ""))
	port, rule := numberIn(t, "SPA942", "", "System", "Web Server Port"), numberIn(t, "SPA942", "", "Provisioning", "Profile Rule")
	dhcp := numberIn(t, "SPA942", "", "System", "Connection Type")
	got := send(t, addr, "/admin/asipura.spa", port+"=99999&"+rule+"=http://h/%22x&"+dhcp+"=Pigeon")
	refusal(t, f, "a wrong port", got, "200 OK", "a form with 2 wrong values: Connection_Type, Web_Server_Port")
	for _, want := range []string{
		`<div class="wrong">`, `<td><font color="red">Web Server Port:</font>&nbsp;&nbsp;&nbsp;&nbsp;<td><input class="inputw" name="` + port + `" maxlength="2047" value="99999">`,
		`<td>Profile Rule:&nbsp;&nbsp;&nbsp;&nbsp;<td colspan="3"><input class="inputw" name="` + rule + `" maxlength="2047" value="http://h/&#34;x">`,
		`<font color="red">Connection Type:</font>`, "<option selected>Pigeon",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if n := strings.Count(got, `<font color="red">`); n != 2 {
		t.Errorf("%d names are red, want 2", n)
	}
}

var accessWords = map[string]profile.Access{"na": profile.NoAccess, "ro": profile.ReadOnly, "rw": profile.ReadWrite}

// A user's page has what the user may see, as text or as fields, and only the latter can be
// sent (device-surface.md §1.5).
func TestUsersChangeOnlyWhatTheyMay(t *testing.T) {
	v := view(t, "SPA942", "", "Station_Name=lobby", "Text_Logo=ours")
	grant := func(name string, a string) device.Set {
		p, ok := v.Unit.Row.Lookup(name)
		if !ok {
			t.Fatal(name)
		}
		return device.Set{ID: p.ID, Access: accessWords[a]}
	}
	v.Params, _ = v.Params.With(new(device.Layers), []device.Set{grant("Station_Name", "ro"), grant("Text_Logo", "na"), grant("Domain", "ro"), grant("GPP_A", "rw"), grant("Call_Return_Code", "rw")})
	body := page(t, v, "/")
	if !strings.Contains(body, `<td>Station Name:&nbsp;&nbsp;&nbsp;&nbsp;<td><font color="darkblue">lobby</font>`) || strings.Contains(body, "Text Logo") || strings.Contains(body, "Profile Rule") {
		t.Errorf("the user's page is\n%s", outline(body))
	}
	if strings.Contains(body, ">Regional<") || !strings.Contains(page(t, v, "/advanced"), ">Regional<") {
		t.Error("what is in the advanced view alone is not there alone")
	}
	f, addr := serve(t, &webui.Site{}, v)
	name, host := numberIn(t, "SPA942", "", "Phone", "Station Name"), numberIn(t, "SPA942", "", "System", "HostName")
	rule, domain := numberIn(t, "SPA942", "", "Provisioning", "Profile Rule"), numberIn(t, "SPA942", "", "System", "Domain")
	for _, tt := range []struct{ what, body, said string }{
		{"a field that is text", host + "=h&" + name + "=x", "a form with 1 field that the user may not change"},
		{"a field that is not there", host + "=h&" + rule + "=x&" + domain + "=y", "a form with 2 fields that the user may not change"},
	} {
		refusal(t, f, tt.what, send(t, addr, "/bsipura.spa", tt.body), "403 Forbidden", tt.said)
	}
	send(t, addr, "/bsipura.spa", host+"=h")
	if c := f.command(t); !maps.Equal(changes(c), map[string]string{"HostName": "h"}) {
		t.Errorf("a user's form orders %+v", c)
	}
}

// A form asks for the login that its page asks for (device-surface.md §1.5).
func TestFormsAskForTheLoginOfTheirPage(t *testing.T) {
	v := view(t, "SPA942", "", "Admin_Passwd=secret")
	f, addr := serve(t, &webui.Site{}, v)
	body := numberIn(t, "SPA942", "", "Provisioning", "Profile Rule") + "=b"
	asked := send(t, addr, "/admin/asipura.spa", body)
	if statusOf(asked) != "401 Unauthorized" {
		t.Fatalf("it is answered %s", statusOf(asked))
	}
	challenge := challengeOf(t, asked)
	refusal(t, f, "a wrong password", send(t, addr, "/admin/asipura.spa", body, authorizationOf("POST", challenge, "admin", "guess", "/admin/asipura.spa", "auth")), "401 Unauthorized", "a wrong login as admin")
	send(t, addr, "/admin/asipura.spa", body, authorizationOf("POST", challenge, "admin", "secret", "/admin/asipura.spa", "auth"))
	if c := f.command(t); !maps.Equal(changes(c), map[string]string{"Profile_Rule": "b"}) {
		t.Errorf("it orders %+v", c)
	}
	closed := view(t, "SPA942", "", "Enable_Web_Admin_Access=No")
	f, addr = serve(t, &webui.Site{}, closed)
	refusal(t, f, "no admin access", send(t, addr, "/admin/asipura.spa", body), "403 Forbidden", "/admin/asipura.spa")
}

var tokenOf = regexp.MustCompile(`<input type="hidden" name="csrftoken" value="([0-9a-f]{8})">`)

// From 7.6 on the administrator's form is taken only with the token of its page, which a change
// and a boot renew (device-surface.md §1.7; surface-2.md §2.2).
func TestFormsOf76BringBackTheirToken(t *testing.T) {
	v := view(t, "SPA504G", "7.6.2f")
	body := url.QueryEscape(numberIn(t, "SPA504G", "7.6.2f", "Provisioning", "Profile Rule")) + "=b"
	f, addr := serve(t, &webui.Site{}, v)
	m := tokenOf.FindStringSubmatch(get(t, addr, "/admin/advanced"))
	if m == nil {
		t.Fatal("the page has no token")
	}
	const said = "a form without the page's token"
	refusal(t, f, "a form from elsewhere", send(t, addr, "/admin/acisco.csc", body), "403 Forbidden", said)
	refusal(t, f, "a guessed token", send(t, addr, "/admin/acisco.csc", body+"&csrftoken=00000000"), "403 Forbidden", said)
	send(t, addr, "/admin/acisco.csc", body+"&csrftoken="+m[1])
	if c := f.command(t); !maps.Equal(changes(c), map[string]string{"Profile_Rule": "b"}) {
		t.Errorf("it orders %+v", c)
	}
	again := v
	again.Booted++
	if other := tokenOf.FindStringSubmatch(page(t, again, "/admin/basic")); other == nil || other[1] == m[1] {
		t.Errorf("after a boot the token is %v", other)
	}
	again = view(t, "SPA504G", "7.6.2f", "Profile_Rule=b")
	if other := tokenOf.FindStringSubmatch(page(t, again, "/admin/advanced")); other == nil || other[1] == m[1] {
		t.Errorf("after a change the token is %v", other)
	}
	for _, none := range []struct{ firmware, path string }{{"7.6.2f", "/"}, {"7.5.2b", "/admin/advanced"}} {
		if tokenOf.MatchString(page(t, view(t, "SPA504G", none.firmware), none.path)) {
			t.Errorf("%s has a token on %s", none.firmware, none.path)
		}
	}
	f, addr = serve(t, &webui.Site{}, view(t, "SPA504G", "7.6.2f"))
	send(t, addr, "/bcisco.csc", numberIn(t, "SPA504G", "7.6.2f", "User", "DND Setting")+"=1")
	if c := f.command(t); !maps.Equal(changes(c), map[string]string{"DND_Setting": "Yes"}) {
		t.Errorf("a user's form without a token orders %+v", c)
	}
}

func TestUnknownFieldsRefuseAFormBySwitch(t *testing.T) {
	v := view(t, "SPA942", "")
	v.Unit.Row.Behaviour.Web.StrictForms = true
	f, addr := serve(t, &webui.Site{}, v)
	body := numberIn(t, "SPA942", "", "Provisioning", "Profile Rule") + "=b&1=x&two=y"
	refusal(t, f, "a form with unknown fields", send(t, addr, "/admin/asipura.spa", body), "400 Bad Request", "a form with 2 unknown fields")
}

// A form has a length that the server reads; one that is longer changes nothing.
func TestLongForms(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA942", ""))
	body := numberIn(t, "SPA942", "", "Provisioning", "Profile Rule") + "=b&"
	const said = "a form of more than 262144 bytes, or one that ends early"
	refusal(t, f, "a form of a megabyte", send(t, addr, "/admin/asipura.spa", body+strings.Repeat("1=x&", 1<<18)), "400 Bad Request", said)
	send(t, addr, "/admin/asipura.spa", body+strings.Repeat("1=x&", (256<<10-len(body))/4))
	if c := f.command(t); !maps.Equal(changes(c), map[string]string{"Profile_Rule": "b"}) {
		t.Errorf("a form of 256 KB orders %+v", c)
	}
	long := strings.Repeat("x", 4000)
	send(t, addr, "/admin/asipura.spa", body[:len(body)-3]+"="+long)
	if c := f.command(t); len(changes(c)["Profile_Rule"]) != 2047 {
		t.Errorf("a long value is set to %d characters", len(changes(c)["Profile_Rule"]))
	}
}

// The paths of commands answer 403 while Enable_Direct_Action_Url is off (device-surface.md
// §1.1).
func TestDirectActionURLsCanBeOff(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA504G", "7.6.2f", "Enable_Direct_Action_Url=No"))
	for _, path := range []string{"/admin/resync?h/x", "/resync", "/upgrade?x", "/reboot"} {
		path, _, _ := strings.Cut(path, "?")
		refusal(t, f, path, get(t, addr, path), "403 Forbidden", path)
	}
	if got := get(t, addr, "/admin/"); statusOf(got) != "200 OK" {
		t.Errorf("pages answer %s", statusOf(got))
	}
}

// A person's browser in a scenario fills a page in by the names of parameters, and
// brings back its token.
func TestABrowserFillsInAPage(t *testing.T) {
	for _, tt := range []struct {
		model, path, form string
		want              map[string]string
		order             device.Order
	}{
		{"SPA504G", "/admin/advanced", "Profile_Rule=http://h/%24MA.xml&Resync_Periodic=60", map[string]string{"Profile_Rule": "http://h/$MA.xml", "Resync_Periodic": "60"}, device.SetParams},
		{"SPA504G", "/admin/acisco.csc", "1=x", nil, device.Refuse}, // a script that has not seen the page
		{"SPA2102", "/admin/voice/advanced", "Profile_Rule=x", map[string]string{"Profile_Rule": "x"}, device.SetParams},
		{"PAP2T", "/", "Speed_Dial_2_1_=100", map[string]string{"Speed_Dial_2_1_": "100"}, device.SetParams},
		{"PAP2T", "/", "Profile_Rule=x", nil, device.Refuse},
	} {
		v := view(t, tt.model, "", "Admin_Passwd=secret")
		status, c, err := webui.Browser{User: "admin", Password: "secret"}.Visit(v, tt.path, tt.form)
		if err != nil || c == nil || c.Order != tt.order || !maps.Equal(changes(*c), tt.want) && tt.want != nil {
			t.Errorf("%s %s with %s: %d, %+v", tt.model, tt.path, tt.form, status, c)
		}
	}
	for _, tt := range []struct {
		path, form, password string
		want                 device.Order
	}{
		{"/voice.asp", "Profile_Rule=x", "admin", device.SetParams}, {"/apply.cgi", "submit_button=Reboot&gui_action=Apply", "admin", device.Reboot},
		{"/voice.asp", "Profile_Rule=x", "guess", device.Refuse}, {"/Status.asp", "", "admin", 0},
	} {
		status, c, err := webui.Browser{User: "admin", Password: tt.password}.Visit(view(t, "SPA122", ""), tt.path, tt.form)
		if status != 200 || err != nil || (c == nil) != (tt.want == 0) || c != nil && c.Order != tt.want {
			t.Errorf("SPA122 %s with %s: %d, %+v, %v", tt.path, tt.form, status, c, err)
		}
	}
	v := view(t, "SPA942", "", "Admin_Passwd=secret")
	if status, c, _ := (webui.Browser{User: "admin", Password: "guess"}).Visit(v, "/admin/advanced", "Profile_Rule=x"); status != 401 || c.Order != device.Refuse {
		t.Errorf("a wrong password: %d, %+v", status, c)
	}
	for _, name := range []string{"Profil_Rule", "GPP_SA", "Protect_IVR_FactoryReset"} {
		_, c, err := (webui.Browser{User: "admin", Password: "secret"}).Visit(v, "/admin/advanced", "GPP_A=x&"+name+"=x")
		if c != nil || err == nil || !strings.Contains(err.Error(), fmt.Sprintf("no field %q", name)) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}
