// Package probe finds out what the firmware of one real phone does, by being its
// provisioning server for a while. Ask is where to begin.
//
// The person at the phone orders the first resync. The phone's settings are read, so
// that they can be given back. Then one profile sends the phone home: Profile_Rule
// names the probe, and Resync_Periodic brings the phone back every few seconds. Each
// answer sets up the next experiment of the table. At the end the phone gets its
// settings back, also when the person interrupts.
//
// Nothing is done that cannot be undone: no firmware image, no factory reset, no
// password, no setting of the network.
package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"spafleet/certs"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/scenarios/probe/settings"
)

// Network is where the probe meets the phone: this machine's sockets, or in tests a
// network in memory.
type Network interface {
	// Listen listens for TCP at the probe's address, at a free port for 0.
	Listen(port uint16) (net.Listener, error)
	// ListenPacket listens for UDP there. Addresses are *net.UDPAddr.
	ListenPacket(port uint16) (net.PacketConn, error)
	// Dial connects to the phone's web server.
	Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Deaf returns a TCP port of the probe's address that answers no SYN, until the
	// function is called.
	Deaf() (netip.AddrPort, func(), error)
}

// Person is who sits at the phone.
type Person interface {
	// Say shows a line of progress.
	Say(text string)
	// Agree asks a question that is answered by yes or no.
	Agree(ctx context.Context, question string) bool
	// Resync has the person open http://PHONE/admin/resync?URL in a browser. It returns at once.
	Resync(ctx context.Context, url string) error
	// Power has the person unplug the phone and plug it in again, and returns the moment
	// of power. False: the person does not want to, or cannot.
	Power(ctx context.Context) (at time.Time, done bool)
}

// A Question is which phone is asked, and what.
type Question struct {
	Network Network
	Person  Person
	Port    uint16    // of HTTP and of TFTP; 0: free ones
	MAC     model.MAC // of the phone; zero: the first that comes
	// Phone is where its web server answers, for the first order; not valid: the person
	// gives that one. The others go to where it came from.
	Phone netip.AddrPort
	Only  []string // groups of experiments; nil: all
	Names []string // experiments; nil: all. Those that others rest on are done too
	// Limit is for all experiments; those that would take longer are left out. 0: no limit.
	Limit time.Duration
	// Pace is how often the phone comes home; 0: 5 s.
	Pace time.Duration
	// Patience is how long the phone may stay away; 0: 3 minutes.
	Patience time.Duration
	// Restore is what the phone gets back; nil: what its web pages say.
	Restore *settings.Settings
	// RestoreOnly gives the phone Restore, and asks nothing.
	RestoreOnly bool
	// User and Password are for the phone's web server; "": none is given.
	User, Password string
	// Name is one of the probe's address that the phone's name server knows; "": none.
	Name string
	PKI  *certs.PKI // authorities that sign the certificates of the HTTPS experiments; nil: those need one
	// Keep is called after each experiment with what was found until then, and with the
	// profile that gives the phone its settings back, which has what they hold of
	// passwords. It may be nil.
	Keep func(f *observed.File, back string) error
}

// Ask takes a phone through the experiments. The file is what was found, also where the
// error says that the phone did not come, went away, or could not be given its settings.
func Ask(ctx context.Context, q Question) (*observed.File, error) {
	s, err := newSession(q)
	if err != nil {
		return &observed.File{Date: time.Now()}, err
	}
	defer s.close()
	if q.RestoreOnly {
		return s.file(), s.restore(ctx)
	}
	if err := s.meet(ctx); err != nil {
		return s.file(), errors.Join(err, s.giveBack(ctx))
	}
	err = s.work(ctx)
	return s.file(), errors.Join(err, s.giveBack(ctx))
}
