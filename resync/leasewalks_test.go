package resync_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"spafleet/device"
	works "spafleet/resync/unit"
)

// leases observes what a device says to a DHCP server that answers its first
// questions, and what it tells, until some time after a cold start.
func leases(model string, answers int) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		var b strings.Builder
		addr := netip.MustParseAddr("192.0.2.7")
		shared := works.Shared{Seed: 1, Address: func(device.Index) netip.Addr { return addr }, Leases: &works.DHCP{Leased: func(device.Index, netip.Addr) bool { return true }}}
		shared.Add(works.Group{Row: rowOf(t, model, setting), Count: 1, Presets: map[string]string{"Provision_Enable": "No"}})
		u, m := shared.New(0), works.NewMachine(&shared)
		left := answers
		var tell func(at int64, fx *works.Effects)
		tell = func(at int64, fx *works.Effects) {
			for _, e := range fx.Events {
				fmt.Fprintln(&b, time.Duration(at), e.Name(), e.Text)
			}
			if fx.DHCP == nil {
				return
			}
			p, err := dhcpv4.FromBytes(fx.DHCP)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&b, time.Duration(at), p.MessageType(), p.ParameterRequestList(), string(p.Options[60]), p.RequestedIPAddress())
			if left--; left < 0 {
				return
			}
			p.OpCode, p.YourIPAddr = dhcpv4.OpcodeBootReply, addr.AsSlice()
			kind := map[dhcpv4.MessageType]dhcpv4.MessageType{dhcpv4.MessageTypeDiscover: dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeRequest: dhcpv4.MessageTypeAck}[p.MessageType()]
			p.UpdateOption(dhcpv4.OptMessageType(kind))
			p.Options[54], p.Options[51] = []byte{192, 0, 2, 1}, binary.BigEndian.AppendUint32(nil, 200)
			tell(at, works.Lease(m.At(0, &u, at), p.ToBytes()))
		}
		tell(1, m.At(0, &u, 1).PowerOn())
		run := func(until time.Duration) {
			for u.Due() != 0 && u.Due() < int64(until) {
				at := u.Due()
				tell(at, m.At(0, &u, at).Due())
			}
		}
		run(100 * time.Second)
		tell(int64(100*time.Second), m.At(0, &u, int64(100*time.Second)).Do(device.Command{Order: device.Reboot}))
		run(400 * time.Second)
		return b.String()
	}
}

var leaseWalks = map[string]walk{
	"lease_url":  {"file", "folder", attempts("SPA504G 7.5.5", "lease http://192.0.2.5/provision\nresync power_on")},
	"cisco_path": {"never", "after", attempts("SPA504G 7.5.5", "lease 192.0.2.5\nresync power_on")},
	"siaddr":     {"ignore", "use", attempts("SPA504G 7.5.5", "siaddr 192.0.2.9\nresync power_on")},
	"option67":   {"ignore", "use", attempts("SPA942 6.1.5(a)", "lease 192.0.2.5\noption 67 a.cfg\nresync power_on")},
	"option55":   {"1,3,66", "1,3,66,150", leases("SPA942 6.1.5(a)", 0)},
	"option60":   {"none", "LINKSYS SPA-942", leases("SPA942 6.1.5(a)", 0)},
	"dhcp_start": {"discover", "request", leases("SPA942 6.1.5(a)", 4)},
	"lease_end":  {"reboot", "restart", leases("SPA942 6.1.5(a)", 4)},
	"dhcp_tries": {"2", "3", leases("SPA942 6.1.5(a)", 0)},
}
