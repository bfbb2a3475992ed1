package main

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/scenarios/report"
)

// nameServer is dnsmasq that knows the addresses of prov.test, in their order, and says for
// how many seconds; it logs the questions.
func nameServer(t *testing.T, seconds string, addresses ...string) (addr string, log *extproc.Process) {
	t.Helper()
	hosts := filepath.Join(readable(t), "hosts")
	write(t, hosts, []byte(strings.Join(addresses, " prov.test\n")+" prov.test\n"))
	program := extproc.Need(t, "dnsmasq", "dnsmasq-base")
	addr = free(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--keep-in-foreground", "--conf-file=/dev/null", "--port="+port, "--listen-address="+host, "--bind-interfaces", "--user="+whoami(t),
		"--no-resolv", "--no-hosts", "--addn-hosts="+hosts, "--no-round-robin", "--local-ttl="+seconds, "--log-queries", "--log-facility=-", "--pid-file=")
	return addr, extproc.Run(t, cmd, extproc.Accepts(addr))
}

// Devices ask their name server again when the fleet's time has made an answer
// old, which is long before the wall's would.
func TestNamesLastInTheFleetsTime(t *testing.T) {
	root := readable(t)
	web := newNginx(t, root)
	web.start(t)
	write(t, filepath.Join(root, "a.xml"), []byte("<flat-profile><GPP_A>a</GPP_A></flat-profile>"))
	_, port, _ := net.SplitHostPort(web.addr)
	for ttl, want := range map[string]int{"kept": 2, "ignored": 6} {
		dns, log := nameServer(t, "9000", "127.0.0.1")
		r := runJSON(t, "run", "--model", "SPA2102", "--count", "10", "--json", "--clock", "mixed", "--duration", "6h", "--dns", dns,
			"--switch", "dns_ttl="+ttl, "--profile-rule", "http://prov.test:"+port+"/a.xml", "--set", "Resync_Periodic=3600")
		if r.Verdict != report.Finished || r.Resyncs.OK != 60 || r.Resyncs.Failed != 0 {
			t.Fatalf("%s: %s, %+v\n%s", ttl, r.Verdict, r.Resyncs, log.Output())
		}
		asked := func() bool { return strings.Count(log.Output(), "query[A] prov.test ") >= 10*want }
		extproc.Must(t, extproc.Wait(fmt.Sprintf("dnsmasq logs %d questions", 10*want), asked)) // it logs when it has answered
		if got := strings.Count(log.Output(), "query[A] prov.test "); got != 10*want {
			t.Errorf("%s for two hours and a half: %d questions in six hours, want %d\n%s", ttl, got, 10*want, log.Output())
		}
	}
}
