package trust

import (
	"fmt"
	"net/netip"

	"spafleet/certs"
	"spafleet/device/model"
)

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
	name, ok := certs.FirstCN(leaf)
	return !ok || asciiEqual(name, host)
}

// NameToResolve returns the name that a firmware looks up after the handshake, to
// compare the server's address with what is found (switch name_check cn_dns:
// documented for old firmware); false where it looks nothing up.
func NameToResolve(r *model.Row, leaf []byte) (name string, ok bool) {
	if r.Behaviour.TLS.NameCheck != "cn_dns" {
		return "", false
	}
	if name, ok = certs.FirstCN(leaf); !ok {
		return "", false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "", false
	}
	return name, true
}

// AddressFits reports whether the server's address is one of those found for
// [NameToResolve]; if the lookup failed, found is empty. A CN that is an address
// itself must be the server's; a certificate without a CN passes (inferred). For
// firmware that looks nothing up it is true.
func AddressFits(r *model.Row, leaf []byte, server netip.Addr, found []netip.Addr) bool {
	if r.Behaviour.TLS.NameCheck != "cn_dns" {
		return true
	}
	name, ok := certs.FirstCN(leaf)
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
	logNoTCP  = "create tcp connection failed"
	LogNoSSL  = "create ssl connection failed"
	logVerify = "ssl cert err %d"
	logName   = "Cannot verify host name:%s, %d"
)

// LogLines returns what a device writes to its syslog when a handshake failed, or
// when the name did not fit after it. The number is that of the verification, 0 for
// any other cause, [WrongName] for the name. The order of the lines is inferred. For
// a server that was not reached the line is logNoTCP.
func LogLines(number int, host string) []string {
	switch number {
	case verifyOK, unreadable:
		return []string{LogNoSSL}
	case WrongName:
		return []string{fmt.Sprintf(logName, host, number)}
	}
	return []string{fmt.Sprintf(logVerify, number), LogNoSSL}
}
