package sip

import (
	"fmt"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/digest"
)

// mailboxOf are the parameters of line 4 of a phone that subscribes to its mailbox.
func mailboxOf(more ...string) []string {
	return append([]string{"User_ID_4_=4304", "Password_4_=secret", "Proxy_4_=sip.example.com", "Voice_Mail_Server_4_=sip.example.com", "Line_Enable_1_=No",
		"Line_Enable_2_=No", "Line_Enable_3_=No", "Line_Enable_5_=No", "Line_Enable_6_=No", "Display_Name_4_=Front Desk"}, more...)
}

// register has line 4 register, and returns what follows from that.
func (d *desk) register4() Outcome {
	d.t.Helper()
	text := d.one(d.Consider())
	_, o := d.hear(4, answer(text, 200, "Expires: 3600"))
	return o
}

// surface-2.md §6.1 e, K30: a SUBSCRIBE to the state of a mailbox, field by field.
func TestMailboxSubscription(t *testing.T) {
	d := registers(t, "SPA962 6.1.5(a)", mailboxOf()...)
	o := d.register4()
	if o.Send[0].Server != "sip.example.com" || o.Send[0].Line != 4 {
		t.Errorf("sent to %+v", o.Send[0])
	}
	text := d.one(o)
	_, tag, _ := strings.Cut(value(text, "From"), ";tag=")
	branch := strings.TrimSuffix(strings.TrimPrefix(value(text, "Via"), "SIP/2.0/UDP 127.64.0.4:5063;branch=z9hG4bK-"), ";rport")
	wantText(t, text, lines("SUBSCRIBE sip:sip.example.com SIP/2.0", "Via: SIP/2.0/UDP 127.64.0.4:5063;branch=z9hG4bK-"+branch+";rport",
		"From: <sip:4304@sip.example.com>;tag="+tag, "To: <sip:sip.example.com>", "Call-ID: "+value(text, "Call-ID"), "CSeq: "+value(text, "CSeq"),
		"Max-Forwards: 70", "Contact: <sip:4304@127.64.0.4:5063>", "Expires: 2147483647", "Event: message-summary", "User-Agent: Linksys/SPA962-6.1.5(a)",
		"Content-Length: 0")+"\r\n")
	if len(tag) > 16 || len(tag) < 12 || strings.Trim(tag, "0123456789abcdef") != "" {
		t.Errorf("tag %q: 16 digits or a few less, and no line", tag)
	}
	if !strings.HasSuffix(value(text, "CSeq"), " SUBSCRIBE") {
		t.Errorf("CSeq: %s", value(text, "CSeq"))
	}

	_, o = d.hear(4, answer(text, 407, `Proxy-Authenticate: Digest realm="r", nonce="n"`))
	second := d.one(o)
	proof := digest.Proof(digest.Hash("4304:r:secret"), "n", "SUBSCRIBE", "sip:sip.example.com")
	if want := `Digest username="4304",realm="r",nonce="n",uri="sip:sip.example.com",algorithm=MD5,response="` + proof + `"`; value(second, "Proxy-Authorization") != want {
		t.Errorf("Proxy-Authorization: %s, want %s", value(second, "Proxy-Authorization"), want)
	}
	if at := strings.Index(second, "Proxy-Authorization: "); at < strings.Index(second, "Max-Forwards: ") || at > strings.Index(second, "Contact: ") {
		t.Errorf("Proxy-Authorization is in another place:\n%s", second)
	}
}

// surface-2.md §6.1 e, K60: some numbers of an SPA962 have fewer than eight digits: a branch of seven
// comes in one of sixteen.
func TestShortNumbers(t *testing.T) {
	short := 0
	for seed := range uint64(400) {
		d := registers(t, "SPA962 6.1.5(a)", mailboxOf()...)
		d.Seed = seed
		branch := strings.TrimPrefix(value(d.one(d.Consider()), "Via"), "SIP/2.0/UDP 127.64.0.4:5063;branch=z9hG4bK-")
		if strings.HasPrefix(branch, "0") || len(branch) > 8 {
			t.Fatalf("branch %q", branch)
		}
		if len(branch) < 8 {
			short++
		}
	}
	if short < 10 || short > 45 {
		t.Errorf("%d of 400 branches are short, about 25 are wanted", short)
	}
	d := registers(t, "SPA504G 7.5.5", accountOf()...)
	for range 100 {
		if branch := value(d.one(d.Consider()), "Via"); len(branch) != len("SIP/2.0/UDP 127.64.0.4:5060;branch=z9hG4bK-12345678") {
			t.Fatalf("branch %q of a phone whose numbers are filled up", branch)
		}
		d.Failed(1, "sip.example.com")
		d.Lines.first.due = 0
	}
}

// What becomes of a subscription, by what the server answers.
func TestMailboxAnswers(t *testing.T) {
	const challenge = `WWW-Authenticate: Digest realm="r", nonce="n"`
	tests := []struct {
		name   string
		params []string
		steps  []step
		want   string  // the last event
		next   float64 // seconds from the last answer to the next SUBSCRIBE; 0: none
	}{
		{"for ever", nil, []step{{200, ""}}, "subscribed", 0},
		{"accepted", nil, []step{{202, "Expires: 2147483647"}}, "subscribed", 0},
		{"capped", nil, []step{{200, "Expires: 3600"}}, "subscribed", 3570},
		{"capped below Sub_Min_Expires", []string{"Sub_Min_Expires=20"}, []step{{200, "Expires: 8"}}, "subscribed", 20},
		{"after a challenge", nil, []step{{401, challenge}, {200, "Expires: 600"}}, "subscribed", 570},
		{"wrong password", nil, []step{{401, challenge}, {401, challenge}, {401, challenge}}, "subscription_failed 401", 10},
		{"bad event", nil, []step{{489, ""}}, "subscription_failed 489", 10},
		{"bad event, Sub_Retry_Intvl", []string{"Sub_Retry_Intvl=90"}, []step{{489, ""}}, "subscription_failed 489", 90},
		{"refused", nil, []step{{403, ""}}, "subscription_failed 403", 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := registers(t, "SPA962 6.1.5(a)", mailboxOf(test.params...)...)
			o := d.play(4, d.register4(), test.steps)
			if len(o.Events) != 1 || strings.TrimSpace(o.Events[0].Kind.String()+" "+o.Events[0].Err) != test.want || o.Events[0].Count != 4 || o.Events[0].Text != "sip.example.com" {
				t.Fatalf("it tells %v, want %s", o.Events, test.want)
			}
			next := 0.0
			if due := d.Lines.find(4, mailbox).due; due != 0 {
				next = float64(due-d.Now) / 1e9
			}
			if next != test.next || d.Lines.Registered() != 1 {
				t.Errorf("the next SUBSCRIBE comes after %g s, want %g; %d lines are registered", next, test.next, d.Lines.Registered())
			}
		})
	}
}

// A subscription is refreshed in its dialog, ends before a reboot ahead of the registration,
// and begins again after the server has ended it.
func TestMailboxDialog(t *testing.T) {
	d := registers(t, "SPA962 6.1.5(a)", mailboxOf()...)
	text := d.one(d.register4())
	ok := strings.Replace(answer(text, 200, "Expires: 600"), "\r\nTo: <sip:sip.example.com>", "\r\nTo: <sip:sip.example.com>;tag=srv1", 1)
	d.hear(4, ok)
	second := d.one(d.after())
	if value(second, "To") != "<sip:sip.example.com>;tag=srv1" || value(second, "Call-ID") != value(text, "Call-ID") || value(second, "From") != value(text, "From") ||
		!strings.HasPrefix(second, "SUBSCRIBE ") {
		t.Errorf("the refresh is not of the first's dialog:\n%s%s", text, second)
	}
	d.hear(4, answer(second, 200, "Expires: 600"))

	notify := func(state string) string {
		return lines("NOTIFY sip:4304@127.64.0.4:5063 SIP/2.0", "Via: SIP/2.0/UDP 127.0.0.9:5070;branch=z9hG4bK9", "From: "+value(second, "To"), "To: "+value(second, "From"),
			"Call-ID: "+value(second, "Call-ID"), "CSeq: 1 NOTIFY", "Event: message-summary", "Subscription-State: "+state,
			"Content-Type: application/simple-message-summary", "Content-Length: 22") + "\r\n" + "Messages-Waiting: yes\n"
	}
	if got, o := d.hear(4, notify("active;expires=590")); status(got) != 200 || value(got, "To") != value(second, "From") || len(o.Events) != 1 || o.Events[0].Kind != device.Notify || o.Command.Order != 0 {
		t.Errorf("a NOTIFY of the dialog: %v\n%s", o, got)
	}

	o := d.Leave()
	if len(o.Send) != 2 || !strings.HasPrefix(string(o.Send[0].Text), "SUBSCRIBE ") || value(string(o.Send[0].Text), "Expires") != "0" ||
		value(string(o.Send[0].Text), "To") != "<sip:sip.example.com>;tag=srv1" || !strings.HasPrefix(string(o.Send[1].Text), "REGISTER ") {
		t.Fatalf("before a reboot it sends %q", o.Send)
	}
	d.Lines.Reset(true)
	d.hear(4, answer(string(o.Send[0].Text), 200))
	if l := d.Lines.find(4, mailbox); l.flags != 0 || l.tx != nil || l.due != 0 {
		t.Errorf("after it has left: %+v", l)
	}

	d.Booted++
	text = d.one(d.register4())
	if value(text, "To") != "<sip:sip.example.com>" {
		t.Errorf("a new subscription is in the old dialog:\n%s", text)
	}
	d.hear(4, answer(text, 200, "Expires: 600"))
	second = strings.Replace(text, "To: <sip:sip.example.com>", "To: <sip:sip.example.com>;tag=srv2", 1)
	d.hear(4, notify("terminated;reason=deactivated"))
	if l := d.Lines.find(4, mailbox); l.due != d.Now+10e9 || l.flags != 0 {
		t.Errorf("after the server has ended it: %+v", l)
	}
	if text = d.one(d.after()); value(text, "To") != "<sip:sip.example.com>" {
		t.Errorf("it subscribes with\n%s", text)
	}
}

// Who subscribes, to what, for how long, and where it goes.
func TestWhichLinesSubscribe(t *testing.T) {
	account := []string{"User_ID_1_=4301", "Password_1_=secret", "Proxy_1_=sip.example.com", "Line_Enable_2_=No"}
	tests := []struct {
		model  string
		params []string
		want   string // the first line, Expires and where it is sent; "": nothing
	}{
		{"SPA942 6.1.5(a)", []string{"Voice_Mail_Server_1_=192.0.2.5:5070"}, "SUBSCRIBE sip:192.0.2.5:5070 SIP/2.0 2147483647 192.0.2.5:5070"},
		{"SPA942 6.1.5(a)", []string{"Voice_Mail_Server_1_=vm.example.com", "Outbound_Proxy_1_=out.example.com", "Use_Outbound_Proxy_1_=Yes"}, "SUBSCRIBE sip:vm.example.com SIP/2.0 2147483647 out.example.com"},
		{"SPA942 6.1.5(a)", nil, ""},
		{"SPA942 6.1.5(a)", []string{"Voice_Mail_Server_1_=vm.example.com", "Restricted_Access_Domains=sip.example.com"}, ""},
		{"SPA942 6.1.5(a)", []string{"Voice_Mail_Server_1_=vm.example.com", "sip_mailbox=never"}, ""},
		{"SPA504G 7.5.5", []string{"Voice_Mail_Server_1_=vm.example.com"}, "SUBSCRIBE sip:vm.example.com SIP/2.0 86400 vm.example.com"},
		{"SPA2102", []string{"Voice_Mail_Server_1_=vm.example.com", "Mailbox_Subscribe_Expires_1_=300"}, "SUBSCRIBE sip:vm.example.com SIP/2.0 300 vm.example.com"},
		{"SPA2102", []string{"Voice_Mail_Server_1_=vm.example.com", "MWI_Serv_1_=No"}, ""},
		{"SPA122", []string{"Mailbox_Subscribe_URL_1_=$USER@$PROXY"}, "SUBSCRIBE sip:4301@sip.example.com SIP/2.0 2147483647 sip.example.com"},
		{"SPA122", []string{"Mailbox_Subscribe_URL_1_=box@vm.example.com"}, "SUBSCRIBE sip:box@vm.example.com SIP/2.0 2147483647 vm.example.com"},
	}
	for _, test := range tests {
		d := registers(t, test.model, append(test.params, account...)...)
		var o Outcome
		for _, m := range d.Consider().Send {
			if m.Line == 1 {
				_, o = d.hear(1, answer(string(m.Text), 200))
			}
		}
		got := ""
		for _, m := range o.Send {
			first, _, _ := strings.Cut(string(m.Text), "\r\n")
			got += fmt.Sprint(first, " ", value(string(m.Text), "Expires"), " ", m.Server)
		}
		if got != test.want {
			t.Errorf("%s %q: %q, want %q", test.model, test.params, got, test.want)
		}
	}
}

// Auth_MWI asks who tells of a mailbox for credentials.
func TestWhoMayTellOfAMailbox(t *testing.T) {
	for setting, want := range map[string]int{"No": 200, "Yes": 401} {
		d := phone(t, "PAP2T", "Auth_MWI_1_="+setting, "User_ID_1_=100", "Password_1_=secret")
		if got, _ := d.hear(1, request("NOTIFY", "100@", "Event: message-summary")); status(got) != want {
			t.Errorf("Auth_MWI %s: %d, want %d", setting, status(got), want)
		}
	}
}

// surface-2.md §6.1 i, K47: by switch a challenge that offered qop is answered again by each refresh,
// with a number that counts up, until the server wants another one.
func TestANonceIsKept(t *testing.T) {
	const challenge = `WWW-Authenticate: Digest realm="r", nonce="n1", qop="auth"`
	for setting, kept := range map[string]bool{"new": false, "kept": true} {
		d := registers(t, "SPA525G2 7.6.1(ES_RC01)", accountOf("sip_nonce="+setting)...)
		_, o := d.hear(1, answer(d.one(d.Consider()), 401, challenge))
		for n := 1; n <= 3; n++ {
			text := d.one(o)
			f := digest.Fields(strings.TrimPrefix(value(text, "Authorization"), "Digest "))
			if want := fmt.Sprintf("%08x", n); n == 1 || kept {
				proof := digest.Proof(digest.Hash("4301:r:secret"), "n1:"+want+":"+f["cnonce"]+":auth", "REGISTER", "sip:sip.example.com")
				if f["nc"] != want || f["nonce"] != "n1" || f["response"] != proof {
					t.Errorf("%s, %d: %s", setting, n, value(text, "Authorization"))
				}
			} else if len(f) > 0 {
				t.Errorf("%s, %d: %s", setting, n, value(text, "Authorization"))
			}
			d.hear(1, answer(text, 200))
			o = d.after()
		}
		_, o = d.hear(1, answer(d.one(o), 401, strings.Replace(challenge, "n1", "n2", 1)+", stale=true"))
		if got := value(d.one(o), "Authorization"); !strings.Contains(got, `nonce="n2"`) || !strings.Contains(got, "nc=00000001") {
			t.Errorf("%s: after another nonce %s", setting, got)
		}
	}
	d := registers(t, "SPA525G2 7.6.1(ES_RC01)", accountOf()...)
	if !d.Unit.Row.Behaviour.SIP.KeepsNonce {
		t.Error("the unit of the trace does not keep its nonce")
	}
	_, o := d.hear(1, answer(d.one(d.Consider()), 401, `WWW-Authenticate: Digest realm="r", nonce="n1"`))
	d.hear(1, answer(d.one(o), 200))
	if text := d.one(d.after()); value(text, "Authorization") != "" {
		t.Errorf("a challenge without qop is answered again:\n%s", text)
	}
}

// device-surface.md §6.2: what keeps a way through NAT open: every 15 s a NOTIFY to the proxy. Its
// CSeq begins at 101, as that of dialogs does (K48; of this one: inferred).
func TestKeepAlives(t *testing.T) {
	d := registers(t, "SPA942 6.1.5(a)", accountOf("NAT_Keep_Alive_Enable_1_=Yes", "Register_1_=No")...)
	if o := d.Consider(); len(o.Send) != 0 {
		t.Fatalf("at once it sends %q", o.Send)
	}
	seen := map[string]bool{}
	for n := range 3 {
		o := d.after()
		if d.Now != d.Booted+int64(n+1)*15e9 || o.Send[0].Server != "sip.example.com" {
			t.Fatalf("number %d comes at %g s to %s", n+1, float64(d.Now-d.Booted)/1e9, o.Send[0].Server)
		}
		text := d.one(o)
		seen[value(text, "Via")] = true
		if n > 0 {
			continue
		}
		_, tag, _ := strings.Cut(value(text, "From"), ";tag=")
		wantText(t, text, lines("NOTIFY sip:sip.example.com SIP/2.0", "Via: "+value(text, "Via"), "From: <sip:4301@sip.example.com>;tag="+tag, "To: <sip:sip.example.com>",
			"Call-ID: "+value(text, "Call-ID"), "CSeq: 101 NOTIFY", "Max-Forwards: 70", "Event: keep-alive", "User-Agent: Linksys/SPA942-6.1.5(a)", "Content-Length: 0")+"\r\n")
		if got, o := d.hear(1, answer(text, 200)); got != "" || len(o.Events) > 0 {
			t.Errorf("its answer brings about %q, %v", got, o.Events)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d branches of 3 NOTIFYs", len(seen))
	}
	for _, test := range []struct {
		params      []string
		text, where string // "": nothing
		every       float64
	}{
		{[]string{"NAT_Keep_Alive_Intvl=40"}, "NOTIFY sip:sip.example.com SIP/2.0", "sip.example.com", 40},
		{[]string{"NAT_Keep_Alive_Intvl=0"}, "", "", 0},
		{[]string{"NAT_Keep_Alive_Enable_1_=No"}, "", "", 0},
		{[]string{"NAT_Keep_Alive_Msg_1_=$REGISTER"}, "REGISTER sip:sip.example.com SIP/2.0", "sip.example.com", 15},
		{[]string{"NAT_Keep_Alive_Msg_1_=hello"}, "hello", "sip.example.com", 15},
		{[]string{"NAT_Keep_Alive_Dest_1_=192.0.2.7:5099"}, "NOTIFY sip:sip.example.com SIP/2.0", "192.0.2.7:5099", 15},
		{[]string{"Outbound_Proxy_1_=out.example.com", "Use_Outbound_Proxy_1_=Yes"}, "NOTIFY sip:sip.example.com SIP/2.0", "out.example.com", 15},
		{[]string{"Line_Enable_1_=No"}, "", "", 0},
	} {
		d := registers(t, "SPA942 6.1.5(a)", accountOf(append([]string{"NAT_Keep_Alive_Enable_1_=Yes", "Register_1_=No"}, test.params...)...)...)
		d.Consider()
		if test.text == "" {
			if d.Lines.Due() != 0 {
				t.Errorf("%q: it waits for something", test.params)
			}
			continue
		}
		o := d.after()
		text := d.one(o)
		if first, _, _ := strings.Cut(text, "\r\n"); first != test.text || o.Send[0].Server != test.where || float64(d.Now-d.Booted)/1e9 != test.every || value(text, "Contact") != "" {
			t.Errorf("%q: to %s after %g s\n%s", test.params, o.Send[0].Server, float64(d.Now-d.Booted)/1e9, text)
		}
	}
	if d.Registers = false; len(d.Consider().Send) > 0 || d.Lines.Due() != 0 {
		t.Error("it goes on though nobody wants SIP")
	}
}

// surface-2.md §6.1 d, §6.2: with CTI_Enable a phone tells of its hook, and calls itself by
// Station_Name and its MAC address in P-Station-Name.
func TestStationName(t *testing.T) {
	d := registers(t, "SPA942 6.1.5(a)", accountOf("CTI_Enable=Yes", "Station_Name=Front")...)
	d.InUse = true
	text := d.one(d.Hook())
	_, tag, _ := strings.Cut(value(text, "From"), ";tag=")
	body := `<spa-status> <call id="1" ref="129" ext="1" state="offhook"/> </spa-status>`
	wantText(t, text, lines("NOTIFY sip:sip.example.com SIP/2.0", "Via: "+value(text, "Via"), "From: <sip:4301@sip.example.com>;tag="+tag, "To: <sip:sip.example.com>",
		"Call-ID: "+value(text, "Call-ID"), "CSeq: "+value(text, "CSeq"), "Max-Forwards: 70", "Event: x-spa-cti", "User-Agent: Linksys/SPA942-6.1.5(a)",
		"P-Station-Name: Front ;mac=000e08012345", fmt.Sprint("Content-Length: ", len(body)), "Content-Type: application/x-spa-status")+"\r\n"+body)
	d.InUse = false
	var first, second int
	later := d.one(d.Hook())
	fmt.Sscan(value(text, "CSeq"), &first)
	fmt.Sscan(value(later, "CSeq"), &second)
	if second != first+1 || !strings.Contains(later, `state="onhook"`) || value(later, "Via") == value(text, "Via") {
		t.Errorf("then it tells\n%s", later)
	}
	if d.Consider(); d.Lines.find(1, telling) == nil || d.Lines.find(1, telling).due != 0 {
		t.Error("what is told has a timer")
	}
	for _, params := range [][]string{{"CTI_Enable=No"}, {"CTI_Enable=Yes", "Proxy_1_="}, {"CTI_Enable=Yes", "Line_Enable_1_=No"}} {
		if d := registers(t, "SPA942 6.1.5(a)", accountOf(params...)...); len(d.Hook().Send) > 0 {
			t.Errorf("%q: it tells of its hook", params)
		}
	}
}
