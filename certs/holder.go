package certs

import (
	"crypto"
	"fmt"
	"time"

	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
)

// A Holder has the devices' certificates. It makes one when a device first asks and
// keeps those used last. A certificate depends only on the PKI, the Holder's fields
// and the device, so another process makes the same bytes. A Holder may be used by
// many goroutines, and must not be copied.
type Holder struct {
	PKI    *PKI
	Pool   int         // how many keys the devices share; 0: DefaultPool
	Unique bool        // a key for each device instead
	Keep   int         // how many certificates are kept; 0: Kept
	Bits   int         // of the devices' keys; 0: as the makers did
	Hash   crypto.Hash // of the devices' certificates; 0: as the makers did
	Own    *Material   // the user's, which is preferred; nil: none

	made onceCache[spec, *ssl.Certificate]
}

// The defaults of a Holder.
const (
	DefaultPool = 64
	Kept        = 4096
)

// A Kind says which certificate a device has.
type Kind uint8

const (
	OwnCertificate       Kind = iota // it names the device; only this one makes a connection mutual
	GenericCertificate               // the one of every firmware: it names no device
	NoCertificate                    // the device has none to show
	DefectiveCertificate             // one that a server refuses
)

var kindNames = [...]string{"own", "generic", "none", "defective"}

// String returns own, generic, none or defective.
func (k Kind) String() string { return kindNames[k] }

// Certificate returns what a device shows to a server that asks; nil where it
// has nothing to show. It must not be changed.
func (h *Holder) Certificate(u *device.Unit) (*ssl.Certificate, Kind, error) {
	what := h.what(u)
	if what == none {
		return nil, NoCertificate, nil
	}
	c, err := h.certificate(u, what)
	if err != nil {
		return nil, NoCertificate, fmt.Errorf("certificate of %s %s: %w", u.Row.Model.Name, u.MAC, err)
	}
	return c, what.kind(), nil
}

// Kind returns what [Holder.Certificate] would, without making the certificate.
func (h *Holder) Kind(u *device.Unit) Kind { return h.what(u).kind() }

// StandIn returns a certificate that a server judges like the device's own: the
// user's, or one with the same authority, dates, length, hash and defect that names
// no device. There are few of these, and they are kept. sound says whether the device
// has the key to its own.
func (h *Holder) StandIn(u *device.Unit) (c *ssl.Certificate, kind Kind, sound bool, err error) {
	what := h.what(u)
	switch {
	case what == none:
		return nil, NoCertificate, true, nil
	case what == auto && h.Own.has(u.MAC):
		c, err = h.certificate(u, what)
		return c, what.kind(), true, err
	}
	s := h.spec(u, what)
	sound = !s.wrongKey
	s.product, s.unit, s.mac, s.serial, s.wrongKey = "", "", "nobody", "", false
	s.key = keyChoice{}
	c, err = h.made.get(s, positiveOr(h.Keep, Kept), func() (*ssl.Certificate, error) { return h.PKI.mint(&s) })
	return c, what.kind(), sound, err
}

func (h *Holder) certificate(u *device.Unit, what certKind) (*ssl.Certificate, error) {
	keep := positiveOr(h.Keep, Kept)
	if what == auto && h.Own.has(u.MAC) {
		return h.Own.certificate(u.MAC, keep)
	}
	s := h.spec(u, what)
	return h.made.get(s, keep, func() (*ssl.Certificate, error) { return h.PKI.mint(&s) })
}

// Status returns the value of $CCERT, without making the certificate. A device
// that shows the generic one has none installed (inferred).
func (h *Holder) Status(u *device.Unit) string {
	what := h.what(u)
	switch {
	case what == none, what == generic:
		return "Not Installed"
	case u.Row.Behaviour.TLS.CertBits:
		return fmt.Sprintf("Installed (%d bits)", h.keyBits(u, what))
	}
	return "Installed"
}

// keyBits returns the length of a device's key; 0 for one of the user's that
// cannot be read.
func (h *Holder) keyBits(u *device.Unit, what certKind) int {
	if what != auto || !h.Own.has(u.MAC) {
		return h.spec(u, what).bits
	}
	c, err := h.certificate(u, what)
	if err != nil {
		return 0
	}
	key, err := rsaOf(c.Key)
	if err != nil {
		return 0
	}
	return key.N.BitLen()
}

// A certKind is which certificate a device has, in the words of the switch
// client_certificate; auto: its own.
type certKind string

const (
	auto         certKind = "auto"
	generic      certKind = "generic"
	none         certKind = "none"
	badSignature certKind = "bad_signature"
	badKey       certKind = "wrong_key"
	expired      certKind = "expired"
	foreign      certKind = "foreign"
)

func (w certKind) kind() Kind {
	switch w {
	case auto:
		return OwnCertificate
	case generic:
		return GenericCertificate
	case none:
		return NoCertificate
	}
	return DefectiveCertificate
}

// what returns which certificate a device has.
func (h *Holder) what(u *device.Unit) certKind {
	t := &u.Row.Behaviour.TLS
	switch {
	case certKind(t.Certificate) != auto:
		return certKind(t.Certificate)
	case h.Own.has(u.MAC):
		return auto
	case u.Row.Generation == 1 && rule.CompareVersions(u.Row.Firmware.Version, "2.0.0", false) < 0:
		return generic // made before there were certificates (documented)
	case defective(u):
		return certKind(t.Defect)
	}
	return auto
}

// spec returns the specification of a device's certificate.
func (h *Holder) spec(u *device.Unit, what certKind) spec {
	if what == generic {
		return h.settled(genericSpec(u.Row.Behaviour.TLS.CiscoGeneric))
	}
	s := specOf(u)
	from, _ := manufactured(u.Row.Model, u.Serial)
	s.from = later(from, begins(s.by))
	s.to = s.from.Add(lifetime)
	s.key = keyChoice{n: place(s.mac, positiveOr(h.Pool, DefaultPool))}
	if h.Unique {
		s.key = keyChoice{label: "device " + s.mac}
	}
	switch what {
	case badSignature:
		s.badSignature = true
	case badKey:
		s.wrongKey = true
	case expired:
		s.from = begins(s.by)
		s.to = s.from.Add(365 * 24 * time.Hour)
	case foreign:
		s.by = ""
	}
	return h.settled(s)
}

// settled applies the key length and hash that the Holder sets.
func (h *Holder) settled(s spec) spec {
	s.bits = positiveOr(h.Bits, s.bits)
	if h.Hash != 0 {
		s.hash = h.Hash
	}
	return s
}

// positiveOr returns n; where n is 0 or less, the default.
func positiveOr(n, zero int) int {
	if n > 0 {
		return n
	}
	return zero
}

// lifetime is that of the generic certificate (field), and taken for all.
const lifetime = 10_950 * 24 * time.Hour

// specOf returns a device's own certificate as its maker made it.
func specOf(u *device.Unit) spec {
	s := spec{
		by: ClientRootOf(u), product: u.Row.Model.PN.Value, unit: u.Row.Model.PN.Value, mac: u.MAC.String(), serial: u.Serial,
		organization: "Sipura Technology", email: "info@sipura.com", // of Linksys' time
	}
	if u.Row.Model.Family.Generation > 2 {
		s.organization, s.email = "Cisco Small Business", "ciscosb-certadmin@cisco.com" // inferred from their authority
	}
	row, err := s.by.row()
	if err != nil {
		panic(err) // ClientRootOf returns names of the table
	}
	s.hash, s.bits = row.hash, row.bits // keys are as long as the authority's (inferred)
	return s
}

// genericSpec returns the certificate that is in every firmware, with its own
// dates (field). The Cisco words are those of later guides (documented).
func genericSpec(cisco bool) spec {
	s := spec{
		by: SipuraClient1, product: "SPA-2000", unit: "sipura.com", mac: "sipurageneric", serial: "sipurageneric",
		organization: "Sipura Technology", email: "info@sipura.com", hash: crypto.MD5, bits: 1024,
		from: day("2004-02-26", false), to: day("2034-02-18", true), key: keyChoice{label: "generic"},
	}
	if cisco {
		s.unit, s.mac, s.serial = "cisco.com", "ciscogeneric", "ciscogeneric"
	}
	return s
}

func begins(n Name) time.Time {
	row, err := n.row()
	if err != nil {
		panic(err) // ClientRootOf returns names of the table
	}
	return day(row.from, false)
}

// ClientRootOf returns the authority that signed a device's own certificate: of
// models, by what was seen of their kind (field, inferred); of Cisco's, by the
// switch client_root.
func ClientRootOf(u *device.Unit) Name {
	names := ClientRootsOf(u.Row)
	if len(names) == 1 {
		return names[0]
	}
	if from, known := manufactured(u.Row.Model, u.Serial); known && !from.Before(secondRoot) {
		return CiscoSBClient2
	}
	return CiscoSBClient1
}

// ClientRootsOf returns the authorities that may have signed the devices of a row:
// one, or two where the date of a device decides.
func ClientRootsOf(r *model.Row) []Name {
	switch {
	case linksysBranded[r.Model.Name]:
		return []Name{LinksysClient1}
	case r.Model.Family.Generation <= 2:
		return []Name{SipuraClient1}
	}
	switch r.Behaviour.TLS.ClientRoot {
	case "early":
		return []Name{CiscoSBClient1}
	case "late":
		return []Name{CiscoSBClient2}
	}
	return []Name{CiscoSBClient1, CiscoSBClient2}
}

// linksysBranded are the models with Linksys' authorities: PAP2, WRTP, RTP in the
// maker's list. WRP400 stands beside the Sipura ones there (documented).
var linksysBranded = map[string]bool{"PAP2": true, "RTP300": true, "WRTP54G": true}

// secondRoot is when Cisco's second client authority took over: the units of
// mid 2013 are the first that can have it (inferred).
var secondRoot = ciscoWeek(2013, 26)
