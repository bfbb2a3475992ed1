package fleet_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/prov"
)

// sipBlock returns a port that stands for 5060, with free ones after it.
func sipBlock(t *testing.T) uint16 {
	t.Helper()
	addr, err := extproc.Address()
	if err != nil {
		t.Fatal(err)
	}
	return netip.MustParseAddrPort(addr).Port()
}

// phones returns a group of phones that boot in no time and contact nobody by themselves.
func phones(t testing.TB, count int, presets ...string) fleet.Group {
	settled := append([]string{"Resync_On_Reset=No", "Profile_Rule=http://192.0.2.5/a", "Resync_Random_Delay=0", "Resync_Periodic=0", "User_ID_1_=1001", "Password_1_=secret", "User_ID_2_=1002", "Password_2_=other"}, presets...)
	return fleet.Group{Name: "phones", Row: row(t, "SPA942", "6.1.5(a)", devicetest.BootsAtOnce()), Count: count, Presets: settings(settled...)}
}

// A sender is a registrar over a socket, with what its log says.
type sender struct {
	*prov.SIPServer
	mu    sync.Mutex
	lines []string
}

func newSender(t *testing.T) *sender {
	t.Helper()
	s := &sender{}
	s.SIPServer = &prov.SIPServer{Addr: "127.0.0.1:0", Options: prov.RegistrarOptions{Log: func(l prov.Line) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lines = append(s.lines, fmt.Sprint(l.Source, " ", l.Text()))
	}}}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *sender) log() string { return strings.Join(s.all(), "\n") }

func (s *sender) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

func (s *sender) notify(t *testing.T, n prov.Notify) {
	t.Helper()
	if err := s.Notify(n); err != nil {
		t.Fatal(err)
	}
}

func TestANotifyReachesTheLineOfTheDeviceThatItIsSentTo(t *testing.T) {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{phones(t, 300)}, SIP: fleet.SIP{Listen: true, Port: sipBlock(t)}})
	registrar := newSender(t)
	for _, tt := range []struct {
		dev            device.Index
		line           uint8
		user, password string
		want           string // of the answer
		resyncs        int
	}{
		{0, 1, "1001", "secret", "200", 1},
		{299, 2, "1002", "other", "200", 1},
		{255, 1, "1002", "other", "401", 0}, // the account of another line
		{7, 1, "1001", "wrong", "401", 0},
		{8, 1, "", "", "401", 0},
	} {
		v := s.view(tt.dev)
		before := registrar.log()
		registrar.notify(t, prov.Notify{To: fleet.SIPPort(s.f, &v, tt.line), User: fmt.Sprint(1000 + int(tt.line)), Event: "resync", AuthUser: tt.user, Password: tt.password})
		s.await("an answer", func() bool { return registrar.log() != before })
		want := fmt.Sprintf(`%s sip NOTIFY resync %s "Linksys/SPA942-6.1.5(a)"`, v.Unit.IP, tt.want)
		if got := strings.TrimPrefix(strings.TrimPrefix(registrar.log(), before), "\n"); got != want {
			t.Errorf("device %d: the registrar logs %q, want %q", tt.dev, got, want)
		}
		s.settle(tt.dev)
		s.await("the resync", func() bool { return len(s.of(tt.dev, device.ResyncStarted)) == tt.resyncs })
		for _, e := range s.of(tt.dev, device.ResyncStarted) {
			if e.Cause != model.ByNotify {
				t.Errorf("device %d: cause %s", tt.dev, e.Cause)
			}
		}
	}
}

// Who is not there is silent: no ICMP, no answer.
func TestNobodyElseAnswersANotify(t *testing.T) {
	base := sipBlock(t)
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{phones(t, 3, "Auth_Resync-Reboot_1_=No")}, SIP: fleet.SIP{Listen: true, Port: base}})
	s.do(1, device.SwitchOff)
	s.await("power loss", func() bool { return !s.view(1).Powered })
	registrar := newSender(t)
	for _, addr := range []string{"127.64.0.2", "127.64.0.4", "127.0.0.1", "127.64.0.1"} { // the last one answers
		registrar.notify(t, prov.Notify{To: netip.AddrPortFrom(netip.MustParseAddr(addr), base), Event: "resync"})
	}
	registrar.notify(t, prov.Notify{To: netip.MustParseAddrPort(fmt.Sprintf("127.64.0.1:%d", base+100)), Event: "resync"})
	s.await("the answer of device 0", func() bool { return registrar.log() != "" })
	s.settle(0)
	if got := registrar.log(); strings.Count(got, "\n") != 0 || !strings.HasPrefix(got, "127.64.0.1 sip NOTIFY resync 200") {
		t.Errorf("the registrar logs %q", got)
	}
}

// A used port is an error of the start, with what would help.
func TestAUsedSIPPortIsAnErrorOfTheStart(t *testing.T) {
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	f, err := fleet.New(fleet.Config{Groups: []fleet.Group{phones(t, 3)}, SIP: fleet.SIP{Listen: true, Port: taken.LocalAddr().(*net.UDPAddr).AddrPort().Port()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Open(); err == nil || !strings.Contains(err.Error(), "SIP port") {
		t.Errorf("Open: %v", err)
	}
}

// A source address that anybody can write makes no device send something there.
func TestNoAnswerGoesToAPublicAddress(t *testing.T) {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{phones(t, 1)}, SIP: fleet.SIP{Listen: true, Port: sipBlock(t)}})
	v := s.view(0)
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(fleet.SIPPort(s.f, &v, 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ask := func(via string) {
		fmt.Fprintf(conn, "OPTIONS sip:1001@127.64.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK-1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:1001@127.64.0.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", via)
	}
	ask("198.51.100.7:5060") // a public one, which an answer would go to
	ask(conn.LocalAddr().String())
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	answer := make([]byte, 2000)
	n, err := conn.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:n]), "SIP/2.0 200") {
		t.Fatalf("%q, %v", answer[:n], err)
	}
	if fleet.DroppedSIP(s.f) != 0 {
		t.Errorf("%d datagrams dropped: the answer was tried", fleet.DroppedSIP(s.f))
	}
}

func TestSIPIsRefusedWhereItCannotBe(t *testing.T) {
	for want, c := range map[string]fleet.Config{
		"mixed clock":             {Clock: fleet.Mixed, SIP: fleet.SIP{Listen: true}},
		"address for each device": {Source: fleet.Source{One: true}, SIP: fleet.SIP{Register: true}},
	} {
		c.Groups = []fleet.Group{phones(t, 1)}
		if _, err := fleet.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// However many NOTIFYs come while a resync runs, one more follows it.
func TestManyNotifiesAreOneMoreResync(t *testing.T) {
	n := newNetwork()
	release := n.block("/a")
	defer release()
	s := start(t, n, fleet.Config{Groups: []fleet.Group{phones(t, 1, "Auth_Resync-Reboot_1_=No")}, SIP: fleet.SIP{Listen: true, Port: sipBlock(t)}})
	registrar := newSender(t)
	v := s.view(0)
	for i := range 50 {
		registrar.notify(t, prov.Notify{To: fleet.SIPPort(s.f, &v, 1), User: "1001", Event: "resync"})
		s.await("an answer", func() bool { return registrar.Registrar().Notified(200) == i+1 })
	}
	release()
	s.await("the second resync", func() bool { return s.view(0).Resyncs.OK+s.view(0).Resyncs.Failed == 2 })
	s.settle(0)
	if got := len(s.of(0, device.ResyncStarted)); got != 2 {
		t.Errorf("%d resyncs", got)
	}
}
