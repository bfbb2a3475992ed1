package fleet_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/fleet"
	"spafleet/prov"
	"spafleet/resync/fault"
	"spafleet/resync/modelled"
)

// A sipCase is what happens to a device by SIP, over sockets and in virtual time.
type sipCase struct {
	name    string
	presets []string
	send    []prov.Notify // to line 1, each once the one before was answered
	faults  []fault.Fault // of the network
	wrongs  []fault.Fault // of the registrar
	ends    func(events []device.Event, log []string) bool
}

func answers(n int) func([]device.Event, []string) bool {
	return func(_ []device.Event, log []string) bool { return len(log) == n }
}

func sipFault(t *testing.T, match string, e fault.Effects) fault.Fault {
	t.Helper()
	m, err := fault.ParseMatch(match)
	if err != nil {
		t.Fatal(err)
	}
	return fault.Fault{Match: m, Effects: e}
}

func sipCases(t *testing.T) []sipCase {
	good := prov.Notify{User: "1001", Event: "resync", AuthUser: "1001", Password: "secret"}
	bad, none, unknown, reboot := good, good, good, good
	bad.Password = "wrong"
	none.AuthUser, none.Password = "", ""
	unknown.Event = "no-such-event"
	reboot.Event = "reboot"
	return []sipCase{
		{name: "good", send: []prov.Notify{good}, ends: answers(1)},
		{name: "bad", send: []prov.Notify{bad}, ends: answers(1)},
		{name: "none", send: []prov.Notify{none}, ends: answers(1)},
		{name: "unknown event", send: []prov.Notify{unknown}, ends: answers(1)},
		{name: "reboot, then again", send: []prov.Notify{reboot, good}, ends: answers(2)},
		{name: "no credentials asked for", presets: []string{"Auth_Resync-Reboot_1_=No"}, send: []prov.Notify{none, none}, ends: answers(2)},
		{name: "the first is lost", send: []prov.Notify{good}, faults: []fault.Fault{sipFault(t, "sip /NOTIFY", fault.Effects{Lose: packetsOf(t, "packet 1 once")})}, ends: answers(1)},
		{name: "an answer is lost", presets: []string{"Auth_Resync-Reboot_1_=No"}, send: []prov.Notify{none}, faults: []fault.Fault{sipFault(t, "sip /NOTIFY", fault.Effects{Lose: packetsOf(t, "packet 2 once")})}, ends: answers(1)},
		{name: "all come twice", send: []prov.Notify{good}, faults: []fault.Fault{sipFault(t, "sip", fault.Effects{Duplicate: packetsOf(t, "all")})}, ends: answers(1)},
		{name: "late", send: []prov.Notify{good}, faults: []fault.Fault{sipFault(t, "sip", fault.Effects{Delay: fault.Delay{Least: 3e8, Most: 3e8}})}, ends: answers(1)},
	}
}

func packetsOf(t *testing.T, text string) fault.Packets {
	t.Helper()
	var e fault.Effects
	if err := e.Set("lose", text); err != nil {
		t.Fatal(err)
	}
	return e.Lose
}

// config is the fleet of a case: one phone.
func (c *sipCase) config(t *testing.T, at netip.AddrPort) fleet.Config {
	t.Helper()
	plan := &fault.Plan{Seed: 1}
	for _, f := range c.faults {
		plan.Start(f)
	}
	presets := append([]string{"Resync_On_Reset=No", "Profile_Rule=http://192.0.2.5/a", "Resync_Random_Delay=0", "Resync_Periodic=0", "User_ID_1_=1001", "Password_1_=secret", "Proxy_1_=" + at.String()}, c.presets...)
	g := fleet.Group{Name: "phones", Row: row(t, "SPA942", "6.1.5(a)", devicetest.BootsAtOnce()), Count: 1, Presets: settings(presets...)}
	return fleet.Config{Seed: 1, Groups: []fleet.Group{g}, Loops: 1, SIP: fleet.SIP{Listen: true, Faults: plan}}
}

func (c *sipCase) registrar(log func(prov.Line)) prov.RegistrarOptions {
	plan := &fault.Plan{Seed: 1}
	for _, f := range c.wrongs {
		plan.Start(f)
	}
	return prov.RegistrarOptions{Log: log, Faults: plan}
}

// tellings are what is compared of a run: what the device did by SIP or because of it, and
// what the registrar logged.
func tellings(events []device.Event, log []string) string {
	var words []string
	for _, e := range events {
		switch e.Kind {
		case device.Notify, device.NotifyChallenged, device.NotifyFailed, device.Registered, device.Unregistered, device.RegistrationFailed:
			words = append(words, fmt.Sprint(e.Name(), " ", e.Text, " ", e.Count, " ", e.Err))
		case device.ResyncStarted:
			words = append(words, "resync by "+e.Cause.String())
		case device.Boot:
			words = append(words, "boot by "+e.Reason.String())
		}
	}
	return strings.Join(append(words, log...), "\n")
}

// overSockets runs a case against a registrar over a socket.
func (c *sipCase) overSockets(t *testing.T) string {
	t.Helper()
	s := newSender(t)
	s.Close()
	s.Options = c.registrar(s.Options.Log)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	config := c.config(t, s.At())
	config.SIP.Port = sipBlock(t)
	f := startOn(t, quietNetwork{}, config)
	v := f.view(0)
	for i, n := range c.send {
		n.To = fleet.SIPPort(f.f, &v, 1)
		s.notify(t, n)
		f.await("answer", func() bool { return strings.Count(s.log(), "NOTIFY") > i })
		f.settle(0)
	}
	var log []string
	f.await(c.name, func() bool {
		log = strings.Split(s.log(), "\n")
		return c.ends(f.of(0), log)
	})
	f.settle(0)
	return strings.ReplaceAll(tellings(f.of(0), log), s.At().String(), "REGISTRAR")
}

// inVirtualTime runs a case without sockets.
func (c *sipCase) inVirtualTime(t *testing.T) string {
	t.Helper()
	var events []device.Event
	var log []string
	at := netip.MustParseAddrPort("127.0.0.1:5060")
	g := prov.NewRegistrar(at, c.registrar(func(l prov.Line) { log = append(log, fmt.Sprint(l.Source, " ", l.Text())) }))
	config := c.config(t, at)
	config.Clock, config.SIP.Registrar, config.SIP.At = fleet.Virtual, g, at
	core, err := prov.NewCore(map[string]prov.Entry{"/a": {Body: "<flat-profile><GPP_B>x</GPP_B></flat-profile>"}}, prov.Options{})
	if err != nil {
		t.Fatal(err)
	}
	config.InProcess = &modelled.Network{Server: core, Addr: netip.MustParseAddr("192.0.2.5"), HTTP: 80}
	config.Tell = func(list []device.Event) { events = append(events, slices.Clone(list)...) }
	var f *fleet.Fleet
	sent, answered := 0, 0
	end := int64(0)
	config.Conduct = func(now int64, _ func(device.Index, device.Command)) (int64, bool) {
		if done := strings.Count(strings.Join(log, "\n"), "NOTIFY"); done > answered {
			answered = done
		}
		if sent < len(c.send) && sent == answered {
			n := c.send[sent]
			v, _ := f.View(0)
			n.To = fleet.SIPPort(f, &v, 1)
			if err := g.Notify(now, n, func(to netip.AddrPort, text []byte) { fleet.Deliver(f, to, text) }); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		if end == 0 && sent == len(c.send) && c.ends(events, log) {
			end = now + int64(time.Second)
		}
		return now + int64(100*time.Millisecond), end != 0 && now >= end || now > fleet.DefaultStart().UnixNano()+int64(time.Hour)
	}
	if f, err = fleet.New(config); err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(tellings(events, log), at.String(), "REGISTRAR")
}

// Devices do the same by SIP over sockets and in virtual time.
func TestSIPIsTheSameInVirtualTime(t *testing.T) {
	for _, c := range sipCases(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			virtual, real := c.inVirtualTime(t), c.overSockets(t)
			if virtual != real || virtual == "" {
				t.Errorf("in virtual time:\n%s\n\nover sockets:\n%s", virtual, real)
			}
		})
	}
}
