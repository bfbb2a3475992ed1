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
	name     string
	presets  []string
	register bool
	switches []string
	send     []prov.Notify // to line 1, each once what is before it was answered
	after    int           // the first of them comes after so many lines of the registrar's log
	faults   []fault.Fault // of the network
	wrongs   []fault.Fault // of the registrar
	options  prov.RegistrarOptions
	ends     func(events []device.Event, log []string) bool
	first    int      // how much of the device's words and of the log counts, where more may come; 0: all
	want     []string // what is among them
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

// until returns whether a kind of event has come so often.
func until(kind device.Kind, n int) func([]device.Event, []string) bool {
	return func(events []device.Event, _ []string) bool {
		seen := 0
		for _, e := range events {
			if e.Kind == kind {
				seen++
			}
		}
		return seen >= n
	}
}

// registerCases are what becomes of a line that registers.
func registerCases(t *testing.T) []sipCase {
	ask := func(password string) prov.RegistrarOptions {
		return prov.RegistrarOptions{Password: func(user string, _ netip.Addr) (string, bool) { return password, user == "1001" }}
	}
	status := func(code int) []fault.Fault {
		return []fault.Fault{sipFault(t, "sip /REGISTER", fault.Effects{HasStatus: true, Status: code})}
	}
	once := sipFault(t, "sip /REGISTER", fault.Effects{Down: true})
	once.Nth = ordinalsOf(t, "1")
	hurried := []string{"SIP_T1=.1", "SIP_Timer_F=.25", "Reg_Retry_Intvl=1"}
	cases := []sipCase{
		{name: "granted", ends: until(device.Registered, 1), want: []string{"registered", "REGISTER 1001@127.0.0.1 200", "1 contacts"}},
		{name: "granted after a challenge", options: ask("secret"), ends: until(device.Registered, 1), want: []string{"REGISTER 1001@127.0.0.1 401", "REGISTER 1001@127.0.0.1 200", "1 contacts"}},
		{name: "another password", options: ask("other"), ends: until(device.RegistrationFailed, 1), want: []string{"registration_failed REGISTRAR 1 401", "0 contacts"}},
		{name: "too brief", presets: []string{"Register_Expires_1_=10"}, options: prov.RegistrarOptions{Shortest: 60}, ends: until(device.Registered, 1), want: []string{"REGISTER 1001@127.0.0.1 423", "registered", "1 contacts"}},
		{name: "too brief without a number", wrongs: status(423), ends: until(device.RegistrationFailed, 1), want: []string{"registration_failed REGISTRAR 1 423"}},
		{name: "refused", wrongs: status(403), ends: until(device.RegistrationFailed, 1), want: []string{"registration_failed REGISTRAR 1 403", "0 contacts"}},
		{name: "no answer, then one", presets: hurried, wrongs: []fault.Fault{once}, ends: until(device.Registered, 1), want: []string{"registration_failed REGISTRAR 1 timeout", "registered", "1 contacts"}},
		{name: "all are lost", presets: hurried, faults: []fault.Fault{sipFault(t, "sip /REGISTER", fault.Effects{Lose: packetsOf(t, "all")})}, ends: until(device.RegistrationFailed, 2), first: 3, want: []string{"registration_failed REGISTRAR 1 timeout", "0 contacts"}},
		{name: "the first is lost", presets: []string{"SIP_T1=.1"}, faults: []fault.Fault{sipFault(t, "sip /REGISTER", fault.Effects{Lose: packetsOf(t, "packet 1 once")})}, ends: until(device.Registered, 1), want: []string{"registered"}},
		{name: "refreshed", presets: []string{"Register_Expires_1_=1"}, ends: until(device.Registered, 3), first: 3, want: []string{"registered", "1 contacts"}},
		{name: "left before a restart", switches: []string{"reboot_time=1h"}, send: []prov.Notify{{User: "1001", Event: "restart", AuthUser: "1001", Password: "secret"}}, after: 1,
			ends: answers(3), want: []string{"registered", "unregistered", "boot by notify", "0 contacts"}},
		{name: "registered after a reboot", send: []prov.Notify{{User: "1001", Event: "reboot", AuthUser: "1001", Password: "secret"}}, after: 1,
			ends: until(device.Registered, 2), want: []string{"unregistered", "boot by notify", "1 contacts"}},
	}
	for i := range cases {
		cases[i].register = true
	}
	return append(cases, mailboxCases(t)...)
}

// mailboxCases are what becomes of a line that has a mailbox, and of one behind NAT.
func mailboxCases(t *testing.T) []sipCase {
	refused := sipFault(t, "sip /SUBSCRIBE", fault.Effects{HasStatus: true, Status: 489})
	refused.Nth = ordinalsOf(t, "1")
	cases := []sipCase{
		{name: "subscribed", ends: answers(3), want: []string{"subscribed REGISTRAR 1", "SUBSCRIBE @127.0.0.1 200", "NOTIFY message-summary 200", "notify message-summary 200"}},
		{name: "subscribed after a challenge", options: prov.RegistrarOptions{Password: func(string, netip.Addr) (string, bool) { return "secret", true }}, ends: answers(5),
			want: []string{"subscribed REGISTRAR 1", "SUBSCRIBE @127.0.0.1 401", "NOTIFY message-summary 200"}},
		{name: "refused a mailbox, then not", presets: []string{"Sub_Retry_Intvl=1"}, wrongs: []fault.Fault{refused}, ends: answers(4),
			want: []string{"subscription_failed REGISTRAR 1 489", "subscribed REGISTRAR 1"}},
		{name: "unsubscribed before a restart", switches: []string{"reboot_time=1h"}, send: []prov.Notify{{User: "1001", Event: "restart", AuthUser: "1001", Password: "secret"}}, after: 3,
			ends: answers(6), want: []string{"notify restart 200", "unregistered", "0 contacts"}},
		{name: "kept open", presets: []string{"NAT_Keep_Alive_Enable_1_=Yes", "NAT_Keep_Alive_Intvl=1", "Voice_Mail_Server_1_=", "Register_1_=No"}, ends: answers(2), first: 2, want: []string{"NOTIFY @127.0.0.1 200"}},
	}
	for i := range cases {
		cases[i].register = true
		cases[i].presets = append([]string{"Voice_Mail_Server_1_=REGISTRAR"}, cases[i].presets...)
	}
	return cases
}

func ordinalsOf(t *testing.T, text string) fault.Ordinals {
	t.Helper()
	o, err := fault.ParseOrdinals(text)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func packetsOf(t *testing.T, text string) fault.Packets {
	t.Helper()
	var e fault.Effects
	if err := e.Set("lose", text); err != nil {
		t.Fatal(err)
	}
	return e.Lose
}

// orders returns how many NOTIFYs were answered, those of mailboxes and of devices left out.
func orders(log []string) (n int) {
	for _, line := range log {
		if strings.Contains(line, " NOTIFY ") && !strings.Contains(line, "message-summary") && !strings.Contains(line, "@") {
			n++
		}
	}
	return n
}

// config is the fleet of a case: one phone.
func (c *sipCase) config(t *testing.T, at netip.AddrPort) fleet.Config {
	t.Helper()
	plan := &fault.Plan{Seed: 1}
	for _, f := range c.faults {
		plan.Start(f)
	}
	presets := append([]string{"Resync_On_Reset=No", "Profile_Rule=http://192.0.2.5/a", "Resync_Random_Delay=0", "Resync_Periodic=0", "User_ID_1_=1001", "Password_1_=secret", "Proxy_1_=" + at.String(), "Register_2_=No"}, c.presets...)
	for i := range presets {
		presets[i] = strings.ReplaceAll(presets[i], "REGISTRAR", at.String())
	}
	g := fleet.Group{Name: "phones", Row: row(t, "SPA942", "6.1.5(a)", devicetest.BootsAtOnce(c.switches...)), Count: 1, Presets: settings(presets...)}
	return fleet.Config{Seed: 1, Groups: []fleet.Group{g}, Loops: 1, SIP: fleet.SIP{Register: c.register, Listen: true, Faults: plan}}
}

func (c *sipCase) registrar(log func(prov.Line)) prov.RegistrarOptions {
	plan := &fault.Plan{Seed: 1}
	for _, f := range c.wrongs {
		plan.Start(f)
	}
	o := c.options
	o.Log, o.Faults = log, plan
	return o
}

// tellings are what is compared of a run: what the device did by SIP or because of it,
// what the registrar logged, and how many contacts it has at the end.
func (c *sipCase) tellings(events []device.Event, log []string, contacts int) string {
	var words []string
	for _, e := range events {
		switch e.Kind {
		case device.Notify, device.NotifyChallenged, device.NotifyFailed, device.Registered, device.Unregistered, device.RegistrationFailed, device.Subscribed, device.SubscriptionFailed:
			words = append(words, fmt.Sprint(e.Name(), " ", e.Text, " ", e.Count, " ", e.Err))
		case device.ResyncStarted:
			words = append(words, "resync by "+e.Cause.String())
		case device.Boot:
			words = append(words, "boot by "+e.Reason.String())
		}
	}
	if c.first > 0 {
		words, log = words[:min(c.first, len(words))], log[:min(c.first, len(log))]
	}
	return strings.Join(append(append(words, log...), fmt.Sprint(contacts, " contacts")), "\n")
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
	f.await("what is before the first NOTIFY", func() bool { return len(s.all()) >= c.after })
	for i, n := range c.send {
		n.To = fleet.SIPPort(f.f, &v, 1)
		s.notify(t, n)
		f.await("answer", func() bool { return orders(s.all()) > i })
		f.settleUnlessBooting(0)
	}
	f.await(c.name, func() bool { return c.ends(f.of(0), s.all()) })
	s.Close() // its log is whole
	f.settleUnlessBooting(0)
	return strings.ReplaceAll(c.tellings(f.of(0), s.all(), s.Registrar().Contacts(time.Now().UnixNano())), s.At().String(), "REGISTRAR")
}

// settleUnlessBooting waits until a device has done what it was asked to; one that boots is deaf.
func (s *stand) settleUnlessBooting(dev device.Index) {
	if !s.view(dev).Booting {
		s.settle(dev)
	}
}

// inVirtualTime runs a case without sockets.
func (c *sipCase) inVirtualTime(t *testing.T) string {
	t.Helper()
	var events []device.Event
	var log []string
	at := netip.MustParseAddrPort("127.0.0.1:5060")
	g := prov.NewRegistrar(at, c.registrar(func(l prov.Line) { log = append(log, fmt.Sprint(l.Source, " ", l.Text())) }))
	config := c.config(t, at)
	config.Clock, config.SIP.Registrar, config.SIP.At, config.Loops = fleet.Virtual, g, at, 0
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
		answered = orders(log)
		if sent < len(c.send) && sent == answered && len(log) >= c.after {
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
	return strings.ReplaceAll(c.tellings(events, log, g.Contacts(end)), at.String(), "REGISTRAR")
}

// Devices do the same by SIP over sockets and in virtual time.
func TestSIPIsTheSameInVirtualTime(t *testing.T) {
	for _, c := range slices.Concat(sipCases(t), registerCases(t)) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			virtual, real := c.inVirtualTime(t), c.overSockets(t)
			if virtual != real || virtual == "" {
				t.Errorf("in virtual time:\n%s\n\nover sockets:\n%s", virtual, real)
			}
			for _, want := range c.want {
				if !strings.Contains(virtual, want) {
					t.Errorf("%q is not in\n%s", want, virtual)
				}
			}
		})
	}
}
