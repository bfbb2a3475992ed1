package webui_test

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/webui"
)

// push posts a body to the XML push of a phone.
func push(t *testing.T, addr, body string, headers ...string) string {
	t.Helper()
	head := fmt.Sprintf("POST /CGI/Execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(body))
	got, err := exchange(addr, head+strings.Join(append(headers, ""), "\r\n")+"\r\n"+body)
	if err != nil {
		t.Fatalf("push %.60q: %v", body, err)
	}
	return got
}

// items is a document of orders.
func items(urls ...string) string {
	var b strings.Builder
	for _, u := range urls {
		b.WriteString(`<ExecuteItem Priority="0" URL="` + u + `"/>`)
	}
	return "<CiscoIPPhoneExecute>" + b.String() + "</CiscoIPPhoneExecute>"
}

func form(document string) string { return "XML=" + url.QueryEscape(document) }

const (
	declared   = "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n"
	parseError = declared + "<CiscoIPPhoneError Number=\"1\"/>\n"
	loginError = declared + "<CiscoIPPhoneError Number=\"4\"/>\n"
)

func response(items ...string) string {
	return declared + "<CiscoIPPhoneResponse>\n" + strings.Join(append(items, ""), "\n") + "</CiscoIPPhoneResponse>\n"
}

func done(url string) string { return `<ResponseItem Status="0" Data="" URL="` + url + `"/>` }

// Of what is pushed Resync does something; each item is answered (surface-2.md §2.3).
func TestXMLPushOrdersAResync(t *testing.T) {
	const rule = "Resync:http://192.0.2.5/pushed.xml"
	tests := []struct {
		what, body, answer string
		ordered            bool
		argument           string
	}{
		{"a resync", form(items(rule)), response(done(rule)), true, "http://192.0.2.5/pushed.xml"},
		{"not encoded", "XML=" + items(rule), response(done(rule)), true, "http://192.0.2.5/pushed.xml"},
		{"its own rule", form(items("Resync:")), response(done("Resync:")), true, ""},
		{"with a declaration", form(`<?xml version="1.0" encoding="iso-8859-1"?>` + items(rule)), response(done(rule)), true, "http://192.0.2.5/pushed.xml"},
		{"options and macros", form(items("Resync:[--key $A]http://h/$MA.xml?a=1&amp;b=2")),
			response(done("Resync:[--key $A]http://h/$MA.xml?a=1&amp;b=2")), true, "[--key $A]http://h/$MA.xml?a=1&b=2"},
		{"beside other fields", "a=b&" + form(items(rule)) + "&c=d", response(done(rule)), true, "http://192.0.2.5/pushed.xml"},
		{"the first counts", form(items("Dial:100", rule, "Resync:h/2")), response(done("Dial:100"), done(rule), done("Resync:h/2")), true, "http://192.0.2.5/pushed.xml"},
		{"a call", form(items("Dial:100")), response(done("Dial:100")), false, ""},
		{"a key", form(items("Key:Line1")), response(done("Key:Line1")), false, ""},
		{"a page", form(items("http://192.0.2.5/menu.xml")), response(done("http://192.0.2.5/menu.xml")), true, "http://192.0.2.5/menu.xml"},
		{"unknown", form(items("Reboot:")), response(`<ResponseItem Status="1" Data="" URL="Reboot:"/>`), false, ""},
		{"escapes", form(items("Dial:&lt;&quot;&gt;")), response(done("Dial:&lt;&#34;&gt;")), false, ""},

		{"no body", "", parseError, false, ""},
		{"no field", "YML=" + items(rule), parseError, false, ""},
		{"no XML", form("Resync:h/x"), parseError, false, ""},
		{"cut", form(items(rule)[:60]), parseError, false, ""},
		{"another document", form("<CiscoIPPhoneText><Text>x</Text></CiscoIPPhoneText>"), parseError, false, ""},
		{"no item", form(items()), parseError, false, ""},
		{"too many items", form(items("Dial:1", "Dial:2", "Dial:3", rule)), parseError, false, ""},
		{"entities", form(`<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + items("Resync:&b;")), parseError, false, ""},
	}
	f, addr := serve(t, &webui.Site{}, view(t, "SPA504G", "7.5.5"))
	for _, tt := range tests {
		head, body, _ := strings.Cut(push(t, addr, tt.body), "\r\n\r\n")
		if statusOf(head) != "200 OK" || body != tt.answer || !strings.Contains(head, "Content-Type: text/xml\r\n") {
			t.Errorf("%s is answered\n%s\n\n%swant\n%s", tt.what, head, body, tt.answer)
		}
		if !tt.ordered {
			f.none(t)
			continue
		}
		want := device.Command{Order: device.Resync, Cause: model.ByXMLPush, Argument: tt.argument, Requester: netip.MustParseAddr("127.0.0.1")}
		if tt.what == "a page" {
			want.Order = device.XMLService
		}
		if c := f.command(t); c.Order != want.Order || c.Cause != want.Cause || c.Argument != want.Argument || c.Requester != want.Requester {
			t.Errorf("%s orders %+v, want %+v", tt.what, c, want)
		}
	}
}

// A push may have 512 bytes, and not one more (surface-2.md §2.3).
func TestXMLPushReads512Bytes(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA504G", "7.5.5"))
	body := form(items("Resync:"))
	fits := body + "&" + strings.Repeat("x", 512-len(body)-1)
	if got := push(t, addr, fits); !strings.Contains(got, "CiscoIPPhoneResponse") {
		t.Errorf("%d bytes are answered %s", len(fits), got)
	}
	f.command(t)
	for _, body := range []string{fits + "x", fits + strings.Repeat("x", 200<<10)} {
		if got := push(t, addr, body); !strings.HasSuffix(got, parseError) {
			t.Errorf("%d bytes are answered %s", len(body), got)
		}
	}
}

// Who may push, by firmware and mode (surface-2.md §2.3).
func TestWhoMayPush(t *testing.T) {
	const trusted, local, remote = "CISCO_XML_EXE_Auth_Mode=Trusted", "CISCO_XML_EXE_Auth_Mode=Local Credential", "CISCO_XML_EXE_Auth_Mode=Remote Credential"
	const user, app = "User_Password=mine", "XML_User_Name=app XML_Password=theirs"
	tests := []struct {
		what, model, firmware, sets string
		status                      string
		name, password              string // which open it, in place of the refusal
	}{
		{"a factory 7.5.5 trusts", "SPA504G", "7.5.5", "", "200 OK", "", ""},
		{"with a user's password too", "SPA504G", "7.5.5", user, "200 OK", "", ""},
		{"by the user", "SPA504G", "7.5.5", local + " " + user, "401 Unauthorized", "user", "mine"},
		{"by a user without a password", "SPA504G", "7.5.5", local, "200 OK", "", ""},
		{"by the application", "SPA504G", "7.5.5", remote + " " + app, "401 Unauthorized", "app", "theirs"},
		{"7.4.9 asks nobody", "SPA504G", "7.4.9", user, "200 OK", "", ""},
		{"7.4.9c neither", "SPA504G", "7.4.9c", local + " " + user, "200 OK", "", ""},
		{"7.5.1a does", "SPA504G", "7.5.1a", local + " " + user, "401 Unauthorized", "user", "mine"},
		{"7.6 is off", "SPA504G", "7.6.2f", trusted, "403 Forbidden", "", ""},
		{"7.6 turned on", "SPA504G", "7.6.2f", trusted + " CISCO_XML_EXE_Enable=Yes", "200 OK", "", ""},
		{"7.6 by the user", "SPA504G", "7.6.2f", local + " CISCO_XML_EXE_Enable=Yes " + user, "401 Unauthorized", "user", "mine"},
		{"the factory's mode of 7.6.2 is the user", "SPA504G", "7.6.2f", "CISCO_XML_EXE_Enable=Yes " + user, "401 Unauthorized", "user", "mine"},
		{"that of 7.6.1 trusts", "SPA504G", "7.6.1", "CISCO_XML_EXE_Enable=Yes " + user, "200 OK", "", ""},
		{"the switch is no parameter of 7.5.5", "SPA504G", "7.5.5", "CISCO_XML_EXE_Enable=No", "200 OK", "", ""},
		{"an SPA525G2", "SPA525G2", "7.5.4", trusted, "200 OK", "", ""},
		{"an SPA303", "SPA303", "7.5.5", "", "200 OK", "", ""},
		{"the web server's administrator does not count", "SPA504G", "7.5.5", "Enable_Web_Admin_Access=No Admin_Passwd=x", "200 OK", "", ""},
		{"phones 9xx have none", "SPA942", "6.1.5(a)", "", "405 Method Not Allowed", "", ""},
		{"ATAs have none", "PAP2T", "", "", "405 Method Not Allowed", "", ""},
		{"SPA1xx have none", "SPA112", "", "", "404 Not Found", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			f, addr := serve(t, &webui.Site{}, view(t, tt.model, tt.firmware, assignments(tt.sets)...))
			body := form(items("Resync:h/x"))
			got := push(t, addr, body)
			if statusOf(got) != tt.status {
				t.Fatalf("answers %s, want %s", statusOf(got), tt.status)
			}
			if tt.status == "404 Not Found" || tt.status == "405 Method Not Allowed" {
				refusal(t, f, "it", got, tt.status, "a form to /CGI/Execute")
				return
			}
			if tt.status == "200 OK" {
				f.command(t)
			}
			if tt.name == "" {
				return
			}
			f.none(t)
			challenge := challengeOf(t, got)
			if !strings.HasPrefix(challenge, `Digest  realm="spa user", domain="/",nonce="`) || !strings.HasSuffix(got, loginError) {
				t.Errorf("the refusal is\n%s", got)
			}
			digest := func(name, password string) string {
				return authorizationOf("POST", challenge, name, password, "/CGI/Execute", "auth")
			}
			basic := "Authorization: Basic " + base64Of(tt.name+":"+tt.password)
			for _, header := range []string{digest(tt.name, tt.password), basic} {
				if got := push(t, addr, body, header); statusOf(got) != "200 OK" {
					t.Errorf("with %s: %s", header, statusOf(got))
				}
				f.command(t)
			}
			for _, header := range []string{digest(tt.name, "wrong"), digest("admin", tt.password), basic + "x", "Authorization: Basic =", "Authorization: " + base64Of(tt.name+":"+tt.password)} {
				if got := push(t, addr, body, header); statusOf(got) != "401 Unauthorized" {
					t.Errorf("with %s: %s", header, statusOf(got))
				}
			}
			f.none(t)
		})
	}
}

// assignments splits NAME=VALUE pairs; the values of the mode have a blank.
func assignments(sets string) []string {
	var list []string
	for s := range strings.FieldsSeq(strings.ReplaceAll(sets, " Credential", "_Credential")) {
		list = append(list, strings.ReplaceAll(s, "_Credential", " Credential"))
	}
	return list
}

// XML push takes no other method (surface-2.md §2.3).
func TestXMLPushIsPostedOnly(t *testing.T) {
	_, addr := serve(t, &webui.Site{}, view(t, "SPA504G", "7.5.5"))
	if got := statusOf(get(t, addr, "/CGI/Execute?"+form(items("Resync:")))); got != "405 Method Not Allowed" {
		t.Errorf("GET answers %s", got)
	}
	if got := statusOf(get(t, addr, "/cgi/execute")); got != "404 Not Found" {
		t.Errorf("another spelling answers %s", got)
	}
}

func TestTheSwitchOfThePushCounts(t *testing.T) {
	for choice, want := range map[string]string{"none": "405 Method Not Allowed", "open": "200 OK", "mode": "401 Unauthorized"} {
		v := view(t, "SPA504G", "7.5.5", "CISCO_XML_EXE_Auth_Mode=Local Credential", "User_Password=mine")
		v.Unit.Row = devicetest.Row(t, "SPA504G", "7.5.5", "xml_push="+choice)
		f, addr := serve(t, &webui.Site{}, v)
		if got := statusOf(push(t, addr, form(items("Resync:")))); got != want {
			t.Errorf("xml_push=%s answers %s, want %s", choice, got, want)
		}
		if choice != "mode" {
			if c := f.command(t); (c.Order == device.Refuse) != (choice == "none") {
				t.Errorf("xml_push=%s orders %+v", choice, c)
			}
		}
	}
}

// An unknown action has a text of its own from 7.6 on (surface-2.md §2.3).
func TestAnUnknownActionOf76(t *testing.T) {
	_, addr := serve(t, &webui.Site{}, view(t, "SPA504G", "7.6.2f", "CISCO_XML_EXE_Enable=Yes", "CISCO_XML_EXE_Auth_Mode=Trusted"))
	if got, want := push(t, addr, form(items("Fly:"))), response(`<ResponseItem Status="1" Data="Unknow Action" URL="Fly:"/>`); !strings.HasSuffix(got, want) {
		t.Errorf("answers\n%s", got)
	}
}
