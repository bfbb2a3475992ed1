package trust

import (
	"fmt"
	"strings"

	"spafleet/certs/ssl"
	"spafleet/device/model"
)

// A Failure is what the device's side knows of a handshake that failed.
type Failure struct {
	Number int       // OpenSSL's for the certificate, [WrongName] for its name, 0 for another cause
	Alert  ssl.Alert // NoAlert for none
	Sent   bool      // by the device
}

// Hint returns the likely cause and what to do, for a person; "" if the cause is not
// known.
func (f Failure) Hint(r *model.Row) string {
	switch f.Number {
	case selfSigned, selfSignedInChain, noLocalIssuer, noIssuer:
		return fmt.Sprintf("the server's certificate is of no authority that %s %s trusts, which are %s", r.Model.Name, r.Firmware.Version, trustedNames(r))
	case expired:
		return "the server's certificate, or the authority that signed it, has ended, and this firmware looks at dates"
	case notYetValid:
		return "the server's certificate is not valid yet by the device's clock"
	case badSignature:
		if r.Behaviour.TLS.RefuseSHA256 {
			return "a signature does not verify: this firmware reads MD5 and SHA-1 only"
		}
		return "a signature does not verify"
	case WrongName:
		return "the certificate's CN is not what the URL asks for; this firmware knows no other names and no wildcards"
	}
	if f.Sent {
		return sentHints[f.Alert]
	}
	return receivedHints[f.Alert]
}

func trustedNames(r *model.Row) string {
	var names []string
	for _, t := range Trusted(r) {
		names = append(names, string(t.Authority))
	}
	return strings.Join(names, ", ")
}

// receivedHints are what servers mean by their alerts (tls.md §2.2, §3.3:
// measured with OpenSSL 3.0 and NSS 3.87).
var receivedHints = map[ssl.Alert]string{
	40:  "the server has no cipher suite or version in common with the device, or wants a client certificate and got none",
	42:  "the server refuses the device's certificate, perhaps for its MD5 or SHA-1 signature",
	45:  "the server says that the device's certificate has ended",
	48:  "the server does not know the authority of the device's certificate: give it the certificates of the client authorities",
	51:  "the server cannot verify the device's certificate or its key",
	70:  "the server wants a later version of TLS than this firmware speaks",
	80:  "OpenSSL speaks no TLS 1.0 at its usual security level: add @SECLEVEL=0 to the server's ciphers",
	116: "the server wants a client certificate and got none",
}

var sentHints = map[ssl.Alert]string{
	40: "the device cannot use what the server chose: a DH prime that is too long, or a suite or version that it does not speak",
	70: "the server chose a version that this firmware does not speak",
}
