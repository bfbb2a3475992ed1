package scenarios

import (
	"cmp"
	"crypto/x509"
	"net/netip"
	"time"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/fleet"
)

// A Machine is what belongs to the machine that runs a scenario, and to the user's
// permissions, not to the scenario. The zero Machine is this one, with the whole
// fleet and the authorities of certs.New(1).
type Machine struct {
	Shard      device.Shard // the part of the fleet that this machine runs
	Addresses  netip.Prefix // of the devices; zero: fleet.DefaultAddresses
	Web        fleet.Web
	SIP        fleet.SIP           // Register and Port alone; the scenario has the rest
	PKI        *certs.PKI          // the authorities; nil: those of certs.New(1)
	Trust      []*x509.Certificate // further authorities that the devices trust
	Own        *certs.Material     // certificates of one's own, before those of the PKI; nil: none
	KeyPool    int                 // how many keys the devices' certificates share; 0: 64
	UniqueKeys bool                // a key for each device, not one of a pool
	KeepCerts  int                 // about how many of the devices' certificates are kept; 0: certs.Kept
	// Public are names and addresses that may be contacted though they are
	// public: the user's permission, which no scenario can give itself.
	Public []string
	// Operator says that the user operates the servers: without it no more than
	// 1,000 devices contact any off this machine.
	Operator bool
	// Commands lets steps run commands on this machine: the user's permission too.
	Commands bool
	// DHCP is the server that gives the devices their addresses; zero: the scenario's, or
	// they have them.
	DHCP fleet.DHCP
	// NameServers are asked for names, in this order; none: the system's.
	NameServers []netip.AddrPort
	// Now is when a fleet in real time begins; zero: fleet.DefaultStart.
	Now time.Time
	// Flags are how the user gives these and other things; texts name them.
	Flags Flags
}

// LeasesOf returns the DHCP server that gives the devices of a scenario their addresses; zero:
// they have them.
func (m *Machine) LeasesOf(s *Scenario) fleet.DHCP {
	if s.Target != nil && !m.DHCP.On() {
		return s.Target.DHCP
	}
	return m.DHCP
}

// Flags are how the user of a program that runs scenarios gives what a text may
// advise. "" is a field's or a key's own name, for a caller that is a Go test.
type Flags struct {
	Public    string // a host, for Machine.Public
	Operator  string // Machine.Operator
	Commands  string // Machine.Commands
	Addresses string // a prefix, for Machine.Addresses
	Count     string // of devices
	Set       string // a parameter, as NAME=VALUE
}

// Named returns the flags with names for all of them.
func (f Flags) Named() Flags {
	return Flags{
		Public:    cmp.Or(f.Public, "Public"),
		Operator:  cmp.Or(f.Operator, "Operator"),
		Commands:  cmp.Or(f.Commands, "Commands"),
		Addresses: cmp.Or(f.Addresses, "Addresses"),
		Count:     cmp.Or(f.Count, "count"),
		Set:       cmp.Or(f.Set, "set"),
	}
}
