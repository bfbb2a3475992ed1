package unit

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"spafleet/device"
	"spafleet/device/devicetest"
)

// A lan is one device and a DHCP server whose answers are given, with what the device does.
type lan struct {
	*bench
	addr    netip.Addr // that it has
	answers []string   // the kind of the next ones, and the address: "" is none
	says    bool       // its messages are noted
}

func newLAN(t *testing.T, model, firmware string, switches []string, presets ...string) *lan {
	l := &lan{bench: newBench(t, devicetest.Row(t, model, firmware, switches...), 0, append([]string{"Provision_Enable=No"}, presets...)...)}
	l.m.Shared.Address = func(device.Index) netip.Addr { return l.addr }
	l.m.Shared.Leases = &DHCP{
		Leased: func(_ device.Index, a netip.Addr) bool {
			if a == netip.AddrFrom4([4]byte{192, 0, 2, 99}) { // another device's
				return false
			}
			l.addr = a
			return true
		},
		Own: func(_ device.Index, a netip.Addr) { l.addr = a },
	}
	return l
}

func (l *lan) hears(fx *Effects) {
	for _, e := range fx.Events {
		if e.Kind == device.Leased || e.Kind == device.LeaseFailed {
			l.note("%s %s", e.Name(), e.Text)
		}
	}
	if fx.Flaw != 0 {
		l.note("flaw: %s", fx.Flaw)
	}
	text := fx.DHCP
	l.take(fx)
	if text == nil {
		return
	}
	p, err := dhcpv4.FromBytes(text)
	if err != nil {
		l.t.Fatal(err)
	}
	if l.says {
		what := p.MessageType().String()
		if ip := p.RequestedIPAddress(); ip != nil {
			what += " for " + ip.String()
		}
		if ip := p.ServerIdentifier(); ip != nil {
			what += " of " + ip.String()
		}
		l.note("%s", what)
	}
	if len(l.answers) == 0 {
		return
	}
	kind, addr, ok := strings.Cut(l.answers[0], " ")
	if l.answers = l.answers[1:]; !ok {
		return
	}
	p.OpCode, p.YourIPAddr = dhcpv4.OpcodeBootReply, netip.MustParseAddr(addr).AsSlice()
	p.UpdateOption(dhcpv4.OptMessageType(map[string]dhcpv4.MessageType{"offer": dhcpv4.MessageTypeOffer, "ack": dhcpv4.MessageTypeAck, "nak": dhcpv4.MessageTypeNak}[kind]))
	p.Options[54], p.Options[51] = []byte{192, 0, 2, 1}, binary.BigEndian.AppendUint32(nil, 100)
	l.hears(Lease(l.at(), p.ToBytes()))
}

func (l *lan) run(seconds float64) {
	for end := midnight + int64(seconds*1e9); l.u.Due() != 0 && l.u.Due() <= end; {
		l.now = l.u.Due()
		l.hears(l.at().Due())
	}
}

// device-surface.md §5: what a device does when its lease is over, when a server takes the
// address back or gives another, and when another device has it.
func TestLeasesEnd(t *testing.T) {
	got := []string{"offer 192.0.2.7", "ack 192.0.2.7"}
	for _, tt := range []struct {
		name     string
		switches []string
		answers  []string
		lasts    float64
		want     string
	}{
		{"it goes on", nil, []string{"ack 192.0.2.7"}, 60, ""},
		{"the time is over", nil, nil, 100, "100 lease_failed the time of the lease is over; the device reboots, 100 boot:lease"},
		{"the same by the other switch", []string{"lease_end=restart"}, nil, 100, "100 lease_failed the time of the lease is over; the device restarts, 100 boot:lease"},
		{"another lease after it", nil, []string{"", "", "offer 192.0.2.8", "ack 192.0.2.8"}, 111,
			"100 lease_failed the time of the lease is over; the device reboots, 100 boot:lease, 110 leased 192.0.2.8 of 192.0.2.1 for 1m40s"},
		{"another address", nil, []string{"ack 192.0.2.8"}, 51, "50 leased 192.0.2.8 of 192.0.2.1 for 1m40s, 50 boot:address"},
		{"taken back", nil, []string{"nak 0.0.0.0", "offer 192.0.2.8", "ack 192.0.2.8"}, 53,
			"50 lease_failed the server took the address back; the device restarts, 50 boot:address, 52 leased 192.0.2.8 of 192.0.2.1 for 1m40s"},
		{"the address of another device", nil, []string{"ack 192.0.2.99", "offer 192.0.2.99", "ack 192.0.2.99", "offer 192.0.2.8", "ack 192.0.2.8"}, 63,
			"50 lease_failed another device has the address 192.0.2.99; the device restarts, 50 flaw: an address that another device has, 50 boot:address, " +
				"52 lease_failed another device has the address 192.0.2.99; it asks for another, 52 flaw: an address that another device has, 62 leased 192.0.2.8 of 192.0.2.1 for 1m40s"},
	} {
		l := newLAN(t, "SPA2102", "5.2.10", append([]string{"boot_time=10s", "reboot_time=2s"}, tt.switches...))
		l.answers = slices.Concat(got, tt.answers)
		l.hears(l.at().PowerOn())
		l.run(0)
		l.did = nil
		l.run(tt.lasts)
		if got := strings.Join(l.did, ", "); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// A device that was saved with a lease asks for its address again, and goes on where it was
// when it has it. What ran out meanwhile waits for that; another address restarts it.
func TestASavedDeviceAsksForItsAddressAgain(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers []string
		want    string
	}{
		{"its own", []string{"ack 192.0.2.7"}, "20 REQUEST for 192.0.2.7, 20 leased 192.0.2.7 of 192.0.2.1 for 1m40s, 40 periodic"},
		{"nobody answers at once", []string{"", "ack 192.0.2.7"}, "20 REQUEST for 192.0.2.7, 25 REQUEST for 192.0.2.7, 25 leased 192.0.2.7 of 192.0.2.1 for 1m40s, 40 periodic"},
		{"another", []string{"nak 0.0.0.0", "offer 192.0.2.8", "ack 192.0.2.8"}, "20 REQUEST for 192.0.2.7, 20 lease_failed a server refused the address; it asks again, 25 DISCOVER, " +
			"25 REQUEST for 192.0.2.8 of 192.0.2.1, 25 leased 192.0.2.8 of 192.0.2.1 for 1m40s, 25 boot:address, 27 power_on"},
	} {
		presets := []string{"Provision_Enable=Yes", "Profile_Rule=http://192.0.2.5/a", "Resync_Periodic=40", "Resync_Random_Delay=0"}
		l := newLAN(t, "SPA2102", "5.2.10", []string{"boot_time=10s", "reboot_time=2s"}, presets...)
		l.answers = []string{"offer 192.0.2.7", "ack 192.0.2.7"}
		l.hears(l.at().PowerOn())
		l.run(20)
		l.now = midnight + 20e9
		kept := l.m.Record(l.dev, &l.u)
		again := newLAN(t, "SPA2102", "5.2.10", []string{"boot_time=10s", "reboot_time=2s"}, presets...)
		again.now, again.says, again.answers, again.started = l.now, true, tt.answers, l.started
		again.m.Restore(&again.u, &kept)
		again.hears(again.at().Resume(l.now, true))
		if tt.answers[0] == "" { // it still asks
			saved := again.m.Record(again.dev, &again.u)
			if saved.Timers != kept.Timers || saved.Flags != kept.Flags || saved.Leased != kept.Leased {
				t.Errorf("saved once more it is %+v, want %+v", saved, kept)
			}
		}
		again.run(42)
		for i, text := range again.did { // the waits are drawn
			at, what, _ := strings.Cut(text, " ")
			seconds, _ := strconv.ParseFloat(at, 64)
			again.did[i] = fmt.Sprintf("%.0f %s", seconds, what)
		}
		if got := strings.Join(again.did, ", "); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// device-surface.md §5: an SPA5xx that gets no answer takes its backup address, and works; it
// goes on asking, and restarts with the address of a lease.
func TestBackupAddress(t *testing.T) {
	for preset, want := range map[string]string{
		"Use_Backup_IP=Yes": "boot:power, lease_failed no server answers; it takes its backup address 192.168.1.235, and goes on asking, log reboot reason:H0, " +
			"leased 192.0.2.7 of 192.0.2.1 for 1m40s, boot:address, log reboot reason:W7372092b",
		"Use_Backup_IP=No": "boot:power, lease_failed no server answers; it goes on asking, leased 192.0.2.7 of 192.0.2.1 for 1m40s, log reboot reason:H0",
	} {
		l := newLAN(t, "SPA504G", "7.6.2", []string{"boot_time=10s", "reboot_time=2s"}, preset, "Network_Startup_Delay=0", logs)
		l.hears(l.at().PowerOn())
		l.answers = []string{"", "", "", "", "", "offer 192.0.2.7", "ack 192.0.2.7"}
		l.run(70)
		backup, lease := Backup()
		if v := l.view(); preset == "Use_Backup_IP=Yes" && (v.Unit.IP != backup || v.Network.Netmask != lease.Netmask || v.Network.Gateway.String() != "192.168.1.1") {
			t.Errorf("it has %s, %+v", v.Unit.IP, v.Network)
		}
		l.run(140)
		for i := range l.did {
			_, l.did[i], _ = strings.Cut(l.did[i], " ")
		}
		if got := strings.Join(l.did, ", "); got != want {
			t.Errorf("%s: %s\nwant %s", preset, got, want)
		}
		if v := l.view(); v.Unit.IP.String() != "192.0.2.7" || v.Network.Netmask.IsValid() {
			t.Errorf("%s: it has %s, %+v", preset, v.Unit.IP, v.Network)
		}
	}
	l := newLAN(t, "SPA942", "6.1.5(a)", nil)
	if _, ok := l.u.Params().Lookup("Use_Backup_IP"); ok {
		t.Error("an SPA942 has a backup address")
	}
}

// device-surface.md §5 and surface-2.md §5, row by row: what a device of each family tells a DHCP
// server of itself, what it asks for, and what its factory values of DHCP are.
func TestWhatADeviceSaysToADHCPServer(t *testing.T) {
	for _, tt := range []struct{ model, firmware, asked, class, name string }{
		{"PAP2T", "5.1.6(LS)", "1 3 42 6 7 15 58 59 66", "", "LinksysPAP"},
		{"PAP2", "3.1.9(LSc)", "1 3 42 6 7 15 58 59 66", "", "LinksysPAP"},
		{"SPA2000", "", "1 3 42 6 7 15 58 59 44 66", "", "SipuraSPA"},
		{"SPA2102", "5.2.10", "1 3 42 6 7 15 58 59 44 66", "LINKSYS SPA-2102", "SipuraSPA"},
		{"SPA3102", "5.1.10(GW)", "1 3 42 6 7 15 58 59 44 66", "LINKSYS SPA-3102", "SipuraSPA"},
		{"SPA8000", "", "1 3 42 6 7 15 58 59 44 66", "LINKSYS SPA8000", "SipuraSPA"},
		{"SPA8800", "", "1 3 42 6 7 15 58 59 44 66", "CISCO SPA8800", "SipuraSPA"},
		{"SPA901", "", "1 3 42 6 7 15 58 59 44 66 150 151", "LINKSYS SPA-901", "SipuraSPA"},
		{"SPA921", "", "1 3 42 6 7 15 58 59 44 66 150 151", "LINKSYS SPA-921", "SipuraSPA"},
		{"SPA922", "", "1 3 42 6 7 15 58 59 44 66 150 151", "LINKSYS SPA-922", "SipuraSPA"},
		{"SPA941", "", "1 3 42 6 7 15 58 59 44 66 150 151", "LINKSYS SPA-941", "SipuraSPA"},
		{"SPA942", "", "1 3 42 6 7 15 58 59 44 66 150 151", "LINKSYS SPA-942", "SipuraSPA"},
		{"SPA962", "", "1 3 42 6 7 15 58 59 44 66 150 151", "LINKSYS SPA-962", "SipuraSPA"},
		{"SPA303", "", "1 3 42 6 7 15 58 59 66 2 150 151 160 159", "Cisco SPA303", "SipuraSPA"},
		{"SPA504G", "7.4.9c", "1 3 42 6 7 15 58 59 66 2 150 151 160 159", "Cisco SPA504G", "SipuraSPA"},
		{"SPA504G", "7.6.2", "1 3 42 6 7 15 58 59 66 2 150 151 160 159", "Cisco SPA504G", "SipuraSPA"},
		{"SPA525G2", "", "1 3 42 6 7 15 58 59 66 2 150 151 160 159", "Cisco SPA525G2", "SipuraSPA"},
		{"SPA112", "", "1 3 42 6 7 15 58 59 44 66", "CISCO SPA112", "SipuraSPA"},
		{"SPA122", "", "1 3 42 6 7 15 58 59 44 66", "CISCO SPA122", "SipuraSPA"},
		{"SPA232D", "", "1 3 42 6 7 15 58 59 44 66", "CISCO SPA232D", "SipuraSPA"},
	} {
		for _, own := range []string{"", "desk-7"} {
			l := newLAN(t, tt.model, tt.firmware, []string{"boot_time=0s"}, "HostName="+own)
			fx := l.at().PowerOn()
			for fx.DHCP == nil && l.u.Due() != 0 { // its Network_Startup_Delay
				l.now = l.u.Due()
				fx = l.at().Due()
			}
			p, err := dhcpv4.FromBytes(fx.DHCP)
			if err != nil {
				t.Errorf("%s: %v", tt.model, err)
				continue
			}
			asked := strings.Trim(fmt.Sprintf("%d", p.Options[55]), "[]")
			if _, has := l.u.Params().Lookup("HostName"); !has {
				own = ""
			}
			if name := string(p.Options[12]); p.MessageType() != dhcpv4.MessageTypeDiscover || asked != tt.asked || string(p.Options[60]) != tt.class || name != cmp.Or(own, tt.name) {
				t.Errorf("%s %s: %s, asks for %s, class %q, name %q", tt.model, tt.firmware, p.MessageType(), asked, p.Options[60], name)
			}
			if len(p.Options) != map[bool]int{false: 4, true: 3}[tt.class == ""] {
				t.Errorf("%s says more: %v", tt.model, p.Options)
			}
		}
	}
	for _, tt := range []struct{ model, firmware, name, want string }{
		{"SPA504G", "7.4.9c", "DHCP_Option_To_Use", "66,160,159,150"},
		{"SPA504G", "7.6.2", "DHCP_Option_To_Use", "66,160,159,150,60,43,125"},
		{"SPA942", "6.1.5(a)", "DHCP_Option_To_Use", "none"},
		{"SPA504G", "7.6.2", "Transport_Protocol", "https"},
		{"SPA2102", "5.2.10", "Transport_Protocol", "none"},
		{"SPA3102", "5.1.10(GW)", "DHCP_IP_Revalidate_Timer", "0"},
		{"SPA504G", "7.6.2", "Network_Startup_Delay", "3"},
		{"SPA504G", "7.6.2", "Use_Backup_IP", "Yes"},
	} {
		value, ok := newLAN(t, tt.model, tt.firmware, nil).u.Params().Lookup(tt.name)
		if !ok {
			value = "none"
		}
		if value != tt.want {
			t.Errorf("%s of %s %s is %q", tt.name, tt.model, tt.firmware, value)
		}
	}
	for _, model := range []string{"SPA301", "SPA504G", "SPA514G", "SPA525G2", "SPA942", "SPA2102"} {
		for _, s := range devicetest.Row(t, model, "").Switches {
			is5xx := !slices.Contains([]string{"SPA942", "SPA2102"}, model)
			if s.Name == "lease_end" && (s.Value != "reboot" || (s.Evidence.String() == "field") != is5xx) {
				t.Errorf("the end of a lease of %s: %s, %s", model, s.Value, s.Evidence)
			}
		}
	}
}
