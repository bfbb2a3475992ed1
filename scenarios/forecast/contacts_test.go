package forecast_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/forecast"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/tally"
)

// aFleet is a scenario of ATAs that do nothing by themselves.
func aFleet(count int, presets ...string) *scenarios.Scenario {
	g := scenarios.Group{Name: "atas", Model: "SPA2102", Count: count}
	for _, p := range presets {
		name, value, _ := strings.Cut(p, "=")
		g.Set = append(g.Set, scenarios.Preset{Name: name, Value: value})
	}
	return &scenarios.Scenario{Name: "safe", Seed: 1, Fleet: []scenarios.Group{g}}
}

func load(t *testing.T, src string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Load("scenario.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// served is a scenario of two ATAs with an embedded server that has one file.
func served(t *testing.T, file string) *scenarios.Scenario {
	return load(t, "clock: real\nfleet:\n  atas: {model: SPA2102, count: 2}\nserver:\n  files:\n    "+file+"\n")
}

// A fleet that is known to contact somebody public does not start, whatever
// names him.
func TestPublicTargetNeedsTheUsersWord(t *testing.T) {
	const elsewhere = "203.0.113.7"
	lease := aFleet(1)
	lease.Fleet[0].TFTPServer = elsewhere + ":6969"
	rc := aFleet(1)
	rc.Fleet[0].RC = "http://" + elsewhere + "/rc"
	target := aFleet(1)
	target.Target = &scenarios.Target{Hosts: []scenarios.Host{{Name: "prov.example.com", Addresses: []netip.Addr{netip.MustParseAddr(elsewhere)}}}}
	byName := aFleet(1, "Profile_Rule=http://prov.example.com/a")
	byName.Target = target.Target
	step := aFleet(1)
	step.Timeline = []scenarios.Step{{Action: "resync", URL: "http://" + elsewhere + "/x", Of: "all"}}
	location := served(t, "/a: {status: 302, location: 'http://203.0.113.7/b'}")
	tests := []struct {
		why      string
		scenario *scenarios.Scenario
		allow    string
	}{
		{"option 66", lease, elsewhere},
		{"rc", rc, elsewhere},
		{"target.hosts", target, "prov.example.com"},
		{"Profile_Rule", byName, "prov.example.com"},
		{"resync", step, elsewhere},
		{"server.files/a", location, elsewhere},
		{"Profile_Rule", aFleet(1, "Profile_Rule=tftp://203.0.113.7/a"), elsewhere},
		{"Profile_Rule", aFleet(1, "Profile_Rule=(1 eq 2)? http://10.0.0.1/a | https://203.0.113.7/a"), elsewhere},
		{"Profile_Rule_C", aFleet(1, "GPP_A=203.0.113.7", "Profile_Rule_C=http://$A/$MA.cfg"), elsewhere},
		{"Upgrade_Rule", aFleet(1, "Upgrade_Rule=http://203.0.113.7/a.bin"), elsewhere},
		{"Report_Rule", aFleet(1, "Report_Rule=http://203.0.113.7/r"), elsewhere},
		{"Syslog_Server", aFleet(1, "Syslog_Server=203.0.113.7:1514"), elsewhere},
		{"Debug_Server", aFleet(1, "Debug_Server=203.0.113.7"), elsewhere},
	}
	for _, tt := range tests {
		_, err := run.Run(t.Context(), tt.scenario, run.Options{Machine: scenarios.Machine{Flags: flags}, Started: func(*run.Live) { t.Errorf("%s: it started", tt.why) }})
		if err == nil || !strings.Contains(err.Error(), tt.why) || !strings.Contains(err.Error(), "--allow-public "+tt.allow) {
			t.Errorf("%s: error %v, want one that names --allow-public %s", tt.why, err, tt.allow)
		}
		f, err := forecast.Of(tt.scenario, scenarios.Machine{Public: []string{"other.example.com", strings.ToUpper(tt.allow)}})
		if err != nil || len(f.Misfits) > 0 && f.Misfits[0].Refused {
			t.Errorf("%s: with --allow-public %s: %v, %+v", tt.why, tt.allow, err, f)
		}
	}
}

func TestNobodyIsRefusedForWhatIsNeverContacted(t *testing.T) {
	for _, s := range []*scenarios.Scenario{
		aFleet(1, "Profile_Rule=http://10.0.0.1/a", "Syslog_Server=192.168.0.1", "Upgrade_Rule=http://localhost/x"),
		aFleet(1, "Log_Resync_Request_Msg=http://203.0.113.7/", "GPP_P=http://203.0.113.7/"),
		aFleet(1, "Profile_Rule=/spa.cfg"),
	} {
		f, err := forecast.Of(s, scenarios.Machine{})
		if err != nil || slices.ContainsFunc(f.Misfits, func(m forecast.Misfit) bool { return m.Refused }) {
			t.Errorf("%v: %v, %+v", s.Fleet[0].Set, err, f)
		}
	}
	phone := aFleet(1) // its factory values have feeds of the wide world, which nothing here reads
	phone.Fleet[0].Model = "SPA525G"
	if f, err := forecast.Of(phone, scenarios.Machine{}); err != nil || len(f.Contacts) > 0 {
		t.Errorf("%v: %+v", err, f)
	}
}

func TestCrowdOffThisMachineNeedsItsOperator(t *testing.T) {
	tests := []struct {
		devices  int
		rule     string
		operator bool
		refused  bool
	}{
		{1000, "http://10.0.0.1/a", false, false},
		{1001, "http://10.0.0.1/a", false, true},
		{1001, "http://10.0.0.1/a", true, false},
		{1001, "http://127.0.0.1/a", false, false},
		{1001, "http://203.0.113.1/a", false, true},
	}
	for _, tt := range tests {
		f, err := forecast.Of(aFleet(tt.devices, "Profile_Rule="+tt.rule), scenarios.Machine{Flags: flags, Operator: tt.operator, Public: []string{"203.0.113.1"}})
		if err != nil {
			t.Fatal(err)
		}
		refused := slices.ContainsFunc(f.Misfits, func(m forecast.Misfit) bool { return m.Refused && m.Flag == "--i-operate-this-server" })
		if refused != tt.refused {
			t.Errorf("%+v: %+v", tt, f.Misfits)
		}
	}
}

// Who asks for a name contacts a name server: it counts like any other host.
func TestNameServersAreContacts(t *testing.T) {
	servers := func(texts ...string) (list []netip.AddrPort) {
		for _, text := range texts {
			list = append(list, netip.MustParseAddrPort(text))
		}
		return list
	}
	tests := []struct {
		rule     string
		devices  int
		servers  []netip.AddrPort
		contacts []string // name servers
		needs    string   // without which the run does not start; "": it does
	}{
		{"http://prov.example/a", 1000, servers("10.0.0.53:53"), []string{"10.0.0.53"}, ""},
		{"http://prov.example/a", 1001, servers("10.0.0.53:53"), []string{"10.0.0.53"}, "--i-operate-this-server"},
		{"http://prov.example/a", 1001, servers("127.0.0.53:53"), []string{"127.0.0.53"}, ""},
		{"http://prov.example/a", 1001, servers("10.0.0.53:53", "127.0.0.53:53"), []string{"127.0.0.53"}, ""},
		{"http://prov.example/a", 1, servers("203.0.113.53:53"), []string{"203.0.113.53"}, "--allow-public 203.0.113.53"},
		{"http://prov.example/a", 1, servers("169.254.169.253:53"), []string{"169.254.169.253"}, ""},
		{"http://prov.example/a", 1, servers("224.0.0.251:53"), []string{"224.0.0.251"}, "the address of one host"},
		{"http://127.0.0.1/a", 1001, servers("10.0.0.53:53"), nil, ""}, // no name is asked for
		{"http://localhost/a", 1001, servers("10.0.0.53:53"), nil, ""}, // this machine's own list has it
	}
	for _, tt := range tests {
		m := scenarios.Machine{Flags: flags, NameServers: tt.servers}
		f, err := forecast.Of(aFleet(tt.devices, "Profile_Rule="+tt.rule), m)
		if err != nil {
			t.Fatal(err)
		}
		var asked []string
		for _, c := range f.Contacts {
			if slices.Contains(c.For, "the address of prov.example") {
				asked = append(asked, c.Host)
			}
		}
		needs := ""
		for _, m := range f.Misfits {
			if m.Refused {
				needs += m.Flag
			}
		}
		if !slices.Equal(asked, tt.contacts) || needs != tt.needs {
			t.Errorf("%d devices, %s at %v: name servers %v, needs %q; want %v, %q", tt.devices, tt.rule, tt.servers, asked, needs, tt.contacts, tt.needs)
		}
		if tt.needs == "" {
			continue
		}
		_, err = run.Run(t.Context(), aFleet(tt.devices, "Profile_Rule="+tt.rule), run.Options{Machine: m, Started: func(*run.Live) { t.Errorf("%v: it started", tt) }})
		if err == nil || !strings.Contains(err.Error(), tt.needs) {
			t.Errorf("%v: error %v, want one that names %s", tt, err, tt.needs)
		}
	}
}

// The name servers of devices' own are contacts if a name is asked for; so is the server that a
// relay agent asks.
func TestNameServersOfDevicesAreContacts(t *testing.T) {
	for _, tt := range []struct {
		sets []string
		want string // host, what for, where and needs of those that are no profile's
	}{
		{[]string{"Profile_Rule=http://prov.example/a", "Primary_DNS=10.0.0.53", "Secondary_DNS=127.0.0.53"},
			"127.0.0.9 [DHCP] loopback []; 10.0.0.53 [Primary_DNS] private []; 127.0.0.53 [Secondary_DNS] loopback []; 127.0.0.54 [the address of prov.example] loopback []"},
		{[]string{"Profile_Rule=http://prov.example/a", "Primary_DNS=203.0.113.53"},
			"127.0.0.9 [DHCP] loopback []; 203.0.113.53 [Primary_DNS] public [--allow-public 203.0.113.53]; 127.0.0.54 [the address of prov.example] loopback []"},
		{[]string{"Profile_Rule=http://prov.example/a", "Primary_DNS=203.0.113.53", "Secondary_DNS=10.0.0.53"},
			"127.0.0.9 [DHCP] loopback []; 10.0.0.53 [Secondary_DNS] private []; 127.0.0.54 [the address of prov.example] loopback []"},
		{[]string{"Profile_Rule=http://127.0.0.1/a", "Primary_DNS=203.0.113.53"}, "127.0.0.9 [DHCP] loopback []"},
	} {
		m := scenarios.Machine{Flags: flags, NameServers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.54:53")}, DHCP: fleet.DHCP{Relay: netip.MustParseAddrPort("127.0.0.9:67")}}
		f, err := forecast.Of(aFleet(2, tt.sets...), m)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range f.Contacts {
			if c.Host != "prov.example" && c.Host != "127.0.0.1" {
				got = append(got, fmt.Sprint(c.Host, " ", c.For, " ", c.Where, " ", c.Needs))
			}
		}
		if strings.Join(got, "; ") != tt.want {
			t.Errorf("%v: %s\nwant %s", tt.sets, strings.Join(got, "; "), tt.want)
		}
	}
}

// A link-local address is admitted where the scenario itself names it; one of many
// hosts never is.
func TestLinkLocalAndBroadcastContacts(t *testing.T) {
	named := aFleet(1, "Profile_Rule=http://169.254.7.7/a")
	target := aFleet(1)
	target.Target = &scenarios.Target{Hosts: []scenarios.Host{{Name: "prov.example", Addresses: []netip.Addr{netip.MustParseAddr("169.254.7.7")}}}}
	for _, s := range []*scenarios.Scenario{named, target} {
		f, err := forecast.Of(s, scenarios.Machine{Flags: flags})
		if err != nil || len(f.Contacts) != 1 || f.Contacts[0].Where != "link-local" || slices.ContainsFunc(f.Misfits, func(m forecast.Misfit) bool { return m.Refused }) {
			t.Errorf("%v: %+v, %+v", err, f.Contacts, f.Misfits)
		}
		plan, err := scenarios.NewPlan(s)
		if err != nil {
			t.Fatal(err)
		}
		g := forecast.Guard(plan, &scenarios.Machine{})
		if err := g.Admit("prov.example", netip.MustParseAddr("169.254.7.7")); err != nil {
			t.Error(err)
		}
		if g.Admit("prov.example", netip.MustParseAddr("169.254.169.254")) == nil {
			t.Error("an address that the scenario does not name is admitted")
		}
	}
	many := aFleet(1, "Profile_Rule=tftp://255.255.255.255/a")
	_, err := run.Run(t.Context(), many, run.Options{Machine: scenarios.Machine{Flags: flags, Public: []string{"255.255.255.255"}}})
	if err == nil || !strings.Contains(err.Error(), "255.255.255.255, for Profile_Rule: it is a broadcast or multicast address") {
		t.Error(err)
	}
}

// flags are those of a command.
var flags = scenarios.Flags{Public: "--allow-public", Operator: "--i-operate-this-server", Addresses: "--addresses", Count: "--count", Set: "--set"}

// What only a profile names is refused when it is about to be contacted: as the
// device's failure, with one note.
func TestProfileLeadsNobodyOut(t *testing.T) {
	t.Parallel()
	scenario := served(t, `/spa2102.cfg: |
      <flat-profile><Profile_Rule>http://203.0.113.9/next.cfg</Profile_Rule><Syslog_Server>203.0.113.10</Syslog_Server>
      <Resync_Periodic>1</Resync_Periodic><Resync_Error_Retry_Delay>1</Resync_Error_Retry_Delay></flat-profile>`)
	scenario.Fleet[0].Set = []scenarios.Preset{{Name: "Resync_Random_Delay", Value: "0"}}
	// Two seconds of retries, in which the syslog sender, which nobody waits for, has its turn.
	expectation := scenarios.Expectation{Name: "led astray", Quant: report.Quant{Form: "all"}, Expr: `fetches.failed > 2`, By: scenarios.Instant{Plus: time.Minute, Given: true}}
	scenario.Expect = []scenarios.Expectation{expectation}
	r, err := run.Run(t.Context(), scenario, run.Options{Machine: scenarios.Machine{Flags: flags}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != report.Passed && r.Verdict != report.Invalid {
		t.Errorf("%s: %+v", r.Verdict, r.Expect)
	}
	if !slices.ContainsFunc(r.Findings.Errors, func(f tally.Failure) bool { return f.Result == "connect" }) {
		t.Errorf("failures %+v, want connect", r.Findings.Errors)
	}
	for _, host := range []string{"203.0.113.9", "203.0.113.10"} {
		n := 0
		for _, note := range r.Notes {
			if strings.Contains(note, "contact with "+host+" refused: it is public; if you may test this server: --allow-public "+host) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d notes name %s: %q", n, host, r.Notes)
		}
	}
}
