package webui_test

import (
	"bytes"
	"fmt"
	"maps"
	"mime/multipart"
	"regexp"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/resync"
	"spafleet/webui"
)

// The hash of admin with its length, repeated to 64 characters: echo -n admin05admin05… | md5sum.
const (
	hashOfAdmin = "498836900e3cb4d343b96f3f1c578f4a"
	goodLogin   = "submit_button=login&keep_name=0&enc=1&user=admin&pwd=" + hashOfAdmin
)

var keyOf = regexp.MustCompile(`var session_key='([0-9a-f]{32})'`)

// enter logs in and returns the session's key.
func enter(t *testing.T, addr, form string) string {
	t.Helper()
	m := keyOf.FindStringSubmatch(send(t, addr, "/login.cgi", form))
	if m == nil {
		t.Fatalf("%s gives no session", form)
	}
	return m[1]
}

// A login gives the key of a session in the page's script, a wrong one the login page
// (surface-2.md §1.1).
func TestLoginOfAnSPA1xx(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA112", ""))
	for _, form := range []string{goodLogin, "submit_button=login&user=admin&pwd=" + hashOfAdmin, "user=admin&enc=0&pwd=admin"} {
		enter(t, addr, form)
	}
	for _, form := range []string{"user=admin&pwd=admin", "user=admin&enc=0&pwd=x", "user=cisco&pwd=" + hashOfAdmin, "user=&pwd=", ""} {
		got := send(t, addr, "/login.cgi", form)
		if keyOf.MatchString(got) || !strings.Contains(got, "<title>Login Page</title>") || !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\nServer: httpd\r\n") {
			t.Errorf("%s is answered\n%s", form, got)
		}
		if c := f.command(t); c.Order != device.Refuse {
			t.Errorf("%s orders %+v", form, c)
		}
	}
	front := get(t, addr, "/")
	if n := strings.Count(front[:strings.Index(front, `type="submit"`)], "<input"); n != 6 || !strings.Contains(front, `name="user"`) || !strings.Contains(front, `name="pwd"`) {
		t.Errorf("the button is input %d of the login page, want 6", n)
	}
	own := view(t, "SPA112", "", loginNames+"Admin_Name=root", loginNames+"Admin_Password=longer than it was")
	f, addr = serve(t, &webui.Site{}, own)
	send(t, addr, "/login.cgi", goodLogin)
	f.command(t)
	enter(t, addr, "user=root&enc=0&pwd=longer+than+it+was")
}

// The actions of apply.cgi (surface-2.md §1.2).
func TestActionsOfAnSPA1xx(t *testing.T) {
	v := view(t, "SPA122", "", "GPP_A=mine", "router-configuration/Internet_Option/Host_Name=box")
	f, addr := serve(t, &webui.Site{}, v)
	key := enter(t, addr, goodLogin)
	path := "/apply.cgi;session_id=" + key
	act := func(body string) device.Command {
		got := send(t, addr, path, body+"&session_key="+key)
		if statusOf(got) != "200 OK" || !strings.Contains(got, "login page in a few minutes") {
			t.Errorf("%s is answered\n%s", body, got)
		}
		return f.command(t)
	}
	if c := act("submit_button=Reboot&gui_action=Apply&need_reboot=1"); c.Order != device.Reboot {
		t.Errorf("Reboot orders %+v", c)
	}
	if c := act("submit_button=Reboot&gui_action=Apply&need_reboot=1&submit_type=&change_action=&closeflg=1&privilege_str=&privilege_end="); c.Order != device.Reboot {
		t.Errorf("a browser's Reboot orders %+v", c)
	}
	if c := act("submit_button=Factory_Defaults&gui_action=Apply&FactoryDefaults=1&VoiceDefaults=1"); c.Order != device.FactoryReset {
		t.Errorf("Factory_Defaults orders %+v", c)
	}
	if c := act("submit_button=Factory_Defaults&gui_action=Apply&FactoryDefaults=0&VoiceDefaults=1"); c.Order != device.SetParams || !maps.Equal(changes(c), map[string]string{"GPP_A": ""}) {
		t.Errorf("the defaults of the voice half are %+v", c)
	}
	if c := act("submit_button=Factory_Defaults&gui_action=Apply&FactoryDefaults=1&VoiceDefaults=0"); len(c.Sets) != 1 || changes(c)["GPP_A"] != "" {
		t.Errorf("the defaults of the router's half are %+v", c)
	}
	page := send(t, addr, path, "submit_button=User_Level&change_action=gozila_cgi&submit_type=&next_page=User_Level.asp")
	if !strings.Contains(page, `table[0]=new AAA("admin","`+hashOfAdmin+`","0")`) || !strings.Contains(page, `table[1]=new AAA("cisco",`) {
		t.Errorf("a change of pages is answered\n%s", page)
	}
	const reboot = "submit_button=Reboot&gui_action=Apply&need_reboot=1"
	refusal(t, f, "no session", send(t, addr, "/apply.cgi", reboot), "200 OK", "a form without a session")
	refusal(t, f, "a wrong session", send(t, addr, "/apply.cgi;session_id=00112233445566778899aabbccddeeff", reboot), "200 OK", "a form without a session")
	low := enter(t, addr, "user=cisco&enc=0&pwd=cisco")
	refusal(t, f, "the low account", send(t, addr, "/apply.cgi;session_id="+low, reboot), "403 Forbidden", "Reboot, which is the administrator's")
	refusal(t, f, "the list of users", get(t, addr, "/User_Level.asp;session_id="+low), "403 Forbidden", "the list of users, which is the administrator's")
	of, leaky := serve(t, &webui.Site{}, view(t, "SPA112", "1.4.1(002)"))
	if old := get(t, leaky, "/User_Level.asp;session_id="+enter(t, leaky, "user=cisco&enc=0&pwd=cisco")); !strings.Contains(old, hashOfAdmin) {
		t.Errorf("before 1.4.1(SR5) the low account sees %s", old)
	}
	of.none(t)
	if low == key {
		t.Error("the two accounts have one key")
	}
}

// A script takes the key of the administrator's session out of status.xml, and reboots the unit
// with it (surface-2.md §1.1, §1.4).
func TestTheKeyInTheStatusIsLive(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA112", ""))
	_, rest, _ := strings.Cut(get(t, addr, "/admin/status.xml&xuser=admin&xpassword=admin"), "<Session_ID>")
	key, _, _ := strings.Cut(rest, "<")
	send(t, addr, "/apply.cgi;session_id="+key, "submit_button=Reboot&gui_action=Apply&need_reboot=1&session_key="+key)
	if c := f.command(t); c.Order != device.Reboot {
		t.Errorf("it orders %+v", c)
	}
}

// uploadOf returns the body of an upload and its header.
func uploadOf(t *testing.T, field, name string, file []byte) (body, header string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	w.WriteField("submit_button", "Upgrade")
	w.WriteField("upgradeflag", "1")
	part, err := w.CreateFormFile(field, name)
	if err != nil {
		t.Fatal(err)
	}
	part.Write(file)
	w.Close()
	return b.String(), "Content-Type: " + w.FormDataContentType()
}

func postAs(addr, target, body, header string) (string, error) {
	return exchange(addr, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n%s", target, header, len(body), body))
}

// An image is taken from anyone (CVE-2023-20126). One that is none breaks the connection,
// and the unit reboots all the same (surface-2.md §1.2).
func TestUploadOfAnImage(t *testing.T) {
	for _, name := range []string{"SPA112", "SPA122"} {
		v := view(t, name, "1.4.1(SR5)")
		good, err := resync.MakeImage(v.Unit.Row.Model, "1.4.9", 100<<10)
		if err != nil {
			t.Fatal(err)
		}
		f, addr := serve(t, &webui.Site{}, v)
		body, header := uploadOf(t, "file", "new.bin", good)
		got, err := postAs(addr, "/upgrade.cgi", body, header)
		if err != nil || statusOf(got) != "200 OK" || !strings.Contains(got, "is successful") {
			t.Errorf("%s: an image is answered %v\n%s", name, err, got)
		}
		if c := f.command(t); c.Order != device.Install || c.Upload().Version != "1.4.9" || c.Upload().Name != "new.bin" || c.Upload().Part != "" {
			t.Errorf("%s: it orders %+v", name, c)
		}
		for what, bad := range map[string][]byte{"damaged": good[:len(good)-1], "another file": []byte("hello"), "empty": nil} {
			body, header := uploadOf(t, "file", "bad.bin", bad)
			if got, err := postAs(addr, "/upgrade.cgi", body, header); err == nil && got != "" {
				t.Errorf("%s: a file that is %s is answered\n%s", name, what, got)
			}
			if c := f.command(t); c.Order != device.Install || c.Upload().Part == "" {
				t.Errorf("%s: a file that is %s orders %+v", name, what, c)
			}
		}
		other, err := resync.MakeImage(devicetest.Row(t, "SPA2102", "").Model, "1.4.9", 100<<10)
		if err != nil {
			t.Fatal(err)
		}
		body, header = uploadOf(t, "file", "spa2102.bin", other)
		if got, err := postAs(addr, "/upgrade.cgi", body, header); err == nil && got != "" {
			t.Errorf("%s: an image of another model is answered\n%s", name, got)
		}
		f.command(t)
		got, _ = postAs(addr, "/upgrade.cgi", "a=b", "Content-Type: application/x-www-form-urlencoded")
		refusal(t, f, "a form", got, "400 Bad Request", "an upload without a file")
	}
	v := view(t, "SPA112", "")
	v.Unit.Row.Behaviour.Web.UploadLogin = true
	f, addr := serve(t, &webui.Site{}, v)
	body, header := uploadOf(t, "file", "x.bin", []byte("x"))
	got, _ := postAs(addr, "/upgrade.cgi", body, header)
	refusal(t, f, "by switch, an image without a session", got, "200 OK", "an image without a session")
}

// The rows of the tab Information that a script counts (surface-2.md §1.5).
func TestRowsOfTheTabInformation(t *testing.T) {
	_, addr := serve(t, &webui.Site{}, view(t, "SPA122", ""))
	key := enter(t, addr, goodLogin)
	if outer := get(t, addr, "/voice.asp;session_id="+key); !strings.Contains(outer, `<iframe id="iframe" src="/voice_pages.asp;session_id=`+key+`">`) || !strings.Contains(outer, `id="trt_Management.asp"`) {
		t.Errorf("the page Voice is\n%s", outer)
	}
	_, inner, _ := strings.Cut(get(t, addr, "/voice_pages.asp;session_id="+key), `id="Information"`)
	rows := regexp.MustCompile(`<tr[^>]*>.*?</tr>`).FindAllString(inner, -1)
	for n, want := range map[int]string{9: `Elapsed Time:<td><font color="darkblue">18 days and 22:23:43</font>`, 17: "Hook State:<td><font", 44: "Hook State:<td><font", 43: "Line 2 Status", 41: "Call 2 Packet Error"} {
		if !strings.Contains(rows[n-1], want) {
			t.Errorf("row %d is %s, want %s", n, rows[n-1], want)
		}
	}
}

func TestSettingsOfAnSPA1xx(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA122", ""))
	key := enter(t, addr, goodLogin)
	number := func(page, tab, label string) string {
		at, found := "", ""
		for _, m := range pieces.FindAllStringSubmatch(get(t, addr, "/"+page+";session_id="+key), -1) {
			switch {
			case m[1] != "":
				at = m[1]
			case m[3] != "":
				found = m[3]
			case m[5] != "" && at == tab && found == label:
				return m[5]
			}
		}
		t.Fatalf("no %s in %s", label, tab)
		return ""
	}
	const form = "submit_button=Voice&gui_action=Apply&submit_type=&change_action=&"
	rule, host := number("voice_pages.asp", "Provisioning", "Profile Rule"), number("Network_Service.asp", "Network Setup", "Host Name")
	if got := send(t, addr, "/apply.cgi;session_id="+key, form+rule+"=http://h/%24MA.xml&"+host+"=box"); !strings.Contains(got, "Unit may reset.") {
		t.Errorf("a form is answered\n%s", got)
	}
	if c := f.command(t); !maps.Equal(changes(c), map[string]string{"Profile_Rule": "http://h/$MA.xml", "router-configuration/Internet_Option/Host_Name": "box"}) {
		t.Errorf("it orders %+v", c)
	}
	wrong := number("voice_pages.asp", "Provisioning", "Resync Random Delay")
	got := send(t, addr, "/apply.cgi;session_id="+key, form+rule+"=x&"+wrong+"=often")
	refusal(t, f, "a wrong value", got, "200 OK", "a form with 1 wrong value: Resync_Random_Delay")
	if !strings.Contains(got, `<font color="red">Resync Random Delay:</font>`) || !strings.Contains(got, `action="/apply.cgi;session_id=`+key) {
		t.Errorf("it comes back as\n%s", got)
	}
	low := enter(t, addr, "user=cisco&enc=0&pwd=cisco")
	refusal(t, f, "the low account", send(t, addr, "/apply.cgi;session_id="+low, form+rule+"=x"), "403 Forbidden", "a form with 1 field that the user may not change")
	if page := get(t, addr, "/voice_pages.asp;session_id="+low); strings.Contains(page, "Profile Rule") || !strings.Contains(page, "Cfwd All Dest") {
		t.Errorf("the low account sees\n%s", outline(page))
	}
}

// Each parameter of an SPA1xx is on exactly one of its pages (surface-2.md §1.5).
func TestEachParameterOfAnSPA1xxIsOnExactlyOnePage(t *testing.T) {
	for _, name := range []string{"SPA112", "SPA122", "SPA232D"} {
		v := view(t, name, "")
		_, addr := serve(t, &webui.Site{}, v)
		key := enter(t, addr, goodLogin)
		seen := map[string]int{}
		for _, page := range []string{"voice_pages.asp", "Network_Service.asp", "Management.asp"} {
			for _, m := range pieces.FindAllStringSubmatch(get(t, addr, "/"+page+";session_id="+key), -1) {
				if m[5] != "" {
					seen[m[5]]++
				}
			}
		}
		want := 0
		for _, n := range v.Unit.Row.ParameterNames() {
			if p, _ := v.Unit.Row.Lookup(n); !hiddenField(p) {
				want++
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d fields, want %d", name, len(seen), want)
		}
		for field, n := range seen {
			if n != 1 {
				t.Errorf("%s: field %s is there %d times", name, field, n)
			}
		}
	}
}

// What is not this server's: the pages and targets of the other families, pages without a
// session (surface-2.md §1.5).
func TestOtherPathsOfAnSPA1xx(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA112", ""))
	key := enter(t, addr, goodLogin)
	for path, want := range map[string]string{"/admin/advanced": "404 Not Found", "/nothing;session_id=" + key: "404 Not Found", "/index.asp": "200 OK", "/spacfg.xml": "404 Not Found"} {
		got := get(t, addr, path)
		if !strings.HasPrefix(path, "/nothing") && want != "200 OK" {
			refusal(t, f, path, got, want, "a page of other devices, "+path)
		}
		if statusOf(got) != want || want == "200 OK" && !strings.Contains(got, "<title>Login Page</title>") {
			t.Errorf("%s is answered %s", path, got)
		}
	}
	for _, path := range []string{"/admin/asipura.spa", "/bcisco.csc", "/CGI/Execute"} {
		refusal(t, f, path, send(t, addr, path, "1=x"), "404 Not Found", "a form to "+path)
	}
	if got, _ := exchange(addr, "PUT / HTTP/1.1\r\nHost: x\r\n\r\n"); statusOf(got) != "501 Not Implemented" {
		t.Errorf("PUT is answered %s", statusOf(got))
	}
}
