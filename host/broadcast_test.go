package host

import (
	"net/netip"
	"testing"
)

func TestTheLastAddressOfANetworkIsItsBroadcast(t *testing.T) {
	for prefix, want := range map[string]string{"192.168.1.7/24": "192.168.1.255", "10.0.0.1/8": "10.255.255.255", "10.1.2.3/30": "10.1.2.3", "172.16.9.9/20": "172.16.15.255"} {
		if got := lastOf(netip.MustParsePrefix(prefix)); got.String() != want {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
	}
	for _, a := range Broadcasts() {
		if !a.Is4() || a.IsLoopback() {
			t.Errorf("%s is a broadcast address", a)
		}
	}
}
