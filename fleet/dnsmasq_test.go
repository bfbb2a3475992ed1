package fleet_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/fleet"
	"spafleet/resync/fetch"
)

// Addresses of the tests with dnsmasq: its ports 53 and 69 cannot be changed for devices.
const (
	nameServer   = "127.9.53.1"
	silentServer = "127.9.53.2" // a socket that nobody reads
	deadAddress  = "127.9.53.9" // where nobody listens
	fileServer   = "127.9.53.10"
)

// serveNames starts dnsmasq as name server, and as TFTP server at fileServer with a file
// /a. The name prov.test has both addresses, the dead one first, for so many seconds.
func serveNames(t *testing.T, seconds int) *extproc.Process {
	t.Helper()
	program := extproc.Need(t, "dnsmasq", "dnsmasq-base")
	if os.Geteuid() != 0 {
		extproc.Must(t, extproc.Missing{Program: "a root user, for the ports 53 and 69", DebianPackage: "none"})
	}
	dir := t.TempDir()
	hosts := filepath.Join(dir, "hosts")
	for path, text := range map[string]string{hosts: deadAddress + " prov.test\n" + fileServer + " prov.test\n", filepath.Join(dir, "a"): profileOf("GPP_A=came")} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--addn-hosts="+hosts, "--no-round-robin",
		fmt.Sprintf("--local-ttl=%d", seconds), "--enable-tftp", "--tftp-root="+dir, "--listen-address="+nameServer, "--listen-address="+fileServer,
		"--bind-interfaces", "--user=root", "--log-queries", "--log-facility=-")
	return extproc.Run(t, cmd, func() bool {
		_, err := dns.Exchange(new(dns.Msg).SetQuestion("ready.test.", dns.TypeA), nameServer+":53")
		return err == nil
	})
}

// questions counts what devices asked dnsmasq for a name.
func questions(p *extproc.Process) int {
	return strings.Count(p.Output(), "query[A] prov.test from 127.64.")
}

// serveFile serves the same by HTTP and returns the port.
func serveFile(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", fileServer+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, profileOf("GPP_A=came")) })}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().(*net.TCPAddr).Port
}

// asksNames is a device that asks dnsmasq, if its parameters name no other server.
func asksNames(t *testing.T, c fleet.Config, switches map[string]string, presets ...string) *stand {
	t.Helper()
	g := ata(t, 1, presets...)
	for name, value := range devicetest.BootsAtOnce() {
		switches[name] = value
	}
	g.Row = row(t, "SPA2102", "5.2.10", switches)
	c.Groups = []fleet.Group{g}
	known := fetch.NameServers{Servers: []netip.AddrPort{netip.MustParseAddrPort(nameServer + ":53")}, Wait: time.Second, Tries: 1}
	return startOn(t, &fetch.Sockets{NameServers: &known}, c)
}

// Each address of a name is tried until a server answers, by both schemes; by switch
// only the first. See device-surface.md §4.5.
func TestADeadFirstARecord(t *testing.T) {
	serveNames(t, 60)
	port := serveFile(t)
	for _, rule := range []string{fmt.Sprintf("http://prov.test:%d/a", port), "tftp://prov.test/a"} {
		for tried, want := range map[string]device.Kind{"all": device.ResyncOK, "first": device.ResyncFailed} {
			s := asksNames(t, fleet.Config{}, map[string]string{"dns_addresses": tried, "tftp_wait": "100ms", "tftp_tries": "1"}, "Profile_Rule="+rule)
			s.await(rule+" with "+tried, func() bool { return s.count(device.ResyncOK)+s.count(device.ResyncFailed) == 1 })
			if s.count(want) != 1 {
				t.Errorf("%s, addresses tried: %s: %s", rule, tried, s.story(0))
			}
			if value := s.value(0, "GPP_A"); want == device.ResyncOK && value != "came" {
				t.Errorf("%s: GPP_A is %q", rule, value)
			}
			s.stop()
		}
	}
}

// Of two name servers of the device's own the first is silent. Asked at once, the
// second's answer is here before the first one's time is up; asked in turn, after it. See device-surface.md §4.5.
func TestADeadFirstNameServer(t *testing.T) {
	serveNames(t, 60)
	silent, err := net.ListenPacket("udp4", silentServer+":53")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	rule := fmt.Sprintf("Profile_Rule=http://prov.test:%d/a", serveFile(t))
	const wait = 700 * time.Millisecond
	for mode, waits := range map[string]bool{"Parallel": false, "Sequential": true} {
		s := asksNames(t, fleet.Config{}, map[string]string{"dns_wait": wait.String()}, rule,
			"Primary_DNS="+silentServer, "Secondary_DNS="+nameServer, "DNS_Query_Mode="+mode)
		s.await("a resync with "+mode, func() bool { return s.count(device.ResyncOK) == 1 })
		took := time.Duration(s.of(0, device.Fetched)[0].File.Took.DNS)
		if took >= wait != waits {
			t.Errorf("%s: the name was known after %v, want more than %v: %t", mode, took, wait, waits)
		}
		s.stop()
	}
}

// No name server answers: the device logs it as its $ERR, and tries again as after any
// failure. One that the guard refuses gets no question. See device-surface.md §4.5.
func TestNoNameServerAnswers(t *testing.T) {
	guard := &fetch.Guard{}
	s := startOn(t, &fetch.Sockets{Guard: guard}, fleet.Config{Guard: guard, Groups: []fleet.Group{ata(t, 1, "Profile_Rule=http://prov.test/a",
		"Resync_Error_Retry_Delay=1", "Syslog_Server=127.0.0.1:9", "Primary_DNS=203.0.113.53")}})
	s.await("two failures", func() bool { return s.count(device.ResyncFailed) >= 2 })
	logged := false
	for _, e := range s.of(0, device.Syslog) {
		logged = logged || strings.HasSuffix(e.Text, "Resync failed: DNS resolution")
	}
	if refused, _ := guard.Refusals(); !logged || len(refused) != 1 || refused[0].Host != "203.0.113.53" {
		t.Errorf("refused: %v; %v", refused, s.of(0, device.Syslog))
	}
}

// A device keeps an address for as long as the name server says, on the fleet's clock:
// of resyncs every 30 s it asks for every second one where that is 45 s. See device-surface.md §4.5.
func TestAnswersLastOnTheFleetsClock(t *testing.T) {
	server := serveNames(t, 45)
	rule := fmt.Sprintf("Profile_Rule=http://prov.test:%d/a", serveFile(t))
	for kept, want := range map[string]func(int) bool{
		"kept":    func(n int) bool { return n >= 2 && n <= 5 },
		"ignored": func(n int) bool { return n >= 6 },
	} {
		before := questions(server)
		s := asksNames(t, fleet.Config{Speed: 100}, map[string]string{"dns_ttl": kept}, rule, "Resync_Periodic=30")
		ctx, stop := context.WithTimeout(t.Context(), patience)
		if err := s.f.Await(ctx, func() bool { return s.count(device.ResyncOK) == 6 }); err != nil {
			t.Fatal(err, s.story(0))
		}
		stop()
		s.stop()
		if n := questions(server) - before; !want(n) {
			t.Errorf("dns_ttl %s: %d questions for 6 resyncs", kept, n)
		}
	}
}
