package fleet_test

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/fleet"
	"spafleet/fleet/state"
)

// playIn runs a test in a network of its own, in a role; the roles' own processes call play.
func playIn(t *testing.T, role string, play func(*testing.T)) {
	t.Helper()
	if os.Getenv(roleVariable) == role {
		play(t)
		return
	}
	if os.Getenv(roleVariable) != "" {
		return
	}
	needNamespaces(t)
	t.Parallel() // it only waits
	if out, err := inNamespace(t, role).CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
		t.Errorf("%s: %v\n%s", role, err, out)
	}
}

// leasedFleet starts devices that ask a DHCP server, and waits until each has a lease.
func leasedFleet(t *testing.T, n *network, c fleet.Config) *stand {
	t.Helper()
	total := 0
	for _, g := range c.Groups {
		total += g.Count
	}
	s := start(t, n, c)
	if err := extproc.Wait("every device has a lease", func() bool { return s.count(device.Leased) >= total }); err != nil {
		t.Fatalf("%v: %d of %d; %s", err, s.count(device.Leased), total, s.story(0))
	}
	return s
}

// kea starts Kea's server, which answers when a socket of /proc/net/udp is open.
func kea(t *testing.T, dhcp4, socket string) *extproc.Process {
	t.Helper()
	program := extproc.Need(t, "kea-dhcp4", "kea-dhcp4-server")
	dir := t.TempDir()
	config := filepath.Join(dir, "kea.json")
	text := `{"Dhcp4": {"lease-database": {"type": "memfile", "persist": false}, "multi-threading": {"enable-multi-threading": false},
 "loggers": [{"name": "kea-dhcp4", "output_options": [{"output": "stdout"}], "severity": "WARN"}],` + dhcp4 + `}}`
	extproc.Must(t, os.WriteFile(config, []byte(text), 0o600))
	cmd := exec.Command(program, "-c", config)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir)
	return extproc.Run(t, cmd, listensForDHCP(socket))
}

// keaOnLoopback is the configuration of Kea for a relay agent on loopback.
const keaOnLoopback = `
 "interfaces-config": {"interfaces": ["lo/127.0.0.1"], "dhcp-socket-type": "udp"}, "valid-lifetime": 3600,
 "option-def": [{"name": "u150", "code": 150, "type": "ipv4-address", "array": true}, {"name": "u160", "code": 160, "type": "string"}],
 "subnet4": [{"subnet": "127.65.0.0/16", "pools": [{"pool": "127.65.1.0 - 127.65.99.255"}], "next-server": "127.0.0.9", "option-data": [
  {"name": "routers", "data": "127.65.0.254"}, {"name": "domain-name-servers", "data": "127.0.0.53"}, {"name": "domain-name", "data": "lan.test"},
  {"name": "tftp-server-name", "data": "127.0.0.5"}, {"name": "u150", "data": "127.0.0.6"}, {"name": "u160", "data": "http://127.0.0.7/p/$MA.cfg"}]}]`

// device-surface.md §5: as relay agent of its devices, a fleet gets their leases of
// Kea, each device at an address of its own, and each heeds the options that its firmware knows. A fleet that was saved has its addresses again.
func TestLeasesOfKeaByRelay(t *testing.T) {
	playIn(t, "kea", func(t *testing.T) {
		ip(t, "link set lo up")
		kea(t, keaOnLoopback, "0100007F:0043")
		count, limit := 30, time.Minute
		if os.Getenv("SPAFLEET_SLOW") != "" {
			count, limit = 1666, 30*time.Second
		}
		group := func(name, firmware string, presets ...string) fleet.Group {
			return fleet.Group{Name: strings.ToLower(name), Row: row(t, name, firmware, map[string]string{"boot_time": "0s", "reboot_time": "0s"}), Count: count,
				Presets: settings(append([]string{"Resync_Random_Delay=0"}, presets...)...)}
		}
		n := newNetwork()
		n.put("/spa942.cfg", "<flat-profile/>")
		n.put("/spa504G.cfg", "<flat-profile/>")
		n.put("/init.cfg", "<flat-profile/>")
		begun := time.Now()
		c := fleet.Config{Save: fleet.Save{File: filepath.Join(t.TempDir(), "state")}, Addresses: netip.MustParsePrefix("127.65.0.0/16"), Source: fleet.Source{DHCP: fleet.DHCP{Relay: netip.MustParseAddrPort("127.0.0.1:67")}},
			Groups: []fleet.Group{group("SPA942", "6.1.5(a)"), group("PAP2T", "5.1.6(LS)"), group("SPA504G", "7.5.5", "DHCP_Option_To_Use=160,66", "Network_Startup_Delay=0", "Debug_Server=127.0.0.1", "Debug_Level=3")}}
		s := leasedFleet(t, n, c)
		took := time.Since(begun)
		if t.Logf("%d leases of Kea in %v", 3*count, took.Round(time.Millisecond)); took > limit {
			t.Errorf("that is more than %v", limit)
		}
		pool := netip.MustParsePrefix("127.65.0.0/16")
		seen := map[netip.Addr]bool{}
		for dev := range device.Index(3 * count) {
			v := s.view(dev)
			addr := v.Unit.IP
			if !pool.Contains(addr) || addr.As4()[2] == 0 || seen[addr] {
				t.Fatalf("device %d has address %s", dev, addr)
			}
			seen[addr] = true
			if at, ok := s.f.At(addr); !ok || at.Unit.MAC != v.Unit.MAC {
				t.Fatalf("at %s is %v", addr, at.Unit.MAC)
			}
		}
		if got := fleet.Addressed(s.f); got != 3*count {
			t.Errorf("%d devices have addresses, want %d", got, 3*count)
		}
		if v := s.view(0); v.Network.Says("Gateway") != "127.65.0.254" || v.Network.Says("Primary_DNS") != "127.0.0.53" || v.Network.Says("Domain") != "lan.test" || v.Network.Says("NetMask") != "255.255.0.0" {
			t.Errorf("%+v", v.Network)
		}
		wanted := s.view(device.Index(2 * count))
		n.await(t, s, wanted.Unit.IP.String()+"/p/"+wanted.Unit.MAC.String()+".cfg")
		n.await(t, s, s.view(0).Unit.IP.String()+"/spa942.cfg")
		lines := ""
		for _, e := range s.of(wanted.Unit.Index, device.Syslog) {
			lines += e.Text
		}
		if !strings.Contains(lines, "System started: ip@"+wanted.Unit.IP.String()) || !strings.Contains(lines, "\tsubnet mask:\t255.255.0.0\tgateway ip:\t127.65.0.254") {
			t.Errorf("it logs %q", lines)
		}
		// A cold start asks again, a warm one does not.
		before := s.count(device.Leased)
		s.do(0, device.Restart)
		s.do(1, device.Reboot)
		s.await("the cold start has a lease", func() bool { return len(s.of(1, device.Leased)) == 2 })
		if got := s.count(device.Leased); got != before+1 || len(s.of(0, device.Leased)) != 1 {
			t.Errorf("%d leases, %s", got-before, s.story(0))
		}
		goOn(t, n, c, s, 3*count)
	})
}

// goOn saves a fleet and resumes it: each device has its address again, and has not restarted.
func goOn(t *testing.T, n *network, c fleet.Config, s *stand, count int) {
	addrs := map[device.Index]netip.Addr{}
	for dev := range device.Index(count) {
		addrs[dev] = s.view(dev).Unit.IP
	}
	s.stop()
	saved, err := state.Open(c.Save.File)
	extproc.Must(t, err)
	defer saved.Close()
	c.Resume = saved
	s = leasedFleet(t, n, c)
	for dev, addr := range addrs {
		if now := s.view(dev).Unit.IP; now != addr || len(s.of(dev, device.Boot)) > 0 {
			t.Fatalf("device %d had %s and has %s: %s", dev, addr, now, s.story(dev))
		}
	}
}

// await waits until a device has asked for something: its address and the path.
func (n *network) await(t *testing.T, s *stand, want string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			n.look(func(n *network) { t.Log(len(n.asked), n.asked[:5], n.asked[len(n.asked)-5:]) })
		}
	}()
	s.await(want, func() (found bool) {
		n.look(func(n *network) { found = strings.Contains("\n"+strings.Join(n.asked, "\n")+"\n", "\n"+want+"\n") })
		return found
	})
}

// plug starts a server in a network of its own, with a cable to this one: near is this end,
// and the devices' addresses are those of 10.77.128.0/17. It returns what tells the server more.
func plug(t *testing.T) (tell func(string)) {
	ip(t, "link set lo up")
	server := inNamespace(t, "server")
	in, err := server.StdinPipe()
	extproc.Must(t, err)
	out, err := server.StdoutPipe()
	extproc.Must(t, err)
	server.Stderr = os.Stderr
	extproc.Must(t, server.Start())
	t.Cleanup(func() {
		in.Close()
		_ = server.Wait()
	})
	ip(t, "link add near type veth peer name far")
	ip(t, fmt.Sprint("link set far netns ", server.Process.Pid))
	ip(t, "addr add 10.77.0.2/16 dev near")
	ip(t, "link set near up")
	ip(t, "route add local 10.77.128.0/17 dev lo")
	said := make(chan string, 16)
	go func() {
		for log := bufio.NewScanner(out); log.Scan(); {
			if word, ok := strings.CutPrefix(log.Text(), "done: "); ok {
				said <- word
				continue
			}
			fmt.Println(log.Text())
		}
		close(said)
	}()
	tell = func(word string) {
		t.Helper()
		fmt.Fprintln(in, word)
		if done := <-said; done != word {
			t.Fatalf("the server said %q to %q", done, word)
		}
	}
	tell("plugged")
	return tell
}

// playServer does at the other end of the cable what it is told, until its input ends.
func playServer(t *testing.T, does func(word string)) {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); fmt.Println("done: " + in.Text()) {
		if in.Text() == "plugged" {
			ip(t, "link set lo up")
			ip(t, "addr add 10.77.0.1/16 dev far")
			ip(t, "link set far up")
			// The kernel connects a cable a little later, and Kea passes over one that is not.
			extproc.Must(t, extproc.Wait("the cable is connected", func() bool {
				far, err := net.InterfaceByName("far")
				return err == nil && far.Flags&net.FlagRunning != 0
			}))
		}
		does(in.Text())
	}
}

// device-surface.md §5: on a network with dnsmasq, devices broadcast for their leases. A
// device with a static address asks nobody.
func TestLeasesOfDnsmasqByBroadcast(t *testing.T) {
	if os.Getenv(roleVariable) == "server" {
		playDnsmasq(t)
		return
	}
	playIn(t, "client", func(t *testing.T) {
		plug(t)
		n := newNetwork()
		still := ata(t, 1, "Connection_Type=Static IP", "Static_IP=10.77.0.2")
		still.Name = "still"
		s := startOn(t, n, fleet.Config{Addresses: netip.MustParsePrefix("10.77.0.0/16"), Source: fleet.Source{DHCP: fleet.DHCP{Interface: "near"}}, Groups: []fleet.Group{ata(t, 20), still}})
		if err := extproc.Wait("every device has a lease", func() bool { return s.count(device.Leased) == 20 }); err != nil {
			t.Fatalf("%v: %d; %s", err, s.count(device.Leased), s.story(0))
		}
		for dev := range device.Index(20) {
			if addr := s.view(dev).Unit.IP; !netip.MustParsePrefix("10.77.128.0/17").Contains(addr) {
				t.Errorf("device %d has address %s", dev, addr)
			}
		}
		if got := s.view(20).Unit.IP.String(); got != "10.77.0.2" || len(s.of(20, device.Leased)) != 0 {
			t.Errorf("the device with a static address is at %s: %s", got, s.story(20))
		}
		n.await(t, s, s.view(0).Unit.IP.String()+"/a")
	})
}

// playDnsmasq is dnsmasq at the other end of the cable.
func playDnsmasq(t *testing.T) {
	playServer(t, func(string) { dnsmasq(t, "10.77.128.1,10.77.129.254", "--dhcp-option=66,10.77.0.1") })
}

// dnsmasq starts dnsmasq, with leases of a range for two minutes, at the cable.
func dnsmasq(t *testing.T, from string, options ...string) *extproc.Process {
	t.Helper()
	cmd := exec.Command(extproc.Need(t, "dnsmasq", "dnsmasq-base"), append(options, "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root", "--interface=far", "--bind-interfaces",
		"--dhcp-range="+from+",255.255.0.0,2m", "--dhcp-leasefile="+filepath.Join(t.TempDir(), "leases"), "--no-ping", "--dhcp-authoritative", "--log-facility=-")...)
	return extproc.Run(t, cmd, listensForDHCP(":0043 "))
}

// listensForDHCP reports whether a socket is open that /proc/net/udp lists so.
func listensForDHCP(socket string) func() bool {
	return func() bool {
		sockets, err := os.ReadFile("/proc/net/udp")
		return err == nil && strings.Contains(string(sockets), socket)
	}
}
