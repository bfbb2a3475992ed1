package ssl

import "fmt"

// The alerts that this package sends, as they stand on the wire.
const (
	CloseNotify            Alert = 0
	UnexpectedMessage      Alert = 10
	BadRecordMAC           Alert = 20
	RecordOverflow         Alert = 22
	HandshakeFailure       Alert = 40
	NoCertificate          Alert = 41
	BadCertificate         Alert = 42
	UnsupportedCertificate Alert = 43
	CertificateRevoked     Alert = 44
	CertificateExpired     Alert = 45
	CertificateUnknown     Alert = 46
	IllegalParameter       Alert = 47
	UnknownCA              Alert = 48
	DecodeError            Alert = 50
	DecryptError           Alert = 51
	ProtocolVersion        Alert = 70
	InternalError          Alert = 80
	NoRenegotiation        Alert = 100
)

var alertNames = map[Alert]string{
	CloseNotify: "close_notify", UnexpectedMessage: "unexpected_message", BadRecordMAC: "bad_record_mac", 21: "decryption_failed",
	RecordOverflow: "record_overflow", 30: "decompression_failure", HandshakeFailure: "handshake_failure", NoCertificate: "no_certificate",
	BadCertificate: "bad_certificate", UnsupportedCertificate: "unsupported_certificate", CertificateRevoked: "certificate_revoked",
	CertificateExpired: "certificate_expired", CertificateUnknown: "certificate_unknown", IllegalParameter: "illegal_parameter",
	UnknownCA: "unknown_ca", 49: "access_denied", DecodeError: "decode_error", DecryptError: "decrypt_error", 60: "export_restriction",
	ProtocolVersion: "protocol_version", 71: "insufficient_security", InternalError: "internal_error", 86: "inappropriate_fallback",
	90: "user_canceled", NoRenegotiation: "no_renegotiation", 109: "missing_extension", 110: "unsupported_extension",
	112: "unrecognized_name", 116: "certificate_required", NoAlert: "no alert",
}

// String returns the name in the standards, such as handshake_failure.
func (a Alert) String() string {
	if name, ok := alertNames[a]; ok {
		return name
	}
	return fmt.Sprintf("Alert(%d)", uint8(a))
}

// ssl3Alerts are the alerts that SSL 3.0 does not have, and what OpenSSL sends
// instead.
var ssl3Alerts = map[Alert]Alert{
	21: BadRecordMAC, RecordOverflow: BadRecordMAC, UnknownCA: BadCertificate, 49: HandshakeFailure, DecodeError: HandshakeFailure,
	DecryptError: HandshakeFailure, 60: HandshakeFailure, ProtocolVersion: HandshakeFailure, 71: HandshakeFailure,
	InternalError: HandshakeFailure, 90: HandshakeFailure, NoRenegotiation: NoAlert,
}

// In returns the alert that is sent for a in a version: SSL 3.0 has fewer alerts,
// and OpenSSL 0.9.8 replaces the others. [NoAlert] means that nothing is sent.
func (a Alert) In(v Version) Alert {
	if v == SSL30 {
		if b, ok := ssl3Alerts[a]; ok {
			return b
		}
	}
	return a
}

// verifyAlerts are OpenSSL 0.9.8's alerts by X509_V_ERR; numbers that are not
// here become certificate_unknown.
var verifyAlerts = map[int]Alert{
	2: UnknownCA, 3: UnknownCA, 33: UnknownCA, // an issuer or a revocation list is missing
	4: BadCertificate, 5: BadCertificate, 6: BadCertificate, 13: BadCertificate, 14: BadCertificate, 15: BadCertificate, 16: BadCertificate,
	9: BadCertificate, 11: BadCertificate, 27: BadCertificate, 28: BadCertificate, // not yet valid, not trusted for this, rejected
	7: DecryptError, 8: DecryptError, // a signature is wrong
	10: CertificateExpired, 12: CertificateExpired,
	23: CertificateRevoked,
	17: InternalError,
	18: UnknownCA, 19: UnknownCA, 20: UnknownCA, 21: UnknownCA, 22: UnknownCA, 24: UnknownCA, 25: UnknownCA,
	50: HandshakeFailure,
	26: UnsupportedCertificate,
	66: BadCertificate, 67: BadCertificate, 68: BadCertificate, // a key or a hash is too weak: of later versions
}

// AlertFor returns the alert that OpenSSL 0.9.8 sends when it refuses a certificate
// with an X509_V_ERR, before [Alert.In] is applied; for 0 it is [NoAlert].
func AlertFor(number int) Alert {
	if number == 0 {
		return NoAlert
	}
	if a, ok := verifyAlerts[number]; ok {
		return a
	}
	return CertificateUnknown
}

// Error says who sent which alert, and why.
func (e *Error) Error() string {
	switch {
	case e.Alert == NoAlert:
		return e.Cause.Error()
	case e.Sent && e.Cause != nil:
		return fmt.Sprintf("%v, sent alert %v", e.Cause, e.Alert)
	case e.Sent:
		return fmt.Sprintf("sent alert %v", e.Alert)
	}
	return fmt.Sprintf("the other side sent alert %v", e.Alert)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// refuse makes an error of this side. The connection sends its alert as a fatal
// one; with NoAlert it sends nothing.
func refuse(a Alert, format string, args ...any) *Error {
	return &Error{Alert: a, Sent: a != NoAlert, Cause: fmt.Errorf(format, args...)}
}
