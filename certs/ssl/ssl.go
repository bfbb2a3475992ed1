// Package ssl speaks SSL 3.0, TLS 1.0 and TLS 1.1 as the devices' firmware does:
// bare hellos, old suites, OpenSSL's alerts, no server name, no resumption. A
// small server side stands in for a provisioning server in tests and demos.
// [Connect] and [Listener] are where to begin.
//
// These protocols are broken. The package imitates devices towards the one server
// that its user named. It protects nothing: keys leak by side channels, and random
// bytes may follow from a seed.
package ssl

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"io"
	"time"
)

// A Version is a protocol version as it stands on the wire.
type Version uint16

const (
	SSL30 Version = 0x0300
	TLS10 Version = 0x0301
	TLS11 Version = 0x0302
)

// String returns ssl3, tls1.0 or tls1.1.
func (v Version) String() string {
	switch v {
	case SSL30:
		return "ssl3"
	case TLS10:
		return "tls1.0"
	case TLS11:
		return "tls1.1"
	}
	return fmt.Sprintf("Version(%#04x)", uint16(v))
}

// A Suite is a cipher suite as it stands on the wire.
type Suite uint16

// The suites that the devices' firmware names. Export suites can be offered but not
// used: a server that picks one gets a handshake_failure.
const (
	ExportRC4MD5     Suite = 0x0003
	RC4MD5           Suite = 0x0004
	RC4SHA           Suite = 0x0005
	DES3SHA          Suite = 0x000a
	DHEDES3SHA       Suite = 0x0016
	AES128SHA        Suite = 0x002f
	DHEAES128SHA     Suite = 0x0033
	AES256SHA        Suite = 0x0035
	DHEAES256SHA     Suite = 0x0039
	Export1024RC4MD5 Suite = 0x0060
	Export1024DESSHA Suite = 0x0062
)

// suiteNames are OpenSSL's.
var suiteNames = map[Suite]string{
	ExportRC4MD5: "EXP-RC4-MD5", RC4MD5: "RC4-MD5", RC4SHA: "RC4-SHA", DES3SHA: "DES-CBC3-SHA", DHEDES3SHA: "DHE-RSA-DES-CBC3-SHA",
	AES128SHA: "AES128-SHA", DHEAES128SHA: "DHE-RSA-AES128-SHA", AES256SHA: "AES256-SHA", DHEAES256SHA: "DHE-RSA-AES256-SHA",
	Export1024RC4MD5: "EXP1024-RC4-MD5", Export1024DESSHA: "EXP1024-DES-CBC-SHA",
}

// String returns OpenSSL's name, such as AES256-SHA.
func (s Suite) String() string {
	if name, ok := suiteNames[s]; ok {
		return name
	}
	return fmt.Sprintf("Suite(%#04x)", uint16(s))
}

// A Certificate is what one side shows: its chain in DER, its own certificate first,
// and the key. A client also signs with a key that does not belong to the
// certificate.
type Certificate struct {
	Chain [][]byte
	// Key signs crypto.MD5SHA1 digests; for a server it is a crypto.Decrypter of
	// PKCS #1 v1.5 too. A *rsa.PrivateKey does both; [NewKey] makes it faster.
	Key crypto.Signer
}

// A Reaction is what a client does when the server's prime is too long for it.
type Reaction uint8

const (
	ReactAlert   Reaction = iota // sends handshake_failure
	ReactClose                   // closes without a word
	ReactSilence                 // says nothing, and waits until its deadline or until the server closes
)

// A Renegotiation is how a client reacts to a HelloRequest.
type Renegotiation uint8

const (
	Renegotiate   Renegotiation = iota // shakes hands again
	RefuseHello                        // answers with the warning no_renegotiation; SSL 3.0 has none, and says nothing
	IgnoreHello                        // reads on
	FailCertified                      // shakes hands again, and fails where the server then asks for a certificate (CSCuu14196)
)

// A Client is how one firmware's client speaks, with the certificate of one
// device. It is only read, and may serve many connections at once.
type Client struct {
	Min, Max  Version // 0: SSL 3.0, TLS 1.0
	Suites    []Suite // in the order in which they are offered
	SSL2Hello bool    // the first hello has the format of SSL 2.0
	// SSL2Specs are what a hello in that format offers, 24 bits each, in their order:
	// Suites, and those of SSL 2.0, which cannot be used here. Nil: Suites alone.
	SSL2Specs      []uint32
	EmptyFragments bool // an empty record before each one of data, with CBC suites below TLS 1.1
	MostDHBits     int  // longest prime taken; 0: any
	OnLongDH       Reaction
	OnHelloRequest Renegotiation
	// Verify judges what the server showed, DER, its own certificate first, which
	// is not empty. The number is OpenSSL's X509_V_ERR, 0 for accepted; the key
	// is that of the first certificate. Nil accepts every certificate that can
	// be parsed.
	Verify func(chain [][]byte) (key *rsa.PublicKey, number int)
	// Certificate is shown to a server that asks. Nil shows none: an empty list,
	// in SSL 3.0 the warning no_certificate.
	Certificate *Certificate
	// Think is called before the key exchange is computed, to imitate a slow
	// processor; an error ends the handshake. Nil does not wait.
	Think func(serverKeyBits int) error
	// KeyLog takes a line in the NSS key log format once the secrets of a connection are
	// agreed on, so that a capture of it can be decrypted; nil: they are told to nobody.
	KeyLog io.Writer
	Now    func() time.Time // for the time in the hello; nil: chance stands there
	Rand   io.Reader        // nil: crypto/rand; to serve many at once, it must be able to
}

// A Server is how the small server side speaks. It is only read, and may serve
// many connections at once.
type Server struct {
	Min, Max    Version // 0: SSL 3.0, TLS 1.0
	NoSSL2      bool    // a hello in the format of SSL 2.0 ends the connection without a word
	Suites      []Suite // in the order of preference: the first that the client offers is taken
	Certificate *Certificate
	DHBits      int // length of the prime for DHE suites: 512, 768, 1024, 1536, 2048 or 4096; 0 leaves them out
	Ask         Asking
	Names       [][]byte // DER names of the authorities that clients are told
	// Verify judges a client's certificates, DER, its own first; it is called
	// also with an empty list where the client has none. The number is OpenSSL's
	// X509_V_ERR, 0 for accepted; another one ends the handshake with OpenSSL's
	// alert for it. Nil accepts every certificate, and none.
	Verify func(chain [][]byte) (key *rsa.PublicKey, number int)
	Rand   io.Reader // nil: crypto/rand; to serve many at once, it must be able to
}

// Asking says when a server asks for a client's certificate.
type Asking uint8

const (
	AskNever Asking = iota
	AskFirst        // in the first handshake
	AskLater        // in a second handshake, between the first data and the Read that returns it (as Apache does for a directory)
)

// NoAlert is the Alert of a connection that ended without one.
const NoAlert Alert = 255

// An Alert is an alert's number on the wire.
type Alert uint8

// An Error is a connection that failed.
type Error struct {
	Alert  Alert // the fatal alert, NoAlert where there was none
	Sent   bool  // it was this side that sent the alert
	Verify int   // X509_V_ERR of the certificate that was refused, 0 for another cause
	DHBits int   // of the prime that was too long, 0 for another cause
	Cause  error // for a person
}

// State is the result of a handshake.
type State struct {
	Version  Version
	Suite    Suite
	Chain    [][]byte // what the other side showed, DER
	Asked    bool     // of a client: the server asked for a certificate
	Answered bool     // of a client: it had one to show
	Names    [][]byte // of a client: DER names of the authorities that the server told
	DHBits   int      // length of the prime, 0 without DHE
	Random   [32]byte // of the client's hello; most clients have the time in the first four bytes
}
