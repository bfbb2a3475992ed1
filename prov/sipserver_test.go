package prov_test

import (
	"net"
	"net/netip"
	"os/exec"
	"sync"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/prov"
)

// sipServer opens a registrar over a socket.
func sipServer(t *testing.T, o prov.RegistrarOptions) *prov.SIPServer {
	t.Helper()
	s := &prov.SIPServer{Addr: "127.0.0.1:0", Options: o}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Another project's client registers, answers the challenge, and is found registered.
func TestSipsakRegistersWithThePassword(t *testing.T) {
	program := extproc.Need(t, "sipsak", "sipsak")
	s := sipServer(t, prov.RegistrarOptions{Password: func(user string, _ netip.Addr) (string, bool) { return "secret", user == "1001" }})
	for want, password := range []string{"wrong", "secret"} { // by number of contacts
		out, err := exec.Command(program, "-v", "-U", "-x", "60", "-C", "sip:1001@127.0.0.1:5999", "-u", "1001", "-a", password, "-s", "sip:1001@"+s.At().String()).CombinedOutput()
		if got := s.Registrar().Contacts(time.Now().UnixNano()); got != want || (err == nil) != (want == 1) {
			t.Errorf("password %s: %d contacts, %v: %s", password, got, err, out)
		}
	}
}

// A NOTIFY is sent again over the socket until it is answered.
func TestAServersNotifyComesAgain(t *testing.T) {
	var mu sync.Mutex
	var lines []prov.Line
	s := sipServer(t, prov.RegistrarOptions{Log: func(l prov.Line) { mu.Lock(); lines = append(lines, l); mu.Unlock() }})
	phone, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	if err := s.Notify(prov.Notify{To: phone.LocalAddr().(*net.UDPAddr).AddrPort(), Event: "reboot"}); err != nil {
		t.Fatal(err)
	}
	_ = phone.SetDeadline(time.Now().Add(10 * time.Second))
	var texts []string
	for range 2 {
		text := make([]byte, 2000)
		n, from, err := phone.ReadFromUDPAddrPort(text)
		if err != nil || from != s.At() {
			t.Fatal(from, err)
		}
		texts = append(texts, string(text[:n]))
	}
	if texts[0] != texts[1] || header(texts[0], "Event") != "reboot" {
		t.Errorf("it sends %q", texts)
	}
	_, _ = phone.WriteToUDPAddrPort(reply(texts[0], "200 OK"), s.At())
	extproc.Must(t, extproc.Wait("the answer is logged", func() bool { mu.Lock(); defer mu.Unlock(); return len(lines) == 1 }))
	if lines[0].Status != 200 || s.Registrar().Notified(200) != 1 {
		t.Errorf("%+v", lines[0])
	}
}

func TestTwoServersOfSIPCannotShareAPort(t *testing.T) {
	first := sipServer(t, prov.RegistrarOptions{})
	second := &prov.SIPServer{Addr: first.At().String()}
	if err := second.Open(); err == nil {
		second.Close()
		t.Error("it opens")
	}
	second.Close()
}
