package fleet_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/fleet"
)

// A wire reads what comes to DHCP servers, and to a registrar, at this end of a cable.
type wire struct {
	mu    sync.Mutex
	asked []string // source, destination, kind, and what it says of an address
}

// tap reads the cable until the test ends.
func tap(t *testing.T) *wire {
	t.Helper()
	const ip4 = syscall.ETH_P_IP<<8&0xff00 | syscall.ETH_P_IP>>8
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM, ip4)
	extproc.Must(t, err)
	extproc.Must(t, syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 50000}))
	w := &wire{}
	var reading sync.WaitGroup
	over := make(chan struct{})
	reading.Go(func() {
		buffer := make([]byte, 2048)
		for {
			select {
			case <-over:
				return
			default:
			}
			n, from, err := syscall.Recvfrom(fd, buffer, 0)
			if at, ok := from.(*syscall.SockaddrLinklayer); err == nil && ok && at.Pkttype != syscall.PACKET_OUTGOING {
				w.read(buffer[:n])
			}
		}
	})
	t.Cleanup(func() {
		close(over)
		reading.Wait()
		_ = syscall.Close(fd)
	})
	return w
}

func (w *wire) read(packet []byte) {
	head := 0
	if len(packet) > 0 {
		head = int(packet[0]&15) * 4
	}
	if len(packet) < head+8 || head < 20 || packet[9] != syscall.IPPROTO_UDP {
		return
	}
	text, from, to := packet[head+8:], netip.AddrFrom4([4]byte(packet[12:])), netip.AddrFrom4([4]byte(packet[16:]))
	line := ""
	switch binary.BigEndian.Uint16(packet[head+2:]) {
	case 67:
		m, err := dhcpv4.FromBytes(text)
		if err != nil {
			return
		}
		line = fmt.Sprintf("%s of %s to %s", m.MessageType(), from, to)
		if !m.ClientIPAddr.IsUnspecified() {
			line += " has " + m.ClientIPAddr.String()
		}
	case 5060:
		method, _, _ := strings.Cut(string(text), " ")
		line = fmt.Sprintf("%s of %s to %s", method, from, to)
	default:
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, line)
}

// await waits until a line has come so often.
func (w *wire) await(t *testing.T, line string, times int) {
	t.Helper()
	count := func() (n int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, l := range w.asked {
			if l == line {
				n++
			}
		}
		return n
	}
	if err := extproc.Wait(line, func() bool { return count() >= times }); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		t.Errorf("%v; there was %s", err, strings.Join(w.asked, "; "))
	}
}

// keaOnCable is the configuration of Kea whose leases are over after three seconds, to be
// asked for again after one, and of any server after two.
const keaOnCable = `"interfaces-config": {"interfaces": ["far"]}, "valid-lifetime": 3, "renew-timer": 1, "rebind-timer": 2,
 "subnet4": [{"subnet": "10.77.0.0/16", "pools": [{"pool": "10.77.128.1 - 10.77.128.99"}]}]`

// device-surface.md §5: an SPA504G keeps its address over renewals by Kea. It asks the
// server that gave it after T1, and any server after T2; when the lease is over it reboots, and has one again when
// Kea is back. When dnsmasq takes the address back on renewal, and gives another, it restarts and registers from there.
func TestRenewals(t *testing.T) {
	if os.Getenv(roleVariable) == "server" {
		playRenewals(t)
		return
	}
	playIn(t, "client", func(t *testing.T) {
		server := plug(t)
		g := fleet.Group{Name: "phone", Row: row(t, "SPA504G", "7.6.2", map[string]string{"boot_time": "0s", "reboot_time": "0s"}), Count: 1,
			Presets: settings("Network_Startup_Delay=0", "Provision_Enable=No", "Proxy_1_=10.77.0.1", "User_ID_1_=100", "Register_1_=Yes")}
		s := start(t, newNetwork(), fleet.Config{Addresses: netip.MustParsePrefix("10.77.0.0/16"), Groups: []fleet.Group{g},
			Source: fleet.Source{DHCP: fleet.DHCP{Interface: "near"}}, SIP: fleet.SIP{Register: true}})
		leased := func(times int) string {
			t.Helper()
			if err := extproc.Wait(fmt.Sprint("lease ", times), func() bool { return s.count(device.Leased) >= times }); err != nil {
				t.Fatalf("%v: %s", err, s.story(0))
			}
			return s.view(0).Unit.IP.String()
		}
		first := leased(1)
		server("registered " + first)
		server("renewed " + first)
		if now := leased(1); now != first || s.count(device.Leased) != 1 || s.count(device.Boot) != 1 {
			t.Errorf("after two renewals it has %s, not %s: %s", now, first, s.story(0))
		}
		server("silent " + first)
		server("back")
		leased(2)
		server("another")
		second := leased(3)
		server("registered " + second)
		var reasons []device.Reason
		for _, e := range s.of(0, device.Boot) {
			reasons = append(reasons, e.Reason)
		}
		if want := []device.Reason{device.ByPower, device.ByLease, device.ByAddress}; second == first || !slices.Equal(reasons, want) {
			t.Errorf("it had %s and has %s: %s", first, second, s.story(0))
		}
		if refused := fleet.RefusedDHCP(s.f); len(refused) > 0 {
			t.Errorf("refused: %v", refused)
		}
	})
}

// playRenewals is the servers at the other end of the cable.
func playRenewals(t *testing.T) {
	var w *wire
	var server *extproc.Process
	playServer(t, func(line string) {
		word, addr, _ := strings.Cut(line, " ")
		switch word {
		case "plugged":
			w = tap(t)
			server = kea(t, keaOnCable, ":0043 ")
		case "registered":
			w.await(t, fmt.Sprintf("REGISTER of %s to 10.77.0.1", addr), 1)
		case "renewed":
			w.await(t, fmt.Sprintf("REQUEST of %s to 10.77.0.1 has %[1]s", addr), 2)
		case "silent":
			server.Stop()
			w.await(t, fmt.Sprintf("REQUEST of %s to 255.255.255.255 has %[1]s", addr), 1)
		case "back":
			server = kea(t, keaOnCable, ":0043 ")
		case "another":
			server.Stop()
			server = dnsmasq(t, "10.77.129.1,10.77.129.99")
		}
	})
}
