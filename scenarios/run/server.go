package run

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/fleet"
	"spafleet/prov"
	"spafleet/resync/fault"
	"spafleet/resync/modelled"
	"spafleet/scenarios"
	"spafleet/scenarios/expression"
)

// A server is the embedded server of a scenario, over sockets or in virtual time.
// Without one in the scenario it only knows that.
type server struct {
	plan     *scenarios.Plan
	certs    *trust.Devices
	saved    savedServers  // where it was in the state that the fleet goes on from
	lasting  *lastingPorts // of a server whose fleet is saved; nil: the system chooses ports
	wrongs   fault.Plan    // what it does wrong
	network  *fault.Plan   // faults of the network, which virtual time needs too
	pairs    *prov.Pairs   // nil without a server
	texts    *texts
	requests func(prov.Line)   // hears of each request; nil: nobody does
	values   map[string]string // of ${…}
	core     *prov.Core        // nil without a server
	now      *scenarios.Server // as it is now: with what steps have changed
	changes  []int             // the steps that have changed it
	sockets  *prov.Server      // nil in virtual time
	more     []*prov.Server    // its replicas
	syslog   *syslogPort       // nil: none
	sip      registrar
	modelled *modelled.Network // the server of virtual time
	recorded modelled.Recorded // what answers without a server in the scenario; nil: nobody
}

// open starts the server, if the scenario has one, and fills in where it is.
func (s *server) open() error {
	sc := s.plan.Scenario
	if sc.Server == nil {
		if sc.Clock.Mode == fleet.Virtual {
			s.modelled = &modelled.Network{Faults: s.network, Recorded: s.recorded}
		}
		return nil
	}
	s.pairs = &prov.Pairs{Seed: sc.Seed}
	s.pairs.Resume(s.saved.Rotations)
	options := prov.Options{Who: s.texts.who, Find: s.texts.find, Expand: s.texts.expand, Stable: s.texts.stable, Pairs: s.pairs, Faults: &s.wrongs}
	options.Log = s.requests
	if s.plan.Kinds[device.ServerLog.String()] {
		options.Log = both(s.texts.log, s.requests)
	}
	options.Auth = sc.Server.Auth
	if hasFiles(sc.Server) {
		options.Root = sc.Folder()
	}
	core, err := prov.NewCore(nil, options)
	if err != nil {
		return err
	}
	s.core, s.now = core, sc.Server
	if sc.Clock.Mode == fleet.Virtual {
		err = s.openModelled(core)
	} else {
		err = s.openSockets(core)
	}
	if err != nil {
		return err
	}
	if err := s.fill(core); err != nil {
		s.close(false)
		return fmt.Errorf("scenario %s: %w", sc.Name, err)
	}
	return nil
}

// both tells two of a line; the second may be nil.
func both(one, two func(prov.Line)) func(prov.Line) {
	if two == nil {
		return one
	}
	return func(l prov.Line) {
		one(l)
		two(l)
	}
}

// openSockets starts the server over sockets.
func (s *server) openSockets(core *prov.Core) error {
	sc := s.plan.Scenario.Server
	server := &prov.Server{Core: core, Now: s.clock}
	var err error
	if server.TFTPAddr, err = s.lasting.place(listenAt(sc.TFTP), s.saved.of(0)); err != nil {
		return err
	}
	if server.HTTPAddr, err = s.lasting.place(listenAt(sc.HTTP), s.saved.of(1)); err != nil {
		return err
	}
	for i := range sc.HTTPS {
		l, err := sc.HTTPS[i].Listener(s.certs.PKI, sc.Host(), "127.0.0.1", s.today)
		if err != nil {
			return fmt.Errorf("scenario %s: https: %w", s.plan.Scenario.Name, err)
		}
		if l.Addr, err = s.lasting.place(l.Addr, s.saved.of(2+i)); err != nil {
			return err
		}
		server.HTTPS = append(server.HTTPS, l)
	}
	if err := server.Open(); err != nil {
		return s.saved.where(err)
	}
	s.sockets = server
	if err := s.openReplicas(); err != nil {
		s.close(false)
		return err
	}
	if err := s.openSyslog(); err != nil {
		s.close(false)
		return err
	}
	if err := s.openSIP(); err != nil {
		s.close(false)
		return s.saved.where(err)
	}
	s.values = s.addresses(plainPorts{server.TFTP(), server.HTTP(), s.syslog.at(), s.sip.at}, server.HTTPSAt())
	return nil
}

// listenAt returns where a listener of the server over sockets is, "" for none.
func listenAt(p scenarios.Port) string {
	if p.Off {
		return ""
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Number))
}

// openSyslog opens the port for the devices' log lines, if the scenario names it.
func (s *server) openSyslog() error {
	sc := s.plan.Scenario
	if sc.Server.Syslog.Off || sc.Server.Syslog.Number == 0 && !sc.Names("server.syslog") {
		return nil
	}
	at, err := s.lasting.place(listenAt(sc.Server.Syslog), s.saved.Syslog)
	if err != nil {
		return err
	}
	conn, err := net.ListenPacket("udp4", at)
	if err != nil {
		return fmt.Errorf("scenario %s: listen for syslog: %w", sc.Name, err)
	}
	s.syslog = &syslogPort{conn: conn}
	s.syslog.reading.Go(s.syslog.read)
	return nil
}

// A syslogPort takes log lines and keeps none.
type syslogPort struct {
	conn    net.PacketConn
	reading sync.WaitGroup
}

func (p *syslogPort) read() {
	line := make([]byte, 2048)
	for {
		if _, _, err := p.conn.ReadFrom(line); errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// at returns where the port is, the zero value for none.
func (p *syslogPort) at() netip.AddrPort {
	if p == nil {
		return netip.AddrPort{}
	}
	return p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (p *syslogPort) close() {
	if p != nil {
		p.conn.Close()
		p.reading.Wait()
	}
}

// openModelled makes the server of a scenario in virtual time: the same core,
// behind ports that no socket has.
func (s *server) openModelled(core *prov.Core) error {
	sc := s.plan.Scenario.Server
	at := replicas(sc)
	addr := at[0]
	w := &modelled.Network{
		Server: core, Addr: addr, More: at[1:], TFTP: portOf(sc.TFTP, 69), HTTP: portOf(sc.HTTP, 80), Hosts: map[string][]netip.Addr{sc.Host(): at},
		Certs: s.certs, HeaderWait: prov.HeaderWait, Least: sc.Latency.Least, Most: sc.Latency.Most, Workers: sc.Workers, Faults: s.network,
	}
	var secure []netip.AddrPort
	for i := range sc.HTTPS {
		h := &sc.HTTPS[i]
		l, err := s.secureModelled(h, uint16(cmp.Or(h.Port, 443+i)))
		if err != nil {
			return fmt.Errorf("scenario %s: %w", s.plan.Scenario.Name, err)
		}
		w.HTTPS = append(w.HTTPS, l)
		secure = append(secure, netip.AddrPortFrom(addr, l.Port))
	}
	s.modelled = w
	s.modelSIP(addr)
	s.values = s.addresses(plainPorts{netip.AddrPortFrom(addr, w.TFTP), netip.AddrPortFrom(addr, w.HTTP), netip.AddrPortFrom(addr, portOf(sc.Syslog, 514)), s.sip.at}, secure)
	return nil
}

// portOf returns the port of a listener in virtual time, 0 for none.
func portOf(p scenarios.Port, usual int) uint16 {
	if p.Off {
		return 0
	}
	return uint16(cmp.Or(p.Number, usual))
}

// certified returns the MAC address in a device's certificate.
func (s *server) certified(u *device.Unit) string {
	if s.certs.Holder.Kind(u) != certs.OwnCertificate {
		return ""
	}
	return u.MAC.String()
}

// secureModelled returns a listener of virtual time.
func (s *server) secureModelled(h *scenarios.HTTPS, port uint16) (modelled.Secure, error) {
	l, err := s.secure(h)
	l.Port = port
	if h.Client == "match" {
		l.Responder = s.core.Matching(s.certified)
	}
	return l, err
}

// secure describes a listener for a judged handshake.
func (s *server) secure(h *scenarios.HTTPS) (l modelled.Secure, err error) {
	l.Server, l.Modern, err = h.Judged(s.certs.PKI, s.plan.Scenario.Server.Host(), s.today)
	return l, err
}

// clock is the fleet's time, or the time of its start before there is a fleet.
func (s *server) clock() int64 {
	if f := s.texts.fleet.Load(); f != nil {
		return f.Now()
	}
	return time.Now().UnixNano()
}

// today is the date by which servers judge certificates.
func (s *server) today() time.Time { return time.Unix(0, s.clock()) }

// fill gives the server its files, and the devices its addresses.
func (s *server) fill(core *prov.Core) error {
	files, err := s.files(s.now)
	if err == nil {
		err = core.SetFiles(files)
	}
	for i := range s.plan.Groups {
		if err == nil {
			err = s.fillGroup(&s.plan.Groups[i])
		}
	}
	return err
}

// fillGroup fills in the server's addresses in what a group starts with.
func (s *server) fillGroup(g *fleet.Group) (err error) {
	if g.RCURL, err = expression.Fill(g.RCURL, s.values); err != nil {
		return fmt.Errorf("fleet.%s.rc: %w", g.Name, err)
	}
	for name, value := range g.Presets {
		if g.Presets[name], err = expression.Fill(value, s.values); err != nil {
			return err
		}
	}
	fill := func(text string) (string, error) { return expression.Fill(text, s.values) }
	if of := s.plan.Scenario.Group(g.Name); of.Classed(g.Row) {
		if err := of.Fill(&g.Lease, fill); err != nil {
			return fmt.Errorf("fleet.%s.lease: %w", g.Name, err)
		}
	}
	if g.Lease.TFTPServer == "" && !s.plan.Scenario.Leaseless(g.Name, g.Row) {
		g.Lease.TFTPServer = s.values["server.tftp"]
	}
	return nil
}

// plainPorts are where there is no certificate; the zero value for none.
type plainPorts struct{ tftp, http, syslog, sip netip.AddrPort }

// addresses returns what ${…} stands for. Plain servers go by address, unless there are
// several of them; those with a certificate by the name that is in it.
func (s *server) addresses(p plainPorts, at []netip.AddrPort) map[string]string {
	sc := s.plan.Scenario.Server
	values := map[string]string{"server.name": sc.Host()}
	for name, at := range map[string]netip.AddrPort{"server.tftp": p.tftp, "server.http": p.http, "server.syslog": p.syslog, "server.sip": p.sip} {
		switch {
		case at.Port() == 0:
		case sc.Replicas > 1 && name != "server.syslog" && name != "server.sip": // these are one port
			values[name] = net.JoinHostPort(sc.Host(), strconv.Itoa(int(at.Port())))
		default:
			values[name] = at.String()
		}
	}
	for i, key := range sc.HTTPSKeys() {
		place := net.JoinHostPort(sc.Host(), strconv.Itoa(int(at[i].Port())))
		if i == 0 {
			values["server.https"] = place
		}
		if values[key] == "" {
			values[key] = place
		}
	}
	return values
}

// files returns the files with their ${…} filled in.
func (s *server) files(of *scenarios.Server) (map[string]prov.Entry, error) {
	files := map[string]prov.Entry{}
	for path, e := range of.Files {
		for _, text := range []*string{&path, &e.Body, &e.Key, &e.Location} {
			filled, err := expression.Fill(*text, s.values)
			if err != nil {
				return nil, err
			}
			*text = filled
		}
		files[path] = e
	}
	return files, nil
}

// close ends the embedded server, if there is one. A TFTP transfer whose
// device fell silent holds it for some seconds, unless the run was interrupted:
// then its end is left to that of the program.
func (s *server) close(interrupted bool) {
	s.syslog.close()
	s.sip.server.Close()
	if s.core != nil {
		defer s.core.Close() // of a folder that was only read
	}
	if s.sockets == nil {
		return
	}
	closed := make(chan struct{})
	go func() {
		s.each((*prov.Server).Close)
		close(closed)
	}()
	if !interrupted {
		<-closed
		return
	}
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
}

// closeWait is how long an interrupted run waits for the server's last transfers.
const closeWait = 500 * time.Millisecond

// text returns a step's text for a device. The plan has checked it; what fails
// only now is "", as a wrong expression is false.
func (s *server) text(text string, u *device.Unit) string {
	filled, err := expression.Fill(text, s.values)
	if err != nil {
		return ""
	}
	var r prov.Rotation
	if s.pairs != nil {
		mac := u.MAC.String()
		now := s.pairs.At(mac, s.pairs.Generation(mac))
		r = prov.Rotation{Asked: now, Next: now}
	}
	value, err := s.texts.expand(filled, prov.Asker{Unit: u}, r)
	if err != nil {
		return ""
	}
	return value
}

// rotate gives a device new secrets.
func (s *server) rotate(u *device.Unit) {
	if s.pairs != nil {
		s.pairs.Rotate(u.MAC.String())
	}
}
