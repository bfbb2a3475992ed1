package trust

import (
	"fmt"
	"strings"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device/model"
)

// A Failure is what the device's side knows of a handshake that failed.
type Failure struct {
	Number int       // OpenSSL's for the certificate, [WrongName] for its name, 0 for another cause
	Alert  ssl.Alert // NoAlert for none
	Sent   bool      // by the device
	Chain  [][]byte  // that the server showed; nil where it got none
	DHBits int       // of the prime that was too long, 0 for another cause
	Host   string    // of the URL
	Now    time.Time // by the device's clock
}

// hintOf returns the likely cause of a failure. The blame is of the certificate that
// was refused.
func hintOf(r *model.Row, f Failure, b blame) string {
	switch {
	case f.Number == WrongName:
		return nameHint(r, f)
	case f.Number != 0:
		return certificateHint(r, f, b)
	case f.DHBits > 0:
		return fmt.Sprintf("the server's DH prime has %d bits, and this firmware takes at most %s (%s): use a shorter one, or no DHE; switch dh_limit=0 takes any",
			f.DHBits, r.Switch("dh_limit").Value, known(r, "dh_limit"))
	case f.Sent:
		return sentHints[f.Alert].of(r)
	}
	return receivedHints[f.Alert].of(r)
}

// known is how the value of a switch is known.
func known(r *model.Row, name string) string {
	s := r.Switch(name)
	if s.Turned {
		return "set by a switch"
	}
	return s.Evidence.String()
}

func nameHint(r *model.Row, f Failure) string {
	rule := fmt.Sprintf("this firmware knows no other names and no wildcards (%s)", known(r, "name_check"))
	if len(f.Chain) == 0 {
		return "the certificate's CN is not what the URL asks for; " + rule
	}
	name, _ := certs.FirstCN(f.Chain[0])
	if r.Behaviour.TLS.NameCheck == "cn_dns" && asciiEqual(name, f.Host) {
		return fmt.Sprintf("the CN %.80q does not resolve to the server's address, and this firmware looks it up (%s)", name, known(r, "name_check"))
	}
	return fmt.Sprintf("the certificate's CN is %.80q, and the URL asks for %.80q; %s", name, f.Host, rule)
}

// certificateHint says which certificate is at fault, and by what.
func certificateHint(r *model.Row, f Failure, b blame) string {
	if b.who == "" {
		b.who = "the server's certificate"
	}
	switch f.Number {
	case SelfSigned, SelfSignedInChain, NoLocalIssuer, NoIssuer:
		if b.sameName {
			return fmt.Sprintf("%s is of an authority %.80q that this device trusts by name, but with another key: were they made with different seeds, or was the PKI folder not given?", b.who, b.issuer)
		}
		return fmt.Sprintf("%s is of %.80q, no authority that %s %s trusts, which are %s", b.who, b.issuer, r.Model.Name, r.Firmware.Version, trustedNames(r))
	case Expired:
		return fmt.Sprintf("%s ended on %s, and this firmware looks at dates (%s)", b.who, b.to.UTC().Format(time.DateOnly), known(r, "cert_time"))
	case NotYetValid:
		return fmt.Sprintf("%s begins on %s, which is not yet by the device's clock, and this firmware refuses that (%s)", b.who, b.from.UTC().Format(time.DateOnly), known(r, "cert_early"))
	case BadSignature:
		return badSignatureHint(r, b)
	case invalidPurpose:
		return fmt.Sprintf("%s is for another purpose than a server's, and this firmware refuses that (%s)", b.who, known(r, "cert_purpose"))
	case invalidCA:
		return b.who + " signed another one, but is no authority"
	}
	return b.who + " is refused"
}

func badSignatureHint(r *model.Row, b blame) string {
	text := "the signature of " + b.who + " " + b.what
	switch {
	case strings.HasPrefix(b.what, "is "):
		return fmt.Sprintf("%s, and this firmware reads MD5 and SHA-1 only (%s); a root counts too", text, known(r, "cert_sha256"))
	case b.sameName:
		return text + ": were they made with different seeds, or was the PKI folder not given?"
	}
	return text
}

func trustedNames(r *model.Row) string {
	var names []string
	for _, t := range Trusted(r) {
		names = append(names, fmt.Sprintf("%s (%s)", t.Authority, t.Evidence))
	}
	return strings.Join(names, ", ")
}

// An alertHint is what an alert means, and the switch that what it says of the
// firmware rests on; "" for none.
type alertHint struct{ text, rests string }

func (h alertHint) of(r *model.Row) string {
	if h.rests == "" {
		return h.text
	}
	return fmt.Sprintf("%s (%s)", h.text, known(r, h.rests))
}

// receivedHints are what servers mean by their alerts (tls.md §2.2, §3.3:
// measured with OpenSSL 3.0 and NSS 3.87).
var receivedHints = map[ssl.Alert]alertHint{
	40:  {"the server has no cipher suite or version in common with the device, or wants a client certificate and got none", "tls_suites"},
	42:  {"the server refuses the device's certificate, perhaps for its MD5 or SHA-1 signature", ""},
	45:  {"the server says that the device's certificate has ended", ""},
	48:  {"the server does not know the authority of the device's certificate: give it the certificates of the client authorities", ""},
	51:  {"the server cannot verify the device's certificate or its key", ""},
	70:  {"the server wants a later version of TLS than this firmware speaks", "tls_versions"},
	80:  {"OpenSSL speaks no TLS 1.0 at its usual security level: add @SECLEVEL=0 to the server's ciphers", ""},
	116: {"the server wants a client certificate and got none", ""},
}

var sentHints = map[ssl.Alert]alertHint{
	40: {"the device cannot use what the server chose: a suite or version that it does not speak", "tls_suites"},
	70: {"the server chose a version that this firmware does not speak", "tls_versions"},
}

// ShownHint says why a server may have refused a request with status 400 or 403, by
// the kind of certificate that the device showed when it asked for one.
func ShownHint(k certs.Kind) string { return shownHints[k] }

var shownHints = map[certs.Kind]string{
	certs.OwnCertificate:       "the server asked for the device's certificate and may not know its authority, or refuse its MD5 or SHA-1 signature: give it the certificates of the client authorities",
	certs.GenericCertificate:   "the device has the generic certificate alone, which names no device",
	certs.NoCertificate:        "the server asked for a client certificate, and the device has none",
	certs.DefectiveCertificate: "the device is one of those with a defective certificate",
}
