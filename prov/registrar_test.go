package prov_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"spafleet/device/digest"
	"spafleet/prov"
	"spafleet/resync/fault"
)

var (
	registrarAt = netip.MustParseAddrPort("127.0.0.1:5060")
	phoneAt     = netip.MustParseAddrPort("127.64.0.1:5061")
)

// A post keeps what a registrar sends.
type post struct {
	to   []netip.AddrPort
	text []string
}

func (p *post) send(to netip.AddrPort, text []byte) {
	p.to, p.text = append(p.to, to), append(p.text, string(text))
}

// take returns the one datagram that was sent.
func (p *post) take(t *testing.T) (netip.AddrPort, string) {
	t.Helper()
	if len(p.text) != 1 {
		t.Fatalf("%d datagrams: %q", len(p.text), p.text)
	}
	to, text := p.to[0], p.text[0]
	p.to, p.text = nil, nil
	return to, text
}

func status(text string) string {
	line, _, _ := strings.Cut(text, "\r\n")
	return strings.Join(strings.Fields(line)[1:2], "")
}

func header(text, name string) string {
	for line := range strings.SplitSeq(text, "\r\n") {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value
		}
	}
	return ""
}

// says is a request as phones write it.
func says(method, user string, more ...string) []byte {
	lines := append([]string{
		method + " sip:pbx.test SIP/2.0",
		"Via: SIP/2.0/UDP 127.64.0.1:5061;branch=z9hG4bK-1a2b3c4d",
		`From: "Desk" <sip:` + user + `@pbx.test>;tag=0123456789abcdefo0`,
		`To: "Desk" <sip:` + user + `@pbx.test>`,
		"Call-ID: 1a2b3c4d-5e6f7a8b@127.64.0.1", "CSeq: 131052 " + method, "Max-Forwards: 70",
	}, more...)
	return []byte(strings.Join(append(lines, "User-Agent: Linksys/SPA942-6.1.5(a)", "Content-Length: 0"), "\r\n") + "\r\n\r\n")
}

func TestARegistrarKeepsContactsForAsLongAsTheyAreFor(t *testing.T) {
	const contact = "Contact: <sip:1001@127.64.0.1:5061>"
	tests := []struct {
		name     string
		more     []string
		want     string
		contacts int
		after    int // 61 seconds later
	}{
		{"expires with the contact", []string{contact + ";expires=60"}, "200", 1, 0},
		{"expires in a header", []string{contact, "Expires: 60"}, "200", 1, 0},
		{"the contact's own counts", []string{contact + ";expires=600", "Expires: 60"}, "200", 1, 1},
		{"nothing said", []string{contact}, "200", 1, 1},
		{"a question", nil, "200", 0, 0},
		{"no number", []string{contact, "Expires: soon"}, "400", 0, 0},
		{"the star lasts for nothing", []string{"Contact: *", "Expires: 60"}, "400", 0, 0},
	}
	for _, tt := range tests {
		r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{})
		var p post
		r.Receive(0, phoneAt, says("REGISTER", "1001", tt.more...), p.send)
		to, text := p.take(t)
		if got := status(text); got != tt.want || to != phoneAt {
			t.Errorf("%s: %s to %s, want %s", tt.name, got, to, tt.want)
		}
		if got, after := r.Contacts(0), r.Contacts(61e9); got != tt.contacts || after != tt.after {
			t.Errorf("%s: %d contacts, later %d; want %d, %d", tt.name, got, after, tt.contacts, tt.after)
		}
	}
}

func TestARegistrarForgetsWhoLeaves(t *testing.T) {
	for _, goodbye := range [][]string{{"Contact: <sip:1001@127.64.0.1:5061>;expires=0"}, {"Contact: <sip:1001@127.64.0.1:5061>", "Expires: 0"}, {"Contact: *", "Expires: 0"}} {
		r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{})
		var p post
		for _, user := range []string{"1001", "1002"} {
			r.Receive(0, phoneAt, says("REGISTER", user, "Contact: <sip:"+user+"@127.64.0.1:5061>"), p.send)
			p.take(t)
		}
		r.Receive(0, phoneAt, says("REGISTER", "1001", goodbye...), p.send)
		if _, text := p.take(t); status(text) != "200" || r.Contacts(0) != 1 {
			t.Errorf("%q: %d contacts are left, %q", goodbye, r.Contacts(0), text)
		}
	}
}

func TestARegistrarHasABound(t *testing.T) {
	r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{Most: 3})
	var p post
	answers := ""
	for i := range 5 {
		at := int64(i) * 40e9
		r.Receive(at, phoneAt, says("REGISTER", fmt.Sprint(1000+i), fmt.Sprintf("Contact: <sip:%d@127.64.0.1:5061>;expires=100", 1000+i)), p.send)
		_, text := p.take(t)
		answers += status(text) + " "
	}
	if answers != "200 200 200 200 200 " || r.Contacts(160e9) > 3 {
		t.Errorf("%s with %d contacts: those that ended made room", answers, r.Contacts(160e9))
	}
	r.Receive(161e9, phoneAt, says("REGISTER", "2000", "Contact: <sip:2000@127.64.0.1:5061>"), p.send)
	if _, text := p.take(t); status(text) != "503" || header(text, "Retry-After") == "" {
		t.Errorf("beyond the bound: %q", text)
	}
}

func TestARegistrarWantsNoneForTooShort(t *testing.T) {
	r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{Shortest: 60})
	for expires, want := range map[string]string{"59": "423", "60": "200", "0": "200"} {
		var p post
		r.Receive(0, phoneAt, says("REGISTER", "1001", "Contact: <sip:1001@127.64.0.1:5061>;expires="+expires), p.send)
		_, text := p.take(t)
		if got := status(text); got != want || (header(text, "Min-Expires") == "60") != (want == "423") {
			t.Errorf("for %s s: %q, want %s", expires, text, want)
		}
	}
}

func TestARegistrarAsksForThePassword(t *testing.T) {
	passwords := map[string]string{"1001": "secret"}
	r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{Password: func(user string, from netip.Addr) (string, bool) {
		password, ok := passwords[user]
		return password, ok && from == phoneAt.Addr()
	}})
	contact := "Contact: <sip:1001@127.64.0.1:5061>;expires=60"
	prove := func(challenge, user, password, nonce string) string {
		f := digest.Fields(strings.TrimPrefix(challenge, "Digest "))
		if nonce == "" {
			nonce = f["nonce"]
		}
		proof := digest.Proof(digest.Hash(user+":"+f["realm"]+":"+password), nonce, "REGISTER", "sip:pbx.test")
		return fmt.Sprintf(`Authorization: Digest username="%s",realm="%s",nonce="%s",uri="sip:pbx.test",algorithm=MD5,response="%s"`, user, f["realm"], nonce, proof)
	}
	var p post
	r.Receive(0, phoneAt, says("REGISTER", "1001", contact), p.send)
	_, text := p.take(t)
	challenge := header(text, "WWW-Authenticate")
	if status(text) != "401" || challenge == "" || r.Contacts(0) != 0 {
		t.Fatalf("without credentials: %q", text)
	}
	for _, tt := range []struct{ name, line, want string }{
		{"wrong password", prove(challenge, "1001", "Secret", ""), "401"},
		{"nobody's account", prove(challenge, "1002", "", ""), "401"},
		{"another nonce", prove(challenge, "1001", "secret", "0000"), "401"},
		{"right", prove(challenge, "1001", "secret", ""), "200"},
	} {
		r.Receive(0, phoneAt, says("REGISTER", "1001", contact, tt.line), p.send)
		if _, text := p.take(t); status(text) != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, status(text), tt.want)
		}
	}
	if r.Contacts(0) != 1 {
		t.Errorf("%d contacts", r.Contacts(0))
	}
}

func TestAnAnswerGoesWhereTheViaSays(t *testing.T) {
	r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{})
	nat := netip.MustParseAddrPort("127.0.0.9:40000")
	for via, want := range map[string]struct{ to, via string }{
		"127.64.0.1:5061;branch=z9hG4bK-1":       {"127.0.0.9:5061", ";received=127.0.0.9"},
		"127.64.0.1:5061;branch=z9hG4bK-1;rport": {"127.0.0.9:40000", ";rport=40000;received=127.0.0.9"},
		"127.0.0.9;branch=z9hG4bK-1":             {"127.0.0.9:5060", ""},
	} {
		var p post
		r.Receive(0, nat, []byte(strings.Replace(string(says("OPTIONS", "1001")), "127.64.0.1:5061;branch=z9hG4bK-1a2b3c4d", via, 1)), p.send)
		to, text := p.take(t)
		if got := header(text, "Via"); to.String() != want.to || !strings.HasSuffix(got, want.via) || want.via == "" && strings.Contains(got, "received") {
			t.Errorf("%s: to %s with Via %s", via, to, got)
		}
	}
}

func TestWhatIsNoRequestOfARegistrarIsRefusedOrIgnored(t *testing.T) {
	r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{})
	for text, want := range map[string]string{
		string(says("INVITE", "1001")):    "405",
		string(says("SUBSCRIBE", "1001")): "489",
		string(says("NOTIFY", "1001")):    "200",
		string(says("ACK", "1001")):       "",
		"":                                "",
		"\r\n\r\n":                        "",
		"GET / HTTP/1.1\r\n\r\n":          "",
		strings.Replace(string(says("REGISTER", "1")), "Call-ID", "Other", 1):           "",
		string(says("REGISTER", "1", "X: "+strings.Repeat("x", 9000))):                  "",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK-none\r\n\r\n": "",
	} {
		var p post
		r.Receive(0, phoneAt, []byte(text), p.send)
		if want == "" && len(p.text) > 0 || want != "" && (len(p.text) != 1 || status(p.text[0]) != want) {
			t.Errorf("%.60q: %q, want %q", text, p.text, want)
		}
	}
}

// reply is a device's answer.
func reply(to, status string, more ...string) []byte {
	lines := []string{"SIP/2.0 " + status}
	for _, name := range []string{"To", "From", "Call-ID", "CSeq", "Via"} {
		lines = append(lines, name+": "+header(to, name))
	}
	return []byte(strings.Join(append(append(lines, more...), "Content-Length: 0"), "\r\n") + "\r\n\r\n")
}

func TestANotifyProvesItself(t *testing.T) {
	tests := []struct {
		name, user, password string
		challenge            string
		proves               bool
	}{
		{"good", "1001", "secret", `Digest realm="127.64.0.1", nonce="0123abcd"`, true},
		{"with qop", "1001", "secret", `Digest realm="127.64.0.1", nonce="0123abcd", qop="auth", algorithm=md5`, true},
		{"none", "", "", `Digest realm="127.64.0.1", nonce="0123abcd"`, false},
		{"no challenge", "1001", "secret", `Basic realm="x"`, false},
	}
	for _, tt := range tests {
		var lines []prov.Line
		r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{Log: func(l prov.Line) { lines = append(lines, l) }})
		var p post
		if err := r.Notify(0, prov.Notify{To: phoneAt, User: "1001", Event: "resync;x=1", AuthUser: tt.user, Password: tt.password}, p.send); err != nil {
			t.Fatal(err)
		}
		to, first := p.take(t)
		if to != phoneAt || header(first, "Event") != "resync;x=1" || !strings.HasPrefix(first, "NOTIFY sip:1001@127.64.0.1:5061 SIP/2.0\r\n") {
			t.Errorf("%s: %q to %s", tt.name, first, to)
		}
		r.Receive(1e9, phoneAt, reply(first, "401 Unauthorized", "WWW-Authenticate: "+tt.challenge), p.send)
		if !tt.proves {
			if len(p.text) != 0 || len(lines) != 1 || lines[0].Status != 401 || r.Notified(401) != 1 {
				t.Errorf("%s: sent %q, logged %v", tt.name, p.text, lines)
			}
			continue
		}
		_, second := p.take(t)
		f := digest.Fields(strings.TrimPrefix(header(second, "Authorization"), "Digest "))
		middle := f["nonce"]
		if f["qop"] != "" {
			middle += ":" + f["nc"] + ":" + f["cnonce"] + ":" + f["qop"]
		}
		if want := digest.Proof(digest.Hash("1001:127.64.0.1:secret"), middle, "NOTIFY", "sip:1001@127.64.0.1:5061"); f["response"] != want || header(second, "CSeq") != "2 NOTIFY" ||
			header(second, "Call-ID") != header(first, "Call-ID") || header(second, "Via") == header(first, "Via") {
			t.Errorf("%s: %q, want the response %s", tt.name, second, want)
		}
		r.Receive(2e9, phoneAt, reply(second, "200 OK", "Server: Linksys/SPA942-6.1.5(a)"), p.send)
		if len(p.text) != 0 || len(lines) != 1 || lines[0].Text() != `sip NOTIFY resync 200 "Linksys/SPA942-6.1.5(a)"` || r.Notified(200) != 1 {
			t.Errorf("%s: sent %q, logged %v", tt.name, p.text, lines)
		}
	}
}

// By OPTIONS a registrar asks whether somebody is there. Without the CSeq of its request an
// answer is none.
func TestOptionsAskWhetherSomebodyIsThere(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(answer string) string
		want   string
	}{
		"answered":     {func(a string) string { return a }, `sip OPTIONS 1001 200 "Linksys/SPA942-6.1.5(a)"`},
		"no CSeq":      {func(a string) string { return strings.Replace(a, "CSeq: 1 OPTIONS\r\n", "", 1) }, "sip OPTIONS 1001 408"},
		"another CSeq": {func(a string) string { return strings.Replace(a, "CSeq: 1", "CSeq: 2", 1) }, "sip OPTIONS 1001 408"},
		"stray number": {func(a string) string { return "16394" + a }, "sip OPTIONS 1001 408"},
	} {
		var lines []prov.Line
		r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{Log: func(l prov.Line) { lines = append(lines, l) }})
		var p post
		if err := r.Notify(0, prov.Notify{To: phoneAt, Method: "OPTIONS", User: "1001"}, p.send); err != nil {
			t.Fatal(err)
		}
		_, text := p.take(t)
		if !strings.HasPrefix(text, "OPTIONS sip:1001@127.64.0.1:5061 SIP/2.0\r\n") || header(text, "Event") != "" {
			t.Errorf("%s: %q", name, text)
		}
		answer := tt.change(string(reply(text, "200 OK", "Server: Linksys/SPA942-6.1.5(a)")))
		r.Receive(1e9, phoneAt, []byte(answer), p.send)
		for at, ok := r.Next(); ok; at, ok = r.Next() {
			r.Due(at, p.send)
		}
		if len(lines) != 1 || !strings.HasPrefix(lines[0].Text(), tt.want) || r.Notified(200) != 0 {
			t.Errorf("%s: logged %v, want %s", name, lines, tt.want)
		}
	}
}

// A device that refuses its credentials is not asked for ever.
func TestANotifyProvesItselfOnce(t *testing.T) {
	r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{})
	var p post
	_ = r.Notify(0, prov.Notify{To: phoneAt, Event: "reboot", AuthUser: "a", Password: "b"}, p.send)
	for range 2 {
		_, text := p.take(t)
		r.Receive(0, phoneAt, reply(text, "401 Unauthorized", `WWW-Authenticate: Digest realm="r", nonce="n"`), p.send)
	}
	if len(p.text) != 0 || r.Notified(401) != 1 {
		t.Errorf("sent %q; %d notified", p.text, r.Notified(401))
	}
}

func TestANotifyWithoutAnAnswerComesAgain(t *testing.T) {
	r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{Most: 2})
	var p post
	_ = r.Notify(0, prov.Notify{To: phoneAt, Event: "resync"}, p.send)
	_ = r.Notify(0, prov.Notify{To: phoneAt, Event: "resync"}, p.send)
	if err := r.Notify(0, prov.Notify{To: phoneAt, Event: "resync"}, p.send); err == nil {
		t.Error("there is no bound")
	}
	p = post{}
	var at []time.Duration
	for {
		next, ok := r.Next()
		if !ok {
			break
		}
		if r.Due(next, p.send); len(p.text) == 2 {
			at = append(at, time.Duration(next))
		}
		p = post{}
	}
	if r.Unanswered("NOTIFY") != 2 || r.Unanswered("OPTIONS") != 0 {
		t.Errorf("%d NOTIFYs and %d OPTIONS without an answer", r.Unanswered("NOTIFY"), r.Unanswered("OPTIONS"))
	}
	if got := fmt.Sprint(at); got != "[500ms 1.5s 3.5s 7.5s 11.5s 15.5s 19.5s 23.5s 27.5s 31.5s]" || r.Notified(408) != 2 {
		t.Errorf("repeated at %s; %d without an answer", got, r.Notified(408))
	}
}

// A device does a NOTIFY once that has the same Call-ID. It is kept with a fleet: so the
// NOTIFYs of the registrar of a resumed one must be others.
func TestALaterRegistrarSendsOtherNotifies(t *testing.T) {
	ids := map[string]bool{}
	for at := range int64(3) {
		r, p := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{}), &post{}
		for range 2 {
			_ = r.Notify(at*int64(time.Minute), prov.Notify{To: phoneAt, Event: "resync"}, p.send)
		}
		for _, text := range p.text {
			ids[header(text, "Call-ID")] = true
		}
	}
	if len(ids) != 6 {
		t.Errorf("six NOTIFYs have the Call-IDs %v", ids)
	}
}

// Where fleet time passes faster than the network, a registrar waits as long as before in
// the network's time.
func TestARegistrarOfAFastFleetIsAsPatient(t *testing.T) {
	r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{Speed: 60})
	var p post
	_ = r.Notify(0, prov.Notify{To: phoneAt, Event: "resync"}, p.send)
	if next, ok := r.Next(); !ok || time.Duration(next) != 30*time.Second {
		t.Errorf("the NOTIFY comes again after %s", time.Duration(next))
	}
	last := int64(0)
	for next, ok := r.Next(); ok; next, ok = r.Next() {
		last = next
		r.Due(next, p.send)
	}
	if r.Unanswered("NOTIFY") != 1 || time.Duration(last) != 32*time.Minute {
		t.Errorf("given up after %s", time.Duration(last))
	}
}

func TestARegistrarDoesWrongWhatAFaultSays(t *testing.T) {
	for _, e := range []fault.Effects{{Down: true}, {HasStatus: true, Status: 503}} {
		plan := &fault.Plan{Seed: 1}
		match, err := fault.ParseMatch("sip /REGISTER")
		if err != nil {
			t.Fatal(err)
		}
		active := plan.Start(fault.Fault{Match: match, Effects: e})
		r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{Faults: plan})
		var p post
		r.Receive(0, phoneAt, says("REGISTER", "1001", "Contact: <sip:1001@127.64.0.1:5061>"), p.send)
		r.Receive(5e8, phoneAt, says("REGISTER", "1001", "Contact: <sip:1001@127.64.0.1:5061>"), p.send)
		switch {
		case e.Down && len(p.text) != 0, !e.Down && (len(p.text) != 2 || status(p.text[1]) != "503"), active.Affected() != 1, r.Contacts(0) != 0:
			t.Errorf("%+v: %q, affected %d, %d contacts", e, p.text, active.Affected(), r.Contacts(0))
		}
		p = post{}
		r.Receive(1e9, phoneAt, says("OPTIONS", "1001"), p.send)
		if _, text := p.take(t); status(text) != "200" {
			t.Errorf("another method: %q", text)
		}
	}
}

func FuzzARegistrarTakesAnything(f *testing.F) {
	f.Add(says("REGISTER", "1001", "Contact: *", "Expires: 0"))
	f.Add(says("REGISTER", "1001", `Authorization: Digest username="1001",realm="registrar",nonce="`))
	f.Add(reply("", "401 Unauthorized", "WWW-Authenticate: Digest realm="))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := prov.NewRegistrar(registrarAt, prov.RegistrarOptions{Password: func(string, netip.Addr) (string, bool) { return "", true }})
		sent := 0
		r.Receive(0, phoneAt, text, func(_ netip.AddrPort, answer []byte) {
			if sent++; sent > 1 || !strings.HasPrefix(string(answer), "SIP/2.0 ") {
				t.Errorf("answer %d: %q", sent, answer)
			}
		})
	})
}
