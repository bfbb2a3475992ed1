package certs

import (
	"bytes"
	"fmt"
	"net/netip"

	"spafleet/device/model"
)

const longestName = 255 // characters of a CN that the firmware looks at (7.6.2f: field)

// NameFits applies the firmware's rule to a server certificate, DER, after the
// handshake: its first CN, cut at the first slash, must be the URL's host, upper
// and lower case alike. It knows no wildcard and no other name, an address in the
// URL must be the CN, and a certificate without any CN passes (7.6.2f: field;
// other firmware: inferred). Where the switch name_check is not cn it is true; for
// cn_dns see [NameToResolve].
func NameFits(r *model.Row, leaf []byte, host string) bool {
	if r.Behaviour.TLS.NameCheck != "cn" {
		return true
	}
	name, ok := firstCN(leaf)
	return !ok || asciiEqual(name, host)
}

// NameToResolve returns the name that a firmware looks up after the handshake, to
// compare the server's address with what is found (switch name_check cn_dns:
// documented for old firmware); false where it looks nothing up.
func NameToResolve(r *model.Row, leaf []byte) (name string, ok bool) {
	if r.Behaviour.TLS.NameCheck != "cn_dns" {
		return "", false
	}
	if name, ok = firstCN(leaf); !ok {
		return "", false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "", false
	}
	return name, true
}

// AddressFits decides with the addresses that were found for [NameToResolve],
// none where that failed. A CN that is an address itself must be the server's; a
// certificate without any CN passes (inferred). For firmware that looks nothing up
// it is true.
func AddressFits(r *model.Row, leaf []byte, server netip.Addr, found []netip.Addr) bool {
	if r.Behaviour.TLS.NameCheck != "cn_dns" {
		return true
	}
	name, ok := firstCN(leaf)
	if !ok {
		return true
	}
	if a, err := netip.ParseAddr(name); err == nil {
		found = []netip.Addr{a}
	}
	for _, a := range found {
		if a.Unmap() == server.Unmap() {
			return true
		}
	}
	return false
}

var (
	derCommonName = []byte{0x55, 0x04, 0x03}
	cnEnds        = "/\x00"
)

// firstCN returns the first CN of a certificate as far as the firmware reads
// it; false where there is none. That it ends at a zero, as all text in C does, is
// inferred.
func firstCN(leaf []byte) (string, bool) {
	_, subject := fieldsOf(leaf)
	for len(subject) > 0 {
		_, set, rest, ok := element(subject)
		if !ok {
			return "", false
		}
		for len(set) > 0 {
			_, attribute, more, ok := element(set)
			if !ok {
				return "", false
			}
			if name, ok := nameIn(attribute); ok {
				return name, true
			}
			set = more
		}
		subject = rest
	}
	return "", false
}

// nameIn returns the value of an attribute that is a CN.
func nameIn(attribute []byte) (string, bool) {
	_, id, rest, _ := element(attribute)
	_, value, _, ok := element(rest)
	if !ok || !bytes.Equal(id, derCommonName) {
		return "", false
	}
	value = value[:min(len(value), longestName)]
	if at := bytes.IndexAny(value, cnEnds); at >= 0 {
		value = value[:at]
	}
	return string(value), true
}

// asciiEqual compares as strcasecmp does: only the letters of ASCII have two
// cases.
func asciiEqual(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// What devices write to their syslog about HTTPS (7.6.2f: field; other firmware:
// inferred).
const (
	LogNoTCP  = "create tcp connection failed"
	LogNoSSL  = "create ssl connection failed"
	logVerify = "ssl cert err %d"
	logName   = "Cannot verify host name:%s, %d"
)

// LogLines returns what a device writes to its syslog when a handshake failed, or
// the name after it did not fit: number is that of the verification, 0 for any
// other cause, [WrongName] for the name. Which line follows which is inferred. A
// server that was not reached at all is [LogNoTCP].
func LogLines(number int, host string) []string {
	switch number {
	case VerifyOK, Unreadable:
		return []string{LogNoSSL}
	case WrongName:
		return []string{fmt.Sprintf(logName, host, number)}
	}
	return []string{fmt.Sprintf(logVerify, number), LogNoSSL}
}
