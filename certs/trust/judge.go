package trust

import (
	"cmp"
	"crypto/x509"
	"net/netip"
	"slices"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/device/profile"
)

// A Server describes an HTTPS server to [Devices.Judge].
type Server struct {
	Min, Max    ssl.Version // as in [ssl.Server]; [TLS12] and above too
	Suites      []ssl.Suite // that it takes, in the order of its preference
	NoSSL2      bool        // it hangs up on a hello in the format of SSL 2.0
	ClientOrder bool        // the client's order decides, not its own
	DHBits      int         // of the prime for DHE suites; 0 leaves them out
	Chain       [][]byte    // that it shows, DER, its own certificate first
	Ask         ssl.Asking
	Verify      Verify // of the client's certificates; nil takes every one, and none
	// Status400 is that of a server which refuses clients by an answer, as nginx
	// does, not by an alert.
	Status400 bool
	Level     int // OpenSSL 3's security level: above 0 nothing before TLS 1.2 succeeds
	// Strict is that of a server which shakes hands again only with clients that
	// know RFC 5746, as OpenSSL 3 is by itself. No device here does.
	Strict bool
}

// ServerOf describes the server side of package ssl.
func ServerOf(s *ssl.Server) *Server {
	return &Server{Min: s.Min, Max: s.Max, NoSSL2: s.NoSSL2, Suites: s.Suites, DHBits: s.DHBits, Chain: s.Certificate.Chain, Ask: s.Ask, Verify: s.Verify}
}

// A Visit is a device that connects to a server.
type Visit struct {
	Unit   *device.Unit
	Params device.Params
	Now    time.Time    // by the clock that the device judges certificates by
	Host   string       // of the URL
	Addr   netip.Addr   // of the server
	Found  []netip.Addr // for [NameToResolve], where the firmware asks for it
}

// A Side is who ended a connection.
type Side uint8

const (
	Nobody Side = iota
	TheDevice
	TheServer
)

var sideNames = [...]string{"nobody", "the device", "the server"}

// String returns nobody, the device or the server.
func (s Side) String() string { return sideNames[s] }

// A Verdict is the result of a visit.
type Verdict struct {
	OK         bool               // a request is answered by what the server has
	Version    ssl.Version        // 0 where there was no agreement
	Suite      ssl.Suite          // likewise
	Number     int                // OpenSSL's, of the server's certificate that the device refused; or WrongName
	Alert      ssl.Alert          // the fatal one, NoAlert for none
	By         Side               // who ended it; the server too where it says 400
	Client     int                // OpenSSL's number of the device's certificate that the server refused
	Status     int                // 400 where that was said by HTTP
	DHBits     int                // of the prime that the device did not take
	Asked      bool               // the server asked for a certificate,
	Shown      certs.Kind         // and this is what the device has
	Log        []string           // what the device writes to its syslog
	Protection profile.Protection // of what is answered
}

// Judge returns the result of a visit without a handshake: the same as that of a
// handshake between [Devices.Client] and such a server. The error is of an authority
// or certificate that could not be made or read. Judge does not consider time.
func (d *Devices) Judge(v Visit, s *Server) (Verdict, error) {
	rowTLS, err := d.rowTLS(v.Unit.Row)
	if err != nil {
		return Verdict{}, err
	}
	h := &handshakeModel{devices: d, rowTLS: rowTLS, visit: v, server: s, client: clientOf(rowTLS, v), verdict: Verdict{Alert: ssl.NoAlert}}
	for _, step := range handshakeSteps {
		on, err := step(h)
		if err != nil {
			return Verdict{}, err
		}
		if !on {
			return h.verdict, nil
		}
	}
	h.verdict.OK, h.verdict.Protection = true, profile.TLS
	if h.mutual {
		h.verdict.Protection |= profile.Mutual
	}
	return h.verdict, nil
}

// A handshakeModel is the state of one Judge.
type handshakeModel struct {
	devices *Devices
	rowTLS  *rowTLS
	visit   Visit
	server  *Server
	client  ssl.Client
	mutual  bool // the device showed a certificate of its own
	verdict Verdict
}

// handshakeSteps are the steps of a connection in their order; each returns whether
// the next one follows.
var handshakeSteps = []func(*handshakeModel) (bool, error){
	(*handshakeModel).readHello, (*handshakeModel).agreeOnVersion, (*handshakeModel).agreeOnSuite, (*handshakeModel).mindLevel, (*handshakeModel).takeHello, (*handshakeModel).verifyServer,
	(*handshakeModel).takePrime, (*handshakeModel).showAtOnce, (*handshakeModel).checkName, (*handshakeModel).answerRequest, (*handshakeModel).showLater,
}

// clientOf returns how the device speaks. For TLS 1.2 only the versions and suites
// of it hold.
func clientOf(s *rowTLS, v Visit) ssl.Client {
	w := tlsParamsOf(v.Unit.Row, v.Params)
	c := s.clients[w]
	if Speaks12(v.Unit.Row) {
		c.Suites = nil
		for _, n := range modernLists[w.list(v.Unit.Row)] {
			c.Suites = append(c.Suites, ssl.Suite(n))
		}
		c.MostDHBits = 0
	}
	return c
}

// ends ends the visit by an alert before the request, which the syslog reports.
func (h *handshakeModel) ends(by Side, a ssl.Alert, version ssl.Version) (bool, error) {
	h.verdict.By, h.verdict.Alert = by, a.In(version)
	h.verdict.Log = LogLines(h.verdict.Number, h.visit.Host)
	return false, nil
}

// readHello is the server that reads the first hello.
func (h *handshakeModel) readHello() (bool, error) {
	if h.server.NoSSL2 && h.client.SSL2Hello {
		return h.disagree(TheServer, ssl.NoAlert, h.client.Max)
	}
	return true, nil
}

func (h *handshakeModel) agreeOnVersion() (bool, error) {
	h.verdict.Version = min(h.client.Max, cmp.Or(h.server.Max, ssl.TLS10))
	if h.verdict.Version < max(h.server.Min, ssl.SSL30) {
		return h.disagree(TheServer, ssl.ProtocolVersion, h.client.Max)
	}
	return true, nil
}

// dheSuites need a prime of the server.
var dheSuites = []ssl.Suite{ssl.DHEAES256SHA, ssl.DHEAES128SHA, ssl.DHEDES3SHA}

// newSuites are of TLS 1.2 alone.
var newSuites = []ssl.Suite{0x003c, 0x003d, 0x009c, 0x009d, 0xc02f, 0xc030}

// unspoken are suites that are offered, but that nothing here can speak: no
// server is taken to have them.
var unspoken = []ssl.Suite{ssl.ExportRC4MD5, ssl.Export1024DESSHA, ssl.Export1024RC4MD5, 0x0061, 0x0063, 0x0064, 0x0065, 0x0066, 0x0006, 0x0008, 0x0009, 0x0011, 0x0012, 0x0013, 0x0014, 0x0015, 0x0032, 0x0038}

func (h *handshakeModel) agreeOnSuite() (bool, error) {
	first, second := h.server.Suites, h.client.Suites
	if h.server.ClientOrder {
		first, second = second, first
	}
	for _, s := range first {
		switch {
		case !slices.Contains(second, s), slices.Contains(unspoken, s):
		case slices.Contains(dheSuites, s) && h.server.DHBits == 0:
		case slices.Contains(newSuites, s) && h.verdict.Version < TLS12:
		default:
			h.verdict.Suite = s
			return true, nil
		}
	}
	return h.disagree(TheServer, ssl.HandshakeFailure, h.verdict.Version)
}

// disagree ends the visit at the hellos, without a version and a suite.
func (h *handshakeModel) disagree(by Side, a ssl.Alert, version ssl.Version) (bool, error) {
	h.verdict.Version, h.verdict.Suite = 0, 0
	return h.ends(by, a, version)
}

// mindLevel is OpenSSL 3 above security level 0, which finds no signature that is
// good enough for the old versions (measured).
func (h *handshakeModel) mindLevel() (bool, error) {
	if h.server.Level > 0 && h.verdict.Version < TLS12 {
		return h.disagree(TheServer, ssl.InternalError, h.verdict.Version)
	}
	return true, nil
}

// takeHello is the device that reads the server's hello.
func (h *handshakeModel) takeHello() (bool, error) {
	if h.verdict.Version < h.client.Min {
		return h.disagree(TheDevice, ssl.ProtocolVersion, h.verdict.Version)
	}
	return true, nil
}

func (h *handshakeModel) verifyServer() (bool, error) {
	key, number := h.devices.judge(h.rowTLS.store, h.server.Chain, h.visit.Now)
	h.verdict.Number = number
	switch {
	case number != 0 && Speaks12(h.visit.Unit.Row):
		return h.ends(TheDevice, ssl.BadCertificate, h.verdict.Version) // crypto/tls has no other
	case number != 0:
		return h.ends(TheDevice, ssl.AlertFor(number), h.verdict.Version)
	case key == nil:
		return h.ends(TheDevice, ssl.HandshakeFailure, h.verdict.Version)
	}
	return true, nil
}

// reactions are the alerts that a prime which is too long leads to.
var reactions = map[ssl.Reaction]ssl.Alert{ssl.ReactAlert: ssl.HandshakeFailure, ssl.ReactClose: ssl.NoAlert, ssl.ReactSilence: ssl.NoAlert}

func (h *handshakeModel) takePrime() (bool, error) {
	limit := h.client.MostDHBits
	if slices.Contains(dheSuites, h.verdict.Suite) && limit > 0 && h.server.DHBits > limit {
		h.verdict.DHBits = h.server.DHBits
		return h.ends(TheDevice, reactions[h.client.OnLongDH], h.verdict.Version)
	}
	return true, nil
}

// showAtOnce is a certificate that is asked for in the first handshake.
func (h *handshakeModel) showAtOnce() (bool, error) {
	if h.server.Ask != ssl.AskFirst {
		return true, nil
	}
	alert, err := h.show()
	if err != nil || alert == ssl.NoAlert {
		return true, err
	}
	return h.ends(TheServer, alert, h.verdict.Version)
}

// checkName is the firmware's own after the handshake. The server sees a visitor
// who says goodbye and asks nothing.
func (h *handshakeModel) checkName() (bool, error) {
	row, leaf := h.visit.Unit.Row, h.server.Chain[0]
	if NameFits(row, leaf, h.visit.Host) && AddressFits(row, leaf, h.visit.Addr, h.visit.Found) {
		return true, nil
	}
	h.verdict.Number = WrongName
	return h.ends(TheDevice, ssl.NoAlert, h.verdict.Version)
}

// answerRequest ends the visit if the server refuses the certificate by its answer.
func (h *handshakeModel) answerRequest() (bool, error) { return !h.says400(), nil }

func (h *handshakeModel) says400() bool {
	if h.verdict.Client == 0 || !h.server.Status400 {
		return false
	}
	h.verdict.By, h.verdict.Status = TheServer, 400
	return true
}

// showLater is a certificate that is asked for in a second handshake, after the
// request.
func (h *handshakeModel) showLater() (bool, error) {
	if h.server.Ask != ssl.AskLater {
		return true, nil
	}
	switch reaction := h.client.OnHelloRequest; {
	case reaction == ssl.IgnoreHello, reaction == ssl.RefuseHello && h.verdict.Version == ssl.SSL30: // which has no such warning
		return false, nil // both wait
	case reaction == ssl.RefuseHello, h.server.Strict:
		return h.breaks(TheServer, ssl.HandshakeFailure), nil
	case reaction == ssl.FailCertified:
		return h.breaks(TheDevice, ssl.HandshakeFailure), nil
	}
	alert, err := h.show()
	if err != nil {
		return false, err
	}
	if alert != ssl.NoAlert {
		return h.breaks(TheServer, alert), nil
	}
	return !h.says400(), nil
}

// breaks ends the visit by an alert after the request: the syslog does not report it
// (inferred).
func (h *handshakeModel) breaks(by Side, a ssl.Alert) bool {
	h.verdict.By, h.verdict.Alert = by, a.In(h.verdict.Version)
	return false
}

// show is the device's certificate before the server. It returns the alert by
// which the server refuses it, NoAlert where it does not, or does so by HTTP.
func (h *handshakeModel) show() (ssl.Alert, error) {
	chain, kind, sound, err := h.devices.standIn(h.visit.Unit)
	if err != nil {
		return ssl.NoAlert, err
	}
	h.verdict.Asked, h.verdict.Shown = true, kind
	if h.server.Verify != nil {
		_, h.verdict.Client = h.server.Verify(chain)
	}
	if h.verdict.Client == 0 && len(chain) > 0 {
		h.verdict.Client = tooWeak(chain[0], h.server.Level)
	}
	switch {
	case h.verdict.Client != 0 && h.server.Status400 && sound:
		return ssl.NoAlert, nil // it says so later
	case h.verdict.Client != 0 && len(chain) == 0 && !h.server.Status400:
		return ssl.HandshakeFailure, nil
	case h.verdict.Client == weakKey && !h.server.Status400, h.verdict.Client == weakHash && !h.server.Status400:
		return ssl.BadCertificate, nil
	case h.verdict.Client != 0 && !h.server.Status400:
		return ssl.AlertFor(h.verdict.Client), nil
	case !sound:
		return ssl.DecryptError, nil
	}
	h.mutual = kind == certs.OwnCertificate
	return ssl.NoAlert, nil
}

// OpenSSL 3's numbers of what its security level forbids.
const (
	weakKey  = 66
	weakHash = 68
)

// tooWeak returns the number by which a security level refuses a certificate, 0
// where it does not: MD5 and SHA-1 above 0, keys below 2048 bits above 1 (tls.md,
// bug 20: measured). The authority's key counts too, and goes with the device's.
func tooWeak(der []byte, level int) int {
	if level == 0 {
		return 0
	}
	c, err := certs.ReadCertificate(der)
	if err != nil || c.Key() == nil {
		return 0
	}
	switch {
	case level > 1 && c.Key().N.BitLen() < 2048:
		return weakKey
	case c.SignatureAlgorithm == x509.MD5WithRSA, c.SignatureAlgorithm == x509.SHA1WithRSA:
		return weakHash
	}
	return 0
}

// standIn returns a chain that a server judges as it does the device's own, and
// whether the device has the key to it. It is the device's where the user brought
// that; else one of the same authority, dates, length, hash and defect, of which
// there are few.
func (d *Devices) standIn(u *device.Unit) (chain [][]byte, kind certs.Kind, sound bool, err error) {
	if d.Holder == nil {
		return nil, certs.NoCertificate, true, nil
	}
	c, kind, sound, err := d.Holder.StandIn(u)
	if err != nil || c == nil {
		return nil, kind, true, err
	}
	return c.Chain, kind, sound, nil
}
