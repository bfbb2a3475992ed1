package resync

import (
	"net/netip"
	"strconv"
	"strings"
)

// A Lease is what the network told the device about itself and its servers: by DHCP,
// or as if by DHCP. It is shared between devices, and must not be changed.
type Lease struct {
	// TFTPServer is DHCP option 66: host or host:port (the port is for tests;
	// no real option has one). Empty: none was offered.
	TFTPServer string
	// NextServer is the server in the lease's siaddr: host or host:port. Phones ask
	// it for an SCCP configuration where there is no TFTPServer. Empty: none.
	NextServer string
	// Options are the other options that are text to the device, by number: 43, 60, 67,
	// 125, 150, 159 and 160.
	Options    map[uint8]string
	DNS        []netip.Addr // option 6
	LogServers []netip.Addr // option 7
	NTP        []netip.Addr // option 42
	Domain     string       // option 15
	Netmask    netip.Addr   // option 1; zero: none
	Gateway    netip.Addr   // option 3; zero: none
}

// Unserved reports whether a lease has no option 66, and names a server all the
// same.
func (l Lease) Unserved() bool { return l.TFTPServer == "" && l.NextServer != "" }

// nextServer returns the host in siaddr, and its port, 0 for the usual one.
func (l Lease) nextServer() (host string, port uint16) {
	host, number, _ := strings.Cut(l.NextServer, ":")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return host, 0
	}
	return host, uint16(n)
}
