package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"spafleet/device"
	"spafleet/device/digest"
)

// registrar is the address of a server.
var registrar = netip.MustParseAddrPort("192.0.2.9:5060")

// account are the parameters of a line that registers.
func accountOf(more ...string) []string {
	return append([]string{"User_ID_1_=4301", "Password_1_=secret", "Proxy_1_=sip.example.com", "Register_2_=No"}, more...)
}

// registers returns a device whose lines register.
func registers(t *testing.T, name string, params ...string) *desk {
	t.Helper()
	d := phone(t, name, params...)
	d.Registers, d.Now = true, d.Booted
	return d
}

// one returns the only message of an outcome.
func (d *desk) one(o Outcome) string {
	d.t.Helper()
	if len(o.Send) != 1 {
		d.t.Fatalf("it sends %d messages, and tells %v", len(o.Send), o.Events)
	}
	return string(o.Send[0].Text)
}

// answer is what a server answers to a REGISTER.
func answer(register string, status int, more ...string) string {
	head := []string{fmt.Sprintf("SIP/2.0 %d X", status)}
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		head = append(head, name+": "+value(register, name))
	}
	return lines(append(head, more...)...) + "\r\n"
}

// A step is an answer of a server.
type step struct {
	status int // 0: none comes
	more   string
}

// play gives a line the answers of a server, one to each request, and returns what comes of the last.
func (d *desk) play(line uint8, o Outcome, steps []step) Outcome {
	d.t.Helper()
	text := d.one(o)
	for _, s := range steps {
		d.Now += int64(time.Second) / 10
		if s.status == 0 {
			for len(o.Events) == 0 {
				o = d.after()
			}
			continue
		}
		var more []string
		if s.more != "" {
			more = []string{s.more}
		}
		if _, o = d.hear(line, answer(text, s.status, more...)); len(o.Send) > 0 {
			text = d.one(o)
		}
	}
	return o
}

// after moves the device to its next moment, and returns what it does.
func (d *desk) after() Outcome {
	d.t.Helper()
	due := d.Lines.Due()
	if due == 0 {
		d.t.Fatal("it waits for nothing")
	}
	d.Now = due
	return d.Due()
}

// surface-2.md §6.1 a and b: the order of REGISTER, names, tags, Contact, what is not there.
func TestSIPIdentity(t *testing.T) {
	d := registers(t, "SPA525G 7.4.9a", accountOf("Display_Name_1_=Front Desk", "Register_Expires_1_=60")...)
	text := d.one(d.Consider())
	if number := value(text, "CSeq"); !strings.HasSuffix(number, " REGISTER") {
		t.Errorf("CSeq: %s", number)
	}
	branch := strings.TrimPrefix(value(text, "Via"), "SIP/2.0/UDP 127.64.0.4:5060;branch=z9hG4bK-")
	_, tag, _ := strings.Cut(value(text, "From"), ";tag=")
	if len(branch) != 8 || len(tag) != 18 || !strings.HasSuffix(tag, "o0") {
		t.Errorf("branch %q, tag %q", branch, tag)
	}
	wantText(t, text, lines("REGISTER sip:sip.example.com SIP/2.0", "Via: SIP/2.0/UDP 127.64.0.4:5060;branch=z9hG4bK-"+branch,
		`From: "Front Desk" <sip:4301@sip.example.com>;tag=`+tag, `To: "Front Desk" <sip:4301@sip.example.com>`, "Call-ID: "+value(text, "Call-ID"),
		"CSeq: "+value(text, "CSeq"), "Max-Forwards: 70", `Contact: "Front Desk" <sip:4301@127.64.0.4:5060>;expires=60`, "User-Agent: Cisco/SPA525G-7.4.9a",
		"Content-Length: 0", "Allow: ACK, BYE, CANCEL, INFO, INVITE, NOTIFY, OPTIONS, REFER, UPDATE", "Supported: replaces")+"\r\n")
	if id := value(text, "Call-ID"); len(id) != len("12345678-12345678@127.64.0.4") || id[8] != '-' || !strings.HasSuffix(id, "@127.64.0.4") {
		t.Errorf("Call-ID: %s", id)
	}

	old := registers(t, "RT31P2 2.0.10(LIc)", "Register_1_=No", "User_ID_2_=4302", "Proxy_2_=192.0.2.9:5080", "Display_Name_2_=First Last")
	text = old.one(old.Consider())
	_, tag, _ = strings.Cut(value(text, "From"), ";tag=")
	wantText(t, text, lines("REGISTER sip:192.0.2.9:5080 SIP/2.0", "Via: "+value(text, "Via"), "From: First Last <sip:4302@192.0.2.9:5080>;tag="+tag,
		"To: First Last <sip:4302@192.0.2.9:5080>", "Call-ID: "+value(text, "Call-ID"), "CSeq: "+value(text, "CSeq"), "Max-Forwards: 70",
		"Contact: First Last <sip:4302@127.64.0.4:5061>;expires=3600", "User-Agent: Linksys/RT31P2-2.0.10(LIc)", "Content-Length: 0",
		"Allow: ACK, BYE, CANCEL, INFO, INVITE, NOTIFY, OPTIONS, REFER", "Supported: x-sipura")+"\r\n")
	if !strings.HasSuffix(tag, "o1") || !strings.HasPrefix(value(text, "Via"), "SIP/2.0/UDP 127.64.0.4:5061;branch=z9hG4bK-") {
		t.Errorf("tag %s, Via: %s", tag, value(text, "Via"))
	}
}

// surface-2.md §6.1: the form of credentials, with and without qop.
func TestSIPCredentials(t *testing.T) {
	d := registers(t, "SPA942 6.1.5(a)", accountOf()...)
	text := d.one(d.Consider())
	_, o := d.hear(1, answer(text, 401, `WWW-Authenticate: Digest realm="example", nonce="abc", algorithm=MD5`))
	second := d.one(o)
	proof := digest.Proof(digest.Hash("4301:example:secret"), "abc", "REGISTER", "sip:sip.example.com")
	want := `Digest username="4301",realm="example",nonce="abc",uri="sip:sip.example.com",algorithm=MD5,response="` + proof + `"`
	if got := value(second, "Authorization"); got != want {
		t.Errorf("Authorization: %s\nwant %s", got, want)
	}
	if value(second, "Call-ID") != value(text, "Call-ID") || number(t, second) != number(t, text)+1 || value(second, "Via") == value(text, "Via") {
		t.Errorf("the second REGISTER is not of the first's dialog:\n%s%s", text, second)
	}
	if at := strings.Index(second, "Authorization: "); at < strings.Index(second, "Max-Forwards: ") || at > strings.Index(second, "Contact: ") {
		t.Errorf("Authorization is in another place:\n%s", second)
	}
	_, o = d.hear(1, answer(second, 407, `Proxy-Authenticate: Digest realm="other", nonce="def", qop="auth,auth-int", opaque="x"`))
	third := value(d.one(o), "Proxy-Authorization")
	f := digest.Fields(strings.TrimPrefix(third, "Digest "))
	middle := "def:00000001:" + f["cnonce"] + ":auth"
	if proof := digest.Proof(digest.Hash("4301:other:secret"), middle, "REGISTER", "sip:sip.example.com"); f["response"] != proof ||
		!strings.Contains(third, `",qop=auth,nc=00000001,cnonce="`) || f["opaque"] != "x" || strings.Contains(third, ", ") {
		t.Errorf("Proxy-Authorization: %s", third)
	}
}

func number(t *testing.T, text string) (n int) {
	t.Helper()
	if _, err := fmt.Sscanf(value(text, "CSeq"), "%d REGISTER", &n); err != nil {
		t.Fatalf("CSeq: %s", value(text, "CSeq"))
	}
	return n
}

// device-surface.md §6.2: a REGISTER and what becomes of it, by what the server answers: what the device tells, and
// when it asks next.
func TestRegistrations(t *testing.T) {
	const challenge = `WWW-Authenticate: Digest realm="r", nonce="n"`
	tests := []struct {
		name   string
		params []string
		steps  []step
		want   string  // the kind of the last event, and why
		next   float64 // seconds from the last answer to the next REGISTER; 0: none
	}{
		{"granted", nil, []step{{200, ""}}, "registered", 3570},
		{"granted after a challenge", nil, []step{{401, challenge}, {200, ""}}, "registered", 3570},
		{"granted for less, by Expires", nil, []step{{200, "Expires: 120"}}, "registered", 90},
		{"granted for less, by Contact", nil, []step{{200, "Expires: 3600\r\nContact: <sip:x@192.0.2.1>;expires=7, <sip:4301@127.64.0.4:5060>;q=1;expires=60"}}, "registered", 30},
		{"granted for very short", nil, []step{{200, "Expires: 10"}}, "registered", 5},
		{"granted for longer than Reg_Max_Expires", []string{"Reg_Max_Expires=600"}, []step{{200, "Expires: 90000"}}, "registered", 570},
		{"granted for less than Reg_Min_Expires", []string{"Reg_Min_Expires=300"}, []step{{200, "Expires: 60"}}, "registered", 270},
		{"refused", nil, []step{{403, ""}}, "registration_failed 403", 1200},
		{"refused, and Retry_Reg_RSC has it", []string{"Retry_Reg_RSC=404, 40?"}, []step{{403, ""}}, "registration_failed 403", 30},
		{"refused for ever", []string{"Reg_Retry_Long_Intvl=0"}, []step{{404, ""}}, "registration_failed 404", 0},
		{"wrong password", nil, []step{{401, challenge}, {401, challenge}, {401, challenge}}, "registration_failed 401", 1200},
		{"challenged more often than Max_Auth", []string{"Max_Auth=1"}, []step{{401, challenge}, {401, challenge}}, "registration_failed 401", 1200},
		{"stale nonce", nil, []step{{401, challenge}, {401, challenge + `, stale=true`}, {200, ""}}, "registered", 3570},
		{"a challenge that no device can answer", nil, []step{{401, `WWW-Authenticate: Digest realm="r", nonce="n", algorithm=SHA-256`}}, "registration_failed 401", 1200},
		{"too brief", []string{"Register_Expires_1_=60"}, []step{{423, "Min-Expires: 1800"}, {200, "Expires: 1800"}}, "registered", 1770},
		{"too brief without a number", nil, []step{{423, ""}}, "registration_failed 423", 1200},
		{"provisional, then granted", nil, []step{{100, ""}, {200, ""}}, "registered", 3570},
		{"no answer", nil, []step{{0, ""}}, "registration_failed timeout", 30},
		{"no answer, Reg_Retry_Intvl", []string{"Reg_Retry_Intvl=7"}, []step{{0, ""}}, "registration_failed timeout", 7},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := registers(t, "SPA942 6.1.5(a)", accountOf(test.params...)...)
			o := d.play(1, d.Consider(), test.steps)
			if len(o.Events) != 1 {
				t.Fatalf("it tells %v", o.Events)
			}
			if got := strings.TrimSpace(o.Events[0].Kind.String() + " " + o.Events[0].Err); got != test.want {
				t.Errorf("it tells %s, want %s", got, test.want)
			}
			next := 0.0
			if due := d.Lines.Due(); due != 0 {
				next = float64(due-d.Now) / 1e9
			}
			if next != test.next {
				t.Errorf("the next REGISTER comes after %g s, want %g", next, test.next)
			}
		})
	}
}

// SIP_T1, SIP_T2 and SIP_Timer_F: when a REGISTER without an answer is sent again.
func TestRetransmissions(t *testing.T) {
	tests := []struct {
		params []string
		want   []float64 // seconds at which it is sent, and at the end given up
	}{
		{[]string{"SIP_Timer_F=32"}, []float64{0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5, 32}},
		{[]string{"SIP_T1=1", "SIP_T2=3", "SIP_Timer_F=10"}, []float64{1, 3, 6, 9, 10}},
		{[]string{"SIP_T1=0", "SIP_T2=0", "SIP_Timer_F=0.35"}, []float64{.1, .2, .3, .35}},
	}
	for _, test := range tests {
		d := registers(t, "SPA504G 7.5.5", accountOf(test.params...)...)
		first := d.one(d.Consider())
		var got []float64
		for range test.want {
			o := d.after()
			got = append(got, float64(d.Now-d.Booted)/1e9)
			if len(o.Events) == 0 && d.one(o) != first {
				t.Errorf("%v: another message is sent", test.params)
			}
		}
		if !slices.Equal(got, test.want) || d.Lines.first.tx != nil {
			t.Errorf("%v: sent at %v, want %v", test.params, got, test.want)
		}
	}
}

// Reg_Retry_Intvl doubles up to Reg_Retry_Intvl_Cap; a random delay is less than its parameter.
func TestRetries(t *testing.T) {
	d := registers(t, "SPA504G 7.5.5", accountOf("Reg_Retry_Intvl=10", "Reg_Retry_Intvl_Cap=60")...)
	d.Consider()
	for _, want := range []float64{10, 20, 40, 60, 60} {
		d.Failed(1, "sip.example.com")
		if got := float64(d.Lines.Due()-d.Now) / 1e9; got != want {
			t.Errorf("after %g s, want %g", got, want)
		}
		d.after()
	}
	seen := map[int64]bool{}
	d = registers(t, "SPA504G 7.5.5", accountOf("Reg_Retry_Intvl=10", "Reg_Retry_Random_Delay=20")...)
	for d.Consider(); len(seen) < 5; d.after() {
		d.Failed(1, "sip.example.com")
		wait := d.Lines.Due() - d.Now
		if seen[wait] = true; wait < 10e9 || wait > 30e9 {
			t.Fatalf("after %g s", float64(wait)/1e9)
		}
	}
}

// Which lines register.
func TestWhichLinesRegister(t *testing.T) {
	tests := []struct {
		params []string
		lines  []uint8
		server string
	}{
		{accountOf(), []uint8{1}, "sip.example.com"},
		{accountOf("Register_1_=No"), nil, ""},
		{accountOf("Line_Enable_1_=No"), nil, ""},
		{accountOf("User_ID_1_="), nil, ""},
		{accountOf("Proxy_1_="), nil, ""},
		{accountOf("Outbound_Proxy_1_=out.example.com:5080"), []uint8{1}, "sip.example.com"},
		{accountOf("Outbound_Proxy_1_=out.example.com:5080", "Use_Outbound_Proxy_1_=Yes"), []uint8{1}, "out.example.com:5080"},
		{accountOf("Use_Outbound_Proxy_1_=Yes"), []uint8{1}, "sip.example.com"},
		{accountOf("Restricted_Access_Domains=example.com"), []uint8{1}, "sip.example.com"},
		{accountOf("Restricted_Access_Domains=example.net"), nil, ""},
		{accountOf("Restricted_Access_Domains=example.net", "Register_2_=Yes", "User_ID_2_=2", "Proxy_2_=192.0.2.1:5070"), []uint8{2}, "192.0.2.1:5070"},
		{accountOf("Restricted_Access_Domains=192.0.2.1", "Proxy_1_=192.0.2.1:5070"), []uint8{1}, "192.0.2.1:5070"},
	}
	for _, test := range tests {
		d := registers(t, "SPA2102", test.params...)
		o := d.Consider()
		var lines []uint8
		for _, m := range o.Send {
			lines = append(lines, m.Line)
			if m.Server != test.server || m.To.IsValid() {
				t.Errorf("%q: sent to %q, want %q", test.params, m.Server, test.server)
			}
		}
		if !slices.Equal(lines, test.lines) {
			t.Errorf("%q: lines %v register, want %v", test.params, lines, test.lines)
		}
		if d.Registers = false; len(d.Consider().Send) > 0 {
			t.Error("a line registers though nobody has turned that on")
		}
	}
}

// An answer counts for the REGISTER that it is of, and once.
func TestAnswersOfOthersAreIgnored(t *testing.T) {
	d := registers(t, "SPA942", accountOf()...)
	text := d.one(d.Consider())
	for _, wrong := range []string{
		strings.Replace(answer(text, 200), "Call-ID: ", "Call-ID: x", 1), strings.Replace(answer(text, 200), "REGISTER", "OPTIONS", 1),
		strings.Replace(answer(text, 200), "CSeq: ", "CSeq: 1", 1), "SIP/2.0 200 OK\r\n\r\n",
	} {
		if _, o := d.hear(1, wrong); len(o.Events) > 0 || d.Lines.Registered() != 0 {
			t.Errorf("this registers a line:\n%s", wrong)
		}
	}
	if _, o := d.hear(2, answer(text, 200)); len(o.Events) > 0 {
		t.Error("an answer to another line's port registers a line")
	}
	if _, o := d.hear(1, answer(text, 200)); len(o.Events) != 1 || d.Lines.Registered() != 1 {
		t.Fatalf("it is not registered: %v", o.Events)
	}
	if _, o := d.hear(1, answer(text, 403)); len(o.Events) > 0 || d.Lines.Registered() != 1 {
		t.Error("a late answer ends the registration")
	}
}

// surface-2.md §6.1, K48: the number of REGISTERs goes on for long, and each has its own branch.
func TestSequenceGoesOn(t *testing.T) {
	d := registers(t, "SPA942", accountOf()...)
	o, branches := d.Consider(), map[string]bool{}
	first := number(t, d.one(o))
	for n := range 20 {
		text := d.one(o)
		branches[value(text, "Via")] = true
		if number(t, text) != first+n {
			t.Fatalf("CSeq %d, want %d", number(t, text), first+n)
		}
		if n == 10 {
			d.Lines.Reset(false)
			o = d.Consider()
			continue
		}
		d.hear(1, answer(text, 200))
		o = d.after()
	}
	if len(branches) != 20 {
		t.Errorf("%d branches of 20 REGISTERs", len(branches))
	}
	if device.Registered.String() != "registered" {
		t.Error(device.Registered)
	}
}

// Before a reboot the device tells its server, and no line is left registered.
func TestLeaving(t *testing.T) {
	d := registers(t, "SPA942", accountOf()...)
	d.one(d.Consider())
	if o := d.Leave(); len(o.Send) > 0 {
		t.Error("a line that is not registered takes its leave")
	}
	text := d.one(d.Consider())
	d.hear(1, answer(text, 200))
	o := d.Leave()
	text = d.one(o)
	if !strings.HasSuffix(value(text, "Contact"), ";expires=0") || len(o.Events) != 1 || o.Events[0].Kind != device.Unregistered || d.Lines.Registered() != 0 {
		t.Errorf("it tells %v and sends\n%s", o.Events, text)
	}
	d.Lines.Reset(true)
	o = d.LastWord(1, registrar, []byte(answer(text, 401, `WWW-Authenticate: Digest realm="r", nonce="n"`)))
	text = d.one(o)
	if value(text, "Authorization") == "" || d.Lines.Due() != 0 {
		t.Errorf("a challenge to its last word gets\n%s", text)
	}
	if o = d.LastWord(1, registrar, []byte(answer(text, 200))); len(o.Send) > 0 || len(o.Logs) != 1 || o.Logs[0].Text != "[0]UnRegOK" {
		t.Errorf("its end is answered by %v %v", o.Send, o.Logs)
	}
	if o = d.LastWord(1, registrar, []byte(request("OPTIONS", ""))); len(o.Send) > 0 {
		t.Error("it answers OPTIONS while it boots")
	}
}

// There may be a million registered lines.
func TestALineIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Line{}); size > 48 {
		t.Errorf("a line takes %d bytes, 48 is the most", size)
	}
}

// Lines survive in the state file as they are, in the middle of an exchange too.
func TestLinesSurvive(t *testing.T) {
	d := registers(t, "SPA2102", accountOf("Register_2_=Yes", "User_ID_2_=2", "Proxy_2_=192.0.2.1", "Voice_Mail_Server_1_=192.0.2.1", "NAT_Keep_Alive_Enable_1_=Yes", "sip_nonce=kept")...)
	o := d.Consider()
	_, again := d.hear(1, answer(string(o.Send[0].Text), 401, `WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"`))
	_, box := d.hear(1, answer(string(again.Send[0].Text), 200))
	d.hear(1, strings.Replace(answer(string(box.Send[0].Text), 200), "\r\nTo: <sip:192.0.2.1>", "\r\nTo: <sip:192.0.2.1>;tag=x", 1))
	if kept := fmt.Sprint(d.Lines.find(1, mailbox).tx.remains, d.Lines.of(1).tx.used); kept != "{x  0} 1" {
		t.Fatalf("of the answers it keeps %s", kept)
	}
	saved := Restore(d.Lines.Record())
	for l := range d.Lines.all() {
		other := saved.find(l.number, l.kind)
		if other == nil {
			t.Fatalf("line %d is lost", l.number)
		}
		a, b := *l, *other
		if a.next, b.next = nil, nil; fmt.Sprint(a.tx) != fmt.Sprint(b.tx) {
			t.Errorf("line %d waits for %v, and did for %v", l.number, b.tx, a.tx)
		}
		if a.tx, b.tx = nil, nil; a != b {
			t.Errorf("line %d is %+v, and was %+v", l.number, b, a)
		}
	}
	if fmt.Sprint(saved.Record()) == "[]" || saved.Due() != d.Lines.Due() {
		t.Errorf("they act at %d, and did at %d", saved.Due(), d.Lines.Due())
	}
}
