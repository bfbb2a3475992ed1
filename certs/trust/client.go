package trust

import (
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/device/model"
)

// TLS12 is the version that package ssl does not speak.
const TLS12 ssl.Version = 0x0303

// Suite lists as firmwares offer them, in their order (tls.md §3.1, §3.2).
var suiteLists = map[string][]ssl.Suite{
	// The guide's table: documented for 2.0.6.
	"sipura": {ssl.DHEAES256SHA, ssl.AES256SHA, ssl.DHEAES128SHA, ssl.AES128SHA, ssl.RC4SHA, ssl.RC4MD5,
		ssl.Export1024DESSHA, ssl.Export1024RC4MD5, ssl.ExportRC4MD5},
	// SSL_Key_Negotiation RSA of 7.6.2f: field.
	"rsa": {ssl.AES256SHA, ssl.AES128SHA},
	// Of a device without AES (bug 6), for tests of servers: inferred.
	"rc4": {ssl.RC4SHA, ssl.RC4MD5, ssl.DES3SHA},
	// OpenSSL 0.9.7's own list without Kerberos and IDEA, as programs of its time name
	// it: it is the library of 7.5.2b (image). The numbers are those of suites that
	// package ssl does not speak: DSS, DES and export.
	"library": {ssl.DHEAES256SHA, 0x0038, ssl.AES256SHA, ssl.DHEDES3SHA, 0x0013, ssl.DES3SHA, ssl.DHEAES128SHA, 0x0032, ssl.AES128SHA,
		0x0066, ssl.RC4SHA, ssl.RC4MD5, 0x0063, ssl.Export1024DESSHA, 0x0061, 0x0015, 0x0012, 0x0009, 0x0065, 0x0064, ssl.Export1024RC4MD5,
		0x0014, 0x0011, 0x0008, 0x0006, ssl.ExportRC4MD5},
	// That of OpenSSL 0.9.8, from memory: inferred.
	"library98": {ssl.DHEAES256SHA, 0x0038, ssl.AES256SHA, ssl.DHEDES3SHA, 0x0013, ssl.DES3SHA, ssl.DHEAES128SHA, 0x0032, ssl.AES128SHA,
		ssl.RC4SHA, ssl.RC4MD5, 0x0015, 0x0012, 0x0009, 0x0014, 0x0011, 0x0008, 0x0006, ssl.ExportRC4MD5},
}

// ssl2Suites are the seven of SSL 2.0 that a library's list has besides, each behind
// the suite of the same strength after which it comes.
var ssl2Suites = []struct {
	behind ssl.Suite
	number uint32
	name   string
}{
	{ssl.DES3SHA, 0x0700c0, "DES-CBC3-MD5"}, {ssl.AES128SHA, 0x030080, "RC2-CBC-MD5"}, {ssl.RC4MD5, 0x010080, "RC4-MD5"}, {ssl.RC4MD5, 0x080080, "RC4-64-MD5"},
	{0x0009, 0x060040, "DES-CBC-MD5"}, {0x0006, 0x040080, "EXP-RC2-CBC-MD5"}, {ssl.ExportRC4MD5, 0x020080, "EXP-RC4-MD5"},
}

// ssl2Specs returns what a hello in the format of SSL 2.0 offers, nil for the suites of
// the list alone: that the guide's table leaves out those of SSL 2.0 is taken to mean
// that the firmware does too.
func ssl2Specs(list string) []uint32 {
	if list != "library" && list != "library98" {
		return nil
	}
	var specs []uint32
	for _, s := range suiteLists[list] {
		specs = append(specs, uint32(s))
		for _, old := range ssl2Suites {
			if old.behind == s {
				specs = append(specs, old.number)
			}
		}
	}
	return specs
}

// modernLists are the suites of the same names for TLS 1.2, as far as crypto/tls
// has them, in its order (inferred: no device of these models is known to speak it).
var modernLists = map[string][]uint16{
	"sipura":  {tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_RC4_128_SHA},
	"rsa":     {tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA},
	"rc4":     {tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA},
	"library": libraryModern, "library98": libraryModern,
}

var libraryModern = []uint16{
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
}

// tlsParams are the two parameters of 7.6.2, of which some models have one alone. The zero
// value has their factory values, and is that of firmware without them.
type tlsParams struct {
	ssl3    bool // Enable_SSLv3
	library bool // SSL_Key_Negotiation is not RSA
}

func tlsParamsOf(r *model.Row, p device.Params) (w tlsParams) {
	if _, ok := r.Lookup("Enable_SSLv3"); ok {
		w.ssl3 = p.Bool("Enable_SSLv3", false)
	}
	if _, ok := r.Lookup("SSL_Key_Negotiation"); ok {
		negotiation, _ := p.Lookup("SSL_Key_Negotiation")
		w.library = negotiation == "Default"
	}
	return w
}

// versions returns the least and the newest that a firmware speaks.
func (w tlsParams) versions(r *model.Row) (least, most ssl.Version) {
	switch v := r.Behaviour.TLS.Versions; {
	case v[1] != 0:
		return ssl.Version(v[0]), ssl.Version(v[1])
	case w.ssl3:
		return ssl.SSL30, ssl.TLS10
	}
	return ssl.TLS10, ssl.TLS10
}

// list returns the name of the suites that a firmware offers.
func (w tlsParams) list(r *model.Row) string {
	switch name := r.Behaviour.TLS.Suites; {
	case name != "parameter":
		return name
	case w.library:
		return "library"
	}
	return "rsa"
}

// ssl2Hello reports whether the first hello has the format of SSL 2.0.
func (w tlsParams) ssl2Hello(r *model.Row) bool {
	form := r.Behaviour.TLS.HelloForm
	return form == "ssl2" || form == "parameter" && w.ssl3
}

// Speaks12 reports whether a row's firmware speaks TLS 1.2, alone or with earlier
// versions. Its connections are those of [Devices.Modern], all others those of
// [Devices.Client].
func Speaks12(r *model.Row) bool { return r.Behaviour.TLS.Versions[1] >= uint16(TLS12) }

// clients are a row's, without what differs from device to device, by tlsParams.
type clients map[tlsParams]ssl.Client

func newClients(r *model.Row) clients {
	c, b := clients{}, &r.Behaviour.TLS
	for _, w := range []tlsParams{{}, {library: true}, {ssl3: true}, {true, true}} {
		least, most := w.versions(r)
		c[w] = ssl.Client{Min: least, Max: most, Suites: suiteLists[w.list(r)], SSL2Hello: w.ssl2Hello(r), SSL2Specs: ssl2Specs(w.list(r)), EmptyFragments: b.Fragments,
			MostDHBits: b.MostDHBits, OnLongDH: longDH[b.OnLongDH], OnHelloRequest: helloRequest[b.Hello]}
	}
	return c
}

// Client returns the HTTPS client of a device with its parameters, at a moment of the
// clock by which it judges certificates: see [device.Params.CertificateTime]. Verify and Certificate are set; the caller sets Think, to wait for
// Behaviour.TLS.Think. The client may make many connections at about that moment.
// For firmware that speaks TLS 1.2 it is an error: see [Devices.Modern].
func (d *Devices) Client(u *device.Unit, p device.Params, now time.Time) (*ssl.Client, error) {
	if Speaks12(u.Row) {
		return nil, fmt.Errorf("%s %s speaks TLS 1.2 here, which is none of package ssl's", u.Row.Model.Name, u.Row.Firmware.Version)
	}
	s, err := d.rowTLS(u.Row)
	if err != nil {
		return nil, err
	}
	c := s.clients[tlsParamsOf(u.Row, p)]
	if c.Certificate, err = d.certificate(u); err != nil {
		return nil, err
	}
	c.Now = func() time.Time { return now }
	c.Verify = func(chain [][]byte) (*rsa.PublicKey, int) { return d.judge(s.store, chain, now) }
	return &c, nil
}

func (d *Devices) certificate(u *device.Unit) (*ssl.Certificate, error) {
	if d.Holder == nil {
		return nil, nil
	}
	c, _, err := d.Holder.Certificate(u)
	return c, err
}

// A VerifyError is a server's certificate that a device with TLS 1.2 refuses. For
// other versions the same is in *[ssl.Error].
type VerifyError struct{ Number int } // OpenSSL's

// Error returns the line of the device's syslog.
func (e *VerifyError) Error() string { return fmt.Sprintf(logVerify, e.Number) }

// ModernAlert returns the alert that ended a connection of [Devices.Modern], and
// whether it was this side's; NoAlert for other errors. crypto/tls has the number
// in the error's text alone. Of a *[VerifyError] the alert is 42.
func ModernAlert(err error) (a ssl.Alert, sent bool) {
	var refused *VerifyError
	if errors.As(err, &refused) {
		return ssl.BadCertificate, true
	}
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" && op.Op != "local error" {
		return ssl.NoAlert, false
	}
	for n := range uint8(ssl.NoAlert) {
		if tls.AlertError(n).Error() == op.Err.Error() {
			return ssl.Alert(n), op.Op == "local error"
		}
	}
	return ssl.NoAlert, false
}

// pkcs1 keeps crypto/tls from signing with PSS, which the keys of package ssl do
// not do.
var pkcs1 = []tls.SignatureScheme{tls.PKCS1WithSHA256, tls.PKCS1WithSHA384, tls.PKCS1WithSHA512, tls.PKCS1WithSHA1}

// Modern is [Devices.Client] for firmware that speaks TLS 1.2: no server name, no
// resumption, the device's own rules for certificates, of which a refusal is a
// *[VerifyError]. What crypto/tls cannot have otherwise is Go's: extensions, alerts
// (always 42 for a certificate), no DHE, server keys of 1024 to 8192 bits.
func (d *Devices) Modern(u *device.Unit, p device.Params, now time.Time) (*tls.Config, error) {
	if !Speaks12(u.Row) {
		return nil, fmt.Errorf("%s %s does not speak TLS 1.2", u.Row.Model.Name, u.Row.Firmware.Version)
	}
	s, err := d.rowTLS(u.Row)
	if err != nil {
		return nil, err
	}
	own, err := d.certificate(u)
	if err != nil {
		return nil, err
	}
	w := tlsParamsOf(u.Row, p)
	least, most := w.versions(u.Row)
	return &tls.Config{
		MinVersion: uint16(least), MaxVersion: uint16(most), CipherSuites: modernLists[w.list(u.Row)],
		SessionTicketsDisabled: true,
		InsecureSkipVerify:     true, // VerifyPeerCertificate has the device's own rules
		VerifyPeerCertificate: func(chain [][]byte, _ [][]*x509.Certificate) error {
			if _, number := d.judge(s.store, chain, now); number != 0 {
				return &VerifyError{number}
			}
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown(own), nil },
		Renegotiation:        renegotiation(u.Row),
		Time:                 func() time.Time { return now },
	}, nil
}

// shown returns a device's certificate for crypto/tls: an empty one for none.
func shown(c *ssl.Certificate) *tls.Certificate {
	if c == nil {
		return &tls.Certificate{}
	}
	var key crypto.PrivateKey = c.Key
	return &tls.Certificate{Certificate: c.Chain, PrivateKey: key, SupportedSignatureAlgorithms: pkcs1}
}

func renegotiation(r *model.Row) tls.RenegotiationSupport {
	if r.Behaviour.TLS.Hello == model.Renegotiate {
		return tls.RenegotiateFreelyAsClient
	}
	return tls.RenegotiateNever
}

// longDH and helloRequest are the words of the firmware table in those of ssl.
var (
	longDH = map[model.Reaction]ssl.Reaction{model.ReactAlert: ssl.ReactAlert, model.ReactClose: ssl.ReactClose, model.ReactSilence: ssl.ReactSilence}

	helloRequest = map[model.Renegotiation]ssl.Renegotiation{
		model.Renegotiate: ssl.Renegotiate, model.RefuseHello: ssl.RefuseHello,
		model.IgnoreHello: ssl.IgnoreHello, model.FailCertified: ssl.FailCertified,
	}
)
