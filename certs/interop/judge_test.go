package interop_test

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"testing"
	"time"

	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device/profile"
)

// judge checks that the visit came to what a judge says without a handshake, and
// that the server speaks the version and suite that it says.
func (o *outcome) judge(t testing.TB) {
	t.Helper()
	described, err := o.server.setup.described(o.server.program)
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Unix(0, o.params.CertificateTime(o.unit.Row, o.booted(), o.at.UnixNano()))
	v := trust.Visit{Unit: &o.unit, Params: o.params, Now: clock, Host: o.host, Addr: loopback}
	if name, ok := trust.NameToResolve(o.unit.Row, described.Chain[0]); ok {
		v.Found = hosts[name]
	}
	judged, err := o.as.With(o.custom).Judge(v, described)
	if err != nil {
		t.Fatal(err)
	}
	if judged.OK {
		o.leaves(t, spoken(o.server.program, judged.Version, judged.Suite)...)
	}
	if o.server.program == nss && judged.By == trust.TheServer {
		judged.Alert = ssl.Alert(o.file.Alert) // NSS has alerts of its own; the tests name them
	}
	judged.Version, judged.Suite, judged.Client, judged.DHBits = 0, 0, 0, 0 // the device's events do not tell
	judged.Asked, judged.Shown = false, 0
	if real := o.verdict(); !reflect.DeepEqual(judged, real) {
		t.Errorf("%s at %s:\njudged %+v\nreally %+v", o.phone, o.server, judged, real)
	}
}

// verdict returns what really came of a visit, in a judge's words.
func (o *outcome) verdict() trust.Verdict {
	v := trust.Verdict{OK: o.err == "", Number: o.file.TLSError, Alert: ssl.NoAlert, Log: o.said()}
	if v.OK {
		v.Protection = o.file.Protection & (profile.TLS | profile.Mutual)
	}
	var old *ssl.Error
	var received *net.OpError
	var refused *trust.VerifyError
	switch {
	case o.file.Status == 400:
		v.By, v.Status = trust.TheServer, 400
	case o.file.TLSError == trust.WrongName:
		v.By = trust.TheDevice
	case errors.As(o.cause, &old):
		v.Alert = old.Alert
		v.By = trust.TheServer
		if old.Sent || old.Alert == ssl.NoAlert {
			v.By = trust.TheDevice
		}
	case errors.As(o.cause, &refused):
		v.By, v.Alert = trust.TheDevice, ssl.BadCertificate
	case errors.As(o.cause, &received) && received.Op == "remote error": // of crypto/tls
		v.By, v.Alert = trust.TheServer, ssl.Alert(o.file.Alert)
	}
	return v
}

// spoken returns what stands in a program's log where it spoke a version with a
// suite.
func spoken(program string, v ssl.Version, s ssl.Suite) []string {
	switch program {
	case sserver:
		return []string{fmt.Sprintf("server_version=%#x ", uint16(v)), fmt.Sprintf("cipher_suite {0x%02X, 0x%02X}", uint8(s>>8), uint8(s))}
	case "own":
		return []string{v.String() + " " + s.String()}
	case nss:
		return []string{fmt.Sprintf("SSL version 3.%d using %s", v&0xff, nssWords[s])}
	}
	for _, name := range versions {
		if name.version == v {
			return []string{fmt.Sprintf(" 200 %s %s ", name.openssl, suiteName(s))}
		}
	}
	return []string{"TLS 1.0 or later"}
}

func suiteName(s ssl.Suite) string {
	for _, known := range opensslSuites {
		if known.number == s {
			return known.name
		}
	}
	return s.String()
}

// nssWords are what selfserv says of a suite.
var nssWords = map[ssl.Suite]string{
	ssl.RC4MD5: "128-bit RC4 with 128-bit MD5 MAC", ssl.RC4SHA: "128-bit RC4 with 160-bit SHA1 MAC", ssl.DES3SHA: "112-bit 3DES with 160-bit SHA1 MAC",
	ssl.AES128SHA: "128-bit AES with 160-bit SHA1 MAC", ssl.AES256SHA: "256-bit AES with 160-bit SHA1 MAC",
}
