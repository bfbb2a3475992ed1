package resync_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"spafleet/device/devicetest"
	"spafleet/resync"
)

// Which name servers a device asks, by its parameters and a lease's. What no lease says
// the network does: it stands as "network". See device-surface.md §4.5.
func TestNameServersOfADevice(t *testing.T) {
	const both = "Primary_DNS=192.0.2.1 Secondary_DNS=192.0.2.2 "
	tests := []struct{ model, params, lease, want string }{
		{"SPA2102", "", "", "network parallel"},
		{"SPA2102", "", "192.0.2.53 192.0.2.54 192.0.2.55", "192.0.2.53 192.0.2.54 parallel"},
		{"SPA2102", both, "", "192.0.2.1 192.0.2.2 parallel"},
		{"SPA2102", both, "192.0.2.53", "192.0.2.1 192.0.2.2 parallel"},
		{"SPA2102", both + "DNS_Server_Order=Manual,DHCP", "192.0.2.53", "192.0.2.1 192.0.2.2 192.0.2.53 parallel"},
		{"SPA2102", both + "DNS_Server_Order=DHCP,Manual", "192.0.2.53", "192.0.2.53 192.0.2.1 192.0.2.2 parallel"},
		{"SPA2102", both + "DNS_Server_Order=DHCP,Manual", "", "network 192.0.2.1 192.0.2.2 parallel"},
		{"SPA504G", "Primary_DNS=0.0.0.0 Secondary_DNS=192.0.2.2 DNS_Query_Mode=Sequential", "", "192.0.2.2"},
		{"SPA525G2", both, "", "192.0.2.1 192.0.2.2 network"}, // its order is Manual,DHCP, and it has no mode
		{"SPA122", "", "192.0.2.53", "192.0.2.53"},
	}
	for _, tt := range tests {
		row := devicetest.Row(t, tt.model, "")
		var lease resync.Lease
		for _, text := range strings.Fields(tt.lease) {
			lease.DNS = append(lease.DNS, netip.MustParseAddr(text))
		}
		servers, parallel := lease.NameServers(row, devicetest.Params(t, row.Factory, strings.Fields(tt.params)...))
		got := strings.Trim(fmt.Sprint(servers), "[]")
		got = strings.ReplaceAll(got, netip.Addr{}.String(), "network")
		if parallel {
			got += " parallel"
		}
		if got != tt.want {
			t.Errorf("%s, %s, lease %s: %s, want %s", tt.model, tt.params, tt.lease, got, tt.want)
		}
	}
}
