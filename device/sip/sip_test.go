package sip

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/digest"
	"spafleet/device/model"
)

// sender is where messages come from.
var sender = netip.MustParseAddrPort("127.0.0.9:5070")

// A desk is one device and what speaks to it.
type desk struct {
	t *testing.T
	Phone
}

// phone returns a device of a model: "SPA942 6.1.5(a)", with parameters and switches.
func phone(t *testing.T, name string, assignments ...string) *desk {
	t.Helper()
	var switches, params []string
	for _, a := range assignments {
		if key, _, _ := strings.Cut(a, "="); strings.HasPrefix(key, "sip_") {
			switches = append(switches, a)
		} else {
			params = append(params, a)
		}
	}
	name, firmware, _ := strings.Cut(name, " ")
	row := devicetest.Row(t, name, firmware, switches...)
	unit := devicetest.Known(row, 3)
	return &desk{t, Phone{Unit: &unit, Params: devicetest.Params(t, row.Factory, params...), Lines: &Lines{}, Seed: 1, Booted: 946684800e9, Now: 946684900e9}}
}

// lines joins lines as SIP has them.
func lines(list ...string) string { return strings.Join(list, "\r\n") + "\r\n" }

// request returns a request; more are header fields.
func request(method, user string, more ...string) string {
	head := []string{
		method + " sip:" + user + "127.64.0.4:5060 SIP/2.0",
		"Via: SIP/2.0/UDP 127.0.0.9:5070;branch=z9hG4bK74bf9",
		"Max-Forwards: 70",
		"From: <sip:pbx@127.0.0.9>;tag=9fxced76sl",
		"To: <sip:" + user + "127.64.0.4>",
		"Call-ID: 3848276298220188511@127.0.0.9",
		"CSeq: 1 " + method,
	}
	return lines(append(head, more...)...) + "\r\n"
}

// hear gives the device a message, and returns what it answers.
func (d *desk) hear(line uint8, text string) (answer string, o Outcome) {
	d.t.Helper()
	o = d.Hear(line, sender, []byte(text))
	for _, m := range o.Send {
		answer += string(m.Text)
	}
	return answer, o
}

// status returns the status of an answer, 0 for none.
func status(answer string) (code int) {
	fmt.Sscanf(answer, "SIP/2.0 %d", &code)
	return code
}

// value returns a header field of a message.
func value(text, name string) string {
	_, rest, _ := strings.Cut(text, "\r\n"+name+": ")
	text, _, _ = strings.Cut(rest, "\r\n")
	return text
}

// sign answers a challenge as who knows login and password does.
func sign(challenge, method, uri, login, password string) string {
	_, text, _ := strings.Cut(value(challenge, "WWW-Authenticate"), " ")
	f := digest.Fields(text)
	middle, more := f["nonce"], ""
	if f["qop"] != "" {
		middle += ":00000001:0a4f113b:auth"
		more = `, qop=auth, nc=00000001, cnonce="0a4f113b"`
	}
	proof := digest.Proof(digest.Hash(login+":"+f["realm"]+":"+password), middle, method, uri)
	return fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`, login, f["realm"], f["nonce"], uri, proof) + more
}

// notifyWith sends a NOTIFY without credentials and then with them.
func (d *desk) notifyWith(user, event, login, password string) (first, second string, o Outcome) {
	d.t.Helper()
	text := request("NOTIFY", user, "Event: "+event)
	if first, o = d.hear(1, text); status(first) != 401 {
		return first, "", o
	}
	second, o = d.hear(1, request("NOTIFY", user, "Event: "+event, sign(first, "NOTIFY", "sip:x@127.64.0.4", login, password)))
	return first, second, o
}

// device-surface.md §6.1 and surface-2.md §6.3: what the events of a NOTIFY do.
func TestSIPEvents(t *testing.T) {
	tests := []struct {
		model, event string
		status       int
		order        device.Order
		argument     string
	}{
		{"SPA2102", "resync", 200, device.Resync, ""},
		{"SPA2102", "resync;profile=http://192.0.2.1/a;b.cfg", 200, device.Resync, "http://192.0.2.1/a;b.cfg"},
		{"SPA2102", `resync; profile="tftp://192.0.2.1/$MA.cfg"`, 200, device.Resync, "tftp://192.0.2.1/$MA.cfg"},
		{"SPA8000", "check-sync", 200, device.Resync, ""},
		{"SPA8000", "check-sync;reboot=true", 200, device.Reboot, ""},
		{"SPA8000", "check-sync;reboot=false", 200, device.Resync, ""},
		{"SPA942", "reboot", 200, device.Reboot, ""},
		{"SPA942", "reboot_now", 200, device.Reboot, ""},
		{"SPA942", "restart", 200, device.Restart, ""},
		{"SPA942", "restart_now", 200, device.Restart, ""},
		{"SPA942", "reset", 200, device.Restart, ""},
		{"SPA942", "reset_now", 200, device.Restart, ""},
		{"PAP2T", "report", 200, device.Report, ""},
		{"SPA504G", "XML-Service", 200, 0, ""}, // it names no URL
		{"SPA942", "XML-Service", 489, 0, ""},
		{"SPA942", "keep-alive", 200, 0, ""},
		{"SPA942", "message-summary", 200, 0, ""},
		{"SPA942", "refer", 200, 0, ""},
		{"SPA942", "Resync", 489, 0, ""},
		{"SPA942", "polling", 489, 0, ""},
		{"SPA942", "", 489, 0, ""},
	}
	for _, test := range tests {
		d := phone(t, test.model, "Auth_Resync-Reboot_1_=No")
		answer, o := d.hear(1, request("NOTIFY", "100@", "Event: "+test.event, "Content-Type: application/simple-message-summary"))
		if status(answer) != test.status || o.Command.Order != test.order || o.Command.Argument != test.argument {
			t.Errorf("%s, Event: %s: %d and %v %q, want %d and %v %q", test.model, test.event, status(answer), o.Command.Order, o.Command.Argument,
				test.status, test.order, test.argument)
		}
		if o.Command.Order != 0 && o.Command.Cause != model.ByNotify {
			t.Errorf("%s: cause %v", test.event, o.Command.Cause)
		}
		kind := device.Notify
		if test.status != 200 {
			kind = device.NotifyFailed
		}
		if len(o.Events) != 1 || o.Events[0].Kind != kind || o.Events[0].Count != test.status {
			t.Errorf("%s: it tells %v", test.event, o.Events)
		}
	}
}

// device-surface.md §6.1: a NOTIFY of XML-Service has a 5xx phone fetch the URL in its body.
func TestXMLServiceFetchesTheURLOfTheBody(t *testing.T) {
	const url = "http://192.0.2.1/menu.xml?a=$MA"
	for body, want := range map[string]string{url: url, "https://192.0.2.1/": "https://192.0.2.1/", url + "\r\n": "", url + "\n": "", "tftp://192.0.2.1/a": "", "<CiscoIPPhoneText/>": "", "": "",
		"http://192.0.2.1/" + strings.Repeat("x", 600): ""} {
		for _, setting := range []string{"No", "Yes"} {
			d := phone(t, "SPA504G 7.5.5", "Auth_Resync-Reboot_1_="+setting, "User_ID_1_=100", "Password_1_=secret")
			text := request("NOTIFY", "100@", "Event: XML-Service", fmt.Sprint("Content-Length: ", len(body))) + body
			answer, o := d.hear(1, text)
			order := device.XMLService
			if want == "" {
				order = 0
			}
			switch {
			case setting == "Yes" && (status(answer) != 401 || o.Command.Order != 0):
				t.Errorf("%q: without credentials %d %v", body, status(answer), o.Command)
			case setting == "No" && (status(answer) != 200 || o.Command.Order != order || o.Command.Argument != want):
				t.Errorf("%q: %d %v %q, want %q", body, status(answer), o.Command.Order, o.Command.Argument, want)
			}
		}
	}
}

// device-surface.md §6.1: the first NOTIFY gets a 401, and the line's account counts. What
// is refused starts nothing, whatever is wrong with it.
func TestSIPChallenge(t *testing.T) {
	account := []string{"User_ID_1_=100", "Password_1_=secret", "User_ID_2_=200", "Password_2_=other"}
	authID := append([]string{"Use_Auth_ID_1_=Yes", "Auth_ID_1_=acc"}, account...)
	tests := []struct {
		name            string
		params          []string
		login, password string
		change          func(string) string // of the second NOTIFY
		want            string              // "": it is done
	}{
		{"the line's account", account, "100", "secret", nil, ""},
		{"the account without Use_Auth_ID", authID, "100", "secret", nil, "wrong credentials"},
		{"the Auth_ID", authID, "acc", "secret", nil, ""},
		{"no account is set", nil, "", "", nil, ""},
		{"a wrong password", account, "100", "guess", nil, "wrong credentials"},
		{"another line's account", account, "200", "other", nil, "wrong credentials"},
		{"another method's proof", account, "100", "secret", func(s string) string { return strings.Replace(s, `response="`, `response="0`, 1) }, "wrong credentials"},
		{"another realm", account, "100", "secret", func(s string) string { return strings.Replace(s, `realm="127.64.0.4"`, `realm="asterisk"`, 1) }, "wrong realm"},
		{"a nonce of one's own", account, "100", "secret", func(s string) string { return strings.Replace(s, `nonce="`, `nonce="0`, 1) }, "stale nonce"},
	}
	for _, test := range tests {
		for _, model := range []string{"SPA942 6.1.5(a)", "SPA504G 7.6.2f"} {
			t.Run(test.name+" "+model, func(t *testing.T) {
				d := phone(t, model, test.params...)
				first, _ := d.hear(1, request("NOTIFY", "100@", "Event: resync"))
				if status(first) != 401 {
					t.Fatalf("the first answer is\n%s", first)
				}
				text := request("NOTIFY", "100@", "Event: resync", sign(first, "NOTIFY", "sip:100@127.64.0.4", test.login, test.password))
				if test.change != nil {
					text = test.change(text)
				}
				second, o := d.hear(1, text)
				if test.want == "" {
					if status(second) != 200 || o.Command.Order != device.Resync {
						t.Errorf("it is not done:\n%s", second)
					}
					return
				}
				if status(second) != 401 || o.Command.Order != 0 || len(o.Events) != 1 || o.Events[0].Err != test.want {
					t.Errorf("%v %v, want %q:\n%s", o.Command.Order, o.Events, test.want, second)
				}
			})
		}
	}
}

// A NOTIFY that comes again because its answer was lost is answered, and not done again. One
// that was recorded and is sent again by someone else is refused.
func TestANotifyIsDoneOnce(t *testing.T) {
	d := phone(t, "SPA942", "User_ID_1_=100", "Password_1_=secret")
	first, _, _ := d.notifyWith("100@", "polling", "100", "secret")
	if status(first) != 489 {
		t.Fatal(first)
	}
	challenge, _ := d.hear(1, request("NOTIFY", "100@", "Event: resync"))
	signed := request("NOTIFY", "100@", "Event: resync", sign(challenge, "NOTIFY", "sip:100@127.64.0.4", "100", "secret"))
	if answer, o := d.hear(1, signed); status(answer) != 200 || o.Command.Order != device.Resync {
		t.Fatal(answer)
	}
	if answer, o := d.hear(1, signed); status(answer) != 200 || o.Command.Order != 0 || len(o.Events) != 0 {
		t.Errorf("the same again: %v\n%s", o, answer)
	}
	replayed := strings.Replace(signed, "Call-ID: ", "Call-ID: x", 1)
	if answer, o := d.hear(1, replayed); status(answer) != 401 || o.Command.Order != 0 || o.Events[0].Err != "stale nonce" {
		t.Errorf("replayed: %v\n%s", o, answer)
	}
	d.Booted++
	other := strings.Replace(signed, "CSeq: 1 ", "CSeq: 2 ", 1)
	if answer, o := d.hear(1, other); status(answer) != 401 || o.Command.Order != 0 {
		t.Errorf("after a boot: %v\n%s", o, answer)
	}
}

// Restrict_Source_IP, Resync_From_SIP, lines that are off or are not there, and other users.
func TestWhoMayNotify(t *testing.T) {
	open := "Auth_Resync-Reboot_1_=No"
	tests := []struct {
		name   string
		params []string
		line   uint8
		user   string
		status int
		why    string
	}{
		{"anyone before there is an account", []string{open}, 1, "anything@", 200, ""},
		{"without a user", []string{open, "User_ID_1_=100"}, 1, "", 200, ""},
		{"the line's user", []string{open, "User_ID_1_=100"}, 1, "100@", 200, ""},
		{"another user", []string{open, "User_ID_1_=100"}, 1, "101@", 404, "unknown user"},
		{"the user of another line", []string{open, "User_ID_1_=100", "User_ID_2_=200"}, 1, "200@", 404, "unknown user"},
		{"the second line, which asks for credentials", []string{open}, 2, "200@", 401, ""},
		{"a line that is off", []string{open, "Line_Enable_1_=No"}, 1, "100@", 0, ""},
		{"no line", []string{open}, 3, "100@", 0, ""},
		{"Resync_From_SIP is off", []string{open, "Resync_From_SIP=No"}, 1, "100@", 403, "Resync_From_SIP is off"},
		{"not from the server", []string{open, "Restrict_Source_IP_1_=Yes"}, 1, "100@", 0, "source"},
	}
	for _, test := range tests {
		d := phone(t, "SPA2102", test.params...)
		answer, o := d.hear(test.line, request("NOTIFY", test.user, "Event: resync"))
		if status(answer) != test.status || (o.Command.Order != 0) != (test.status == 200) {
			t.Errorf("%s: %d %v, want %d", test.name, status(answer), o.Command.Order, test.status)
		}
		if why := why(o); why != test.why {
			t.Errorf("%s: refused because of %q, want %q", test.name, why, test.why)
		}
	}
	d := phone(t, "SPA2102", open, "Restrict_Source_IP_1_=Yes")
	d.Lines.own(1, registration).server = addressOf(sender.Addr())
	if answer, _ := d.hear(1, request("NOTIFY", "", "Event: resync")); status(answer) != 200 {
		t.Error("the server may not notify")
	}
}

func why(o Outcome) string {
	for _, e := range o.Events {
		if e.Kind == device.NotifyFailed {
			return e.Err
		}
	}
	return ""
}

// surface-2.md §6.1 g and h, device-surface.md §6.1 and §6.2: the order of answers.
func TestSIPAnswers(t *testing.T) {
	const agent = "SIP/2.0 "
	old := phone(t, "RT31P2 2.0.10(LIc)", "User_ID_2_=4301")
	answer, _ := old.hear(2, request("OPTIONS", "4301@"))
	wantText(t, answer, lines(agent+"200 OK", "To: <sip:4301@127.64.0.4>;tag="+tagOf(t, answer, "i1"), "From: <sip:pbx@127.0.0.9>;tag=9fxced76sl",
		"Call-ID: 3848276298220188511@127.0.0.9", "CSeq: 1 OPTIONS", "Via: SIP/2.0/UDP 127.0.0.9:5070;branch=z9hG4bK74bf9", "Server: Linksys/RT31P2-2.0.10(LIc)",
		"Content-Length: 0", "Allow: ACK, BYE, CANCEL, INFO, INVITE, NOTIFY, OPTIONS, REFER", "Supported: x-sipura")+"\r\n")

	early := phone(t, "SPA941 4.1.8", "User_ID_1_=4301")
	answer, _ = early.hear(1, request("OPTIONS", "4302@", "Via: SIP/2.0/UDP 127.0.0.8;branch=z9hG4bK87"))
	wantText(t, answer, lines(agent+"404 Not Found", "To: <sip:4302@127.64.0.4>;tag="+tagOf(t, answer, "i0"), "From: <sip:pbx@127.0.0.9>;tag=9fxced76sl",
		"Call-ID: 3848276298220188511@127.0.0.9", "CSeq: 1 OPTIONS", "Via: SIP/2.0/UDP 127.0.0.9:5070;branch=z9hG4bK74bf9", "Via: SIP/2.0/UDP 127.0.0.8;branch=z9hG4bK87",
		"Server: Sipura/SPA941-4.1.8", "Content-Length: 0")+"\r\n")

	late := phone(t, "SPA504G 7.6.2f", "User_ID_1_=4301")
	answer, _ = late.hear(1, request("NOTIFY", "4301@", "Event: check-sync"))
	f := digest.Fields(strings.TrimPrefix(value(answer, "WWW-Authenticate"), "Digest "))
	wantText(t, answer, lines(agent+"401 Unauthorized", "To: <sip:4301@127.64.0.4>;tag="+tagOf(t, answer, "i0"), "From: <sip:pbx@127.0.0.9>;tag=9fxced76sl",
		"Call-ID: 3848276298220188511@127.0.0.9", "CSeq: 1 NOTIFY", "Via: SIP/2.0/UDP 127.0.0.9:5070;branch=z9hG4bK74bf9", "Server: Cisco/SPA504G-7.6.2f",
		`WWW-Authenticate: Digest realm="127.64.0.4", nonce="`+f["nonce"]+`", qop="auth", algorithm=md5`, "Allow-Events: talk, hold, conference, x-spa-cti",
		"Content-Length: 0")+"\r\n")
	if len(f["nonce"]) != 8 {
		t.Errorf("nonce %q", f["nonce"])
	}

	named := phone(t, "SPA942 6.1.5(a)", "SIP_Server_Name=$PN at $MA", "User_ID_1_=1")
	answer, _ = named.hear(1, request("OPTIONS", "1@"))
	if got := value(answer, "Server"); got != "SPA-942 at 000e08012345" {
		t.Errorf("Server: %s", got)
	}
	nameless := phone(t, "SPA942 6.1.5(a)", "SIP_Server_Name=")
	if answer, _ = nameless.hear(1, request("OPTIONS", "1@")); strings.Contains(answer, "Server:") {
		t.Errorf("an empty name is sent:\n%s", answer)
	}
}

// surface-2.md §6.1 g, K28: by switch the answer to OPTIONS has no CSeq; it is the only field that
// is missing, and only there.
func TestOptionsWithoutCSeq(t *testing.T) {
	for setting, missing := range map[string]bool{"no_cseq": true, "whole": false} {
		d := phone(t, "RT31P2 2.0.10(LIc)", "User_ID_1_=100", "sip_options="+setting)
		answer, _ := d.hear(1, request("OPTIONS", "100@"))
		if status(answer) != 200 || strings.Contains(answer, "\r\nCSeq: ") == missing || value(answer, "Call-ID") == "" || value(answer, "Via") == "" {
			t.Errorf("%s:\n%s", setting, answer)
		}
		if answer, _ = d.hear(1, request("OPTIONS", "101@")); value(answer, "CSeq") != "1 OPTIONS" {
			t.Errorf("%s, a 404:\n%s", setting, answer)
		}
	}
}

// surface-2.md §6.1 h, K54: a 404 has neither Allow nor Supported, which a 200 has.
func TestA404HasFewerFields(t *testing.T) {
	d := phone(t, "SPA941 4.1.8", "User_ID_1_=100")
	for user, want := range map[string]bool{"100@": true, "101@": false} {
		answer, _ := d.hear(1, request("OPTIONS", user))
		if strings.Contains(answer, "\r\nAllow: ") != want || strings.Contains(answer, "\r\nSupported: ") != want || value(answer, "Server") != "Sipura/SPA941-4.1.8" {
			t.Errorf("%s:\n%s", user, answer)
		}
	}
}

// surface-2.md §6.1 b and c, K59: display names with a blank have no quotation marks on early
// firmware, and have them on later.
func TestDisplayNames(t *testing.T) {
	for model, want := range map[string]string{"PAP2T 3.1.15(LS)": "First Last <sip:1@192.0.2.9>", "RT31P2 2.0.10(LIc)": "First Last <sip:1@192.0.2.9>",
		"SPA525G 7.4.9a": `"First Last" <sip:1@192.0.2.9>`} {
		d := registers(t, model, "User_ID_1_=1", "Proxy_1_=192.0.2.9", "Display_Name_1_=First Last", "Line_Enable_2_=No")
		text := string(d.Consider().Send[0].Text)
		if got := value(text, "To"); got != want {
			t.Errorf("%s: To: %s, want %s", model, got, want)
		}
		if from, _, _ := strings.Cut(value(text, "From"), ";tag="); from != want {
			t.Errorf("%s: From: %s, want %s", model, from, want)
		}
	}
}

// tagOf returns the tag that the device has added, which ends in the line.
func tagOf(t *testing.T, answer, end string) string {
	t.Helper()
	_, tag, _ := strings.Cut(value(answer, "To"), ";tag=")
	if len(tag) != 18 || !strings.HasSuffix(tag, end) {
		t.Errorf("tag %q: 16 digits and %s are wanted", tag, end)
	}
	return tag
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("the device sends\n%s\nwant\n%s", got, want)
	}
}

// What a device answers that makes no calls.
func TestMethods(t *testing.T) {
	for method, want := range map[string]int{"INVITE": 480, "ACK": 0, "BYE": 481, "CANCEL": 481, "INFO": 481, "REFER": 481, "PRACK": 481, "UPDATE": 481, "SUBSCRIBE": 489,
		"REGISTER": 405, "MESSAGE": 405, "PUBLISH": 405, "OPTIONS": 200, "DANCE": 501} {
		d := phone(t, "SPA942")
		if answer, o := d.hear(1, request(method, "100@")); status(answer) != want || o.Command.Order != 0 {
			t.Errorf("%s: %d, want %d", method, status(answer), want)
		}
	}
	d := phone(t, "SPA942")
	d.InUse = true
	if answer, _ := d.hear(1, request("INVITE", "100@")); status(answer) != 486 {
		t.Errorf("INVITE during a call: %d", status(answer))
	}
}

// Where answers go, by Insert_VIA_rport and Send_Resp_To_Src_Port.
func TestWhereAnswersGo(t *testing.T) {
	tests := []struct{ via, param, want string }{
		{"127.0.0.7:5077;branch=z9hG4bK1", "", "127.0.0.7:5077"},
		{"127.0.0.7;branch=z9hG4bK1", "", "127.0.0.7:5060"},
		{"pbx.example.com:5077;branch=z9hG4bK1", "", "127.0.0.9:5077"},
		{"127.0.0.7:5077;rport;branch=z9hG4bK1", "", "127.0.0.7:5077"},
		{"127.0.0.7:5077;rport;branch=z9hG4bK1", "Insert_VIA_rport=Yes", "127.0.0.9:5070"},
		{"127.0.0.7:5077;branch=z9hG4bK1", "Insert_VIA_rport=Yes", "127.0.0.7:5077"},
		{"127.0.0.7:5077;branch=z9hG4bK1", "Send_Resp_To_Src_Port=Yes", "127.0.0.9:5070"},
		{"127.0.0.7:5077;branch=z9hG4bK1, SIP/2.0/UDP 127.0.0.6:5066;branch=z9hG4bK2", "", "127.0.0.7:5077"},
		{"[2001:db8::1]:5077;branch=z9hG4bK1", "", "[2001:db8::1]:5077"},
	}
	for _, test := range tests {
		var params []string
		if test.param != "" {
			params = []string{test.param}
		}
		d := phone(t, "SPA942", params...)
		text := strings.Replace(request("OPTIONS", ""), "127.0.0.9:5070;branch=z9hG4bK74bf9", test.via, 1)
		_, o := d.hear(1, text)
		if len(o.Send) != 1 || o.Send[0].To.String() != test.want || o.Send[0].Server != "" || o.Send[0].Line != 1 {
			t.Errorf("%s %s: sent %v, want to %s", test.via, test.param, o.Send, test.want)
		}
	}
}

func TestPorts(t *testing.T) {
	d := phone(t, "SPA2102", "SIP_Port_2_=5080")
	if Port(d.Params, 1) != 5060 || Port(d.Params, 2) != 5080 || LineCount(d.Unit.Row) != 2 {
		t.Errorf("ports %d and %d of %d lines", Port(d.Params, 1), Port(d.Params, 2), LineCount(d.Unit.Row))
	}
	if got := Port(device.Params{}, 3); got != 5062 {
		t.Errorf("line 3 without a parameter: %d", got)
	}
}
