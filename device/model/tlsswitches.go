package model

import (
	"strings"
	"time"

	"spafleet/device/rule"
)

// TLS is how a firmware's HTTPS client behaves, and which certificate its units
// hold. Package certs makes the client of it.
type TLS struct {
	Versions   [2]uint16 // least and most, as on the wire; 0: as the parameter Enable_SSLv3 says
	Suites     string    // sipura, rsa, library, library98 or rc4; parameter: as SSL_Key_Negotiation says
	HelloForm  string    // format of the first hello: tls or ssl2; parameter: as Enable_SSLv3 says
	Fragments  bool      // an empty record before each one of data
	MostDHBits int       // 0: no limit
	OnLongDH   Reaction
	Hello      Renegotiation // how it reacts to a HelloRequest
	Think      time.Duration // before the key exchange

	Documented   bool   // trusts what the makers' list says, not what operators saw
	Verisign     bool   // trusts Verisign, where that was not tried
	CheckTime    bool   // a certificate that has ended is refused
	Clock        string // by which certificates are judged: ntp, always or never; see device.Params.CertificateTime
	RefuseEarly  bool   // and one that has not begun
	RefuseUse    bool   // and one for another purpose
	RefuseSHA256 bool   // signatures it cannot read
	NameCheck    string

	Certificate   string // which one the unit holds
	ClientRoot    string // by_serial, early or late
	CiscoGeneric  bool   // the words of the generic certificate
	CertBits      bool   // $CCERT names the size of the key
	Defect        string // what is wrong with the certificates of 2005-06
	DefectPercent int    // of the units in the range of serial numbers
}

var tlsVersions = map[string][2]uint16{
	"parameter": {}, "ssl3": {0x0300, 0x0300}, "ssl3-tls1.0": {0x0300, 0x0301}, "tls1.0": {0x0301, 0x0301},
	"ssl3-tls1.1": {0x0300, 0x0302}, "tls1.0-tls1.1": {0x0301, 0x0302}, "tls1.2": {0x0303, 0x0303}, "tls1.0-tls1.2": {0x0301, 0x0303},
}

// oneOf applies a word as it is.
func oneOf(field func(*Behaviour) *string, words ...string) func(*Behaviour, string) error {
	meanings := map[string]string{}
	for _, w := range words {
		meanings[w] = w
	}
	return word(meanings, field)
}

// A tlsEra is a stretch of firmware that speaks alike (tls.md §3.2).
type tlsEra uint8

const (
	eraSipura  tlsEra = iota // SPA1001 to SPA3000, 2.0.6 to 3.x
	eraLinksys               // PAP2T, SPA2102, SPA3102, SPA9x2: 5.x and 6.x
	era50xOld                // SPA5xx before 7.5.2b
	era50xMid                // 7.5.2b to 7.6.1
	era50xNew                // 7.6.2 and later
	era1x2                   // SPA1xx, SRP500
)

var eraNames = [...]string{"sipura-2.0.6", "linksys-5", "spa50x-old", "spa50x-7.5.2b", "spa50x-7.6.2", "spa1x2"}

func eraOf(r *Row) tlsEra {
	from := func(version string) bool { return rule.CompareVersions(r.Firmware.Version, version, false) >= 0 }
	switch {
	case r.Generation == 4:
		return era1x2
	case r.Generation == 3 && from("7.6.2"):
		return era50xNew
	case r.Generation == 3 && from("7.5.2b"):
		return era50xMid
	case r.Generation == 3:
		return era50xOld
	case from("5.0.0"):
		return eraLinksys
	}
	return eraSipura
}

// byEra gives the profiles a fact each.
func byEra(facts ...Fact) func(*Row) Fact {
	return func(r *Row) Fact { return facts[eraOf(r)] }
}

// older5xx gives SPA5xx before 7.6.2 what the image of 7.5.2b suggests, and other
// firmware what holds without it.
func older5xx(value string, otherwise func(*Row) Fact) func(*Row) Fact {
	return of752b(value, func(r *Row) Fact {
		f := otherwise(r)
		if e := eraOf(r); e == era50xOld || e == era50xMid {
			return likeImage(value, f)
		}
		return f
	})
}

// helloForm is the image's of 7.5.2b: the library of that time has no other for a
// client that speaks SSL 3.0 and TLS 1.0. Firmware as old or older is taken to be
// alike. 7.6.2 speaks TLS 1.0 alone unless Enable_SSLv3 says otherwise (field); that it
// then has the old format again is inferred.
func helloForm(r *Row) Fact {
	switch eraOf(r) {
	case eraSipura, eraLinksys:
		return likeImage("ssl2", inferred("tls"))
	case era50xNew:
		return likeImage("parameter", field("tls"))
	case era50xOld, era50xMid, era1x2:
	}
	return inferred("tls")
}

// readsSHA256 knows from when on requests for certificates were to be signed with
// SHA-256: that is documented for the SPA5xx and the SPA1xx.
func readsSHA256(r *Row) Fact {
	first := map[int]string{3: "7.5.6", 4: "1.3.3"}[r.Generation]
	switch {
	case first == "" || rule.CompareVersions(r.Firmware.Version, first, false) < 0:
		return inferred("refuse")
	case r.Model.Family == &srp500:
		return inferred("accept")
	}
	return documented("accept")
}

func longestDH(r *Row) Fact {
	switch {
	case eraOf(r) == era50xMid:
		return field("0")
	case r.Generation > 2 && eraOf(r) != era50xOld:
		return inferred("0")
	case eraOf(r) == era50xOld || r.Model.Name == "PAP2T":
		return field("1024")
	}
	return inferred("1024")
}

// helloRequest knows the one defect that has a number: CSCuu14196.
func helloRequest(r *Row) Fact {
	if (r.Model.Name == "SPA504G" || r.Model.Name == "SPA514G") && strings.HasPrefix(r.Firmware.Version, "7.5.7") {
		return field("fail")
	}
	return inferred("renegotiate")
}

func thinkTime(b *Behaviour, v string) error {
	t, err := time.ParseDuration(v)
	if err != nil || t < 0 || t > time.Minute {
		return errChoice
	}
	b.TLS.Think = t
	return nil
}

// tlsSwitches is the HTTPS client's part of the firmware table. Sources are
// sections of tls.md.
var tlsSwitches = []firmwareSwitch{
	{ // §3.1, §3.2; surface-2.md §4.7: the image's SSLv23_method would take SSL 2.0 too, which no server here speaks
		"tls_versions", "parameter, ssl3, ssl3-tls1.0, tls1.0, ssl3-tls1.1, tls1.0-tls1.1, tls1.2 or tls1.0-tls1.2",
		"protocol versions of HTTPS (parameter: TLS 1.0, with Enable_SSLv3 SSL 3.0 too)",
		of752b("ssl3-tls1.0", byEra(inferred("ssl3-tls1.0"), inferred("ssl3-tls1.0"), inferred("ssl3-tls1.0"), inferred("ssl3-tls1.0"), field("parameter"), inferred("tls1.0"))),
		word(tlsVersions, func(b *Behaviour) *[2]uint16 { return &b.TLS.Versions }),
	},
	{ // §3.2: the nine of the guide's table; surface-2.md §4.7: no list was set before 7.6.2
		"tls_suites", "parameter, sipura, rsa, library, library98 or rc4",
		"cipher suites offered: the guide's nine, AES with RSA, the own list of OpenSSL 0.9.7 or of 0.9.8, RC4 and 3DES alone (parameter: as SSL_Key_Negotiation says)",
		older5xx("library", byEra(documented("sipura"), inferred("sipura"), inferred("sipura"), inferred("sipura"), field("parameter"), inferred("library98"))),
		oneOf(func(b *Behaviour) *string { return &b.TLS.Suites }, "parameter", "sipura", "rsa", "library", "library98", "rc4"),
	},
	{ // §3.1, bug 27; surface-2.md §4.7
		"tls_hello", "parameter, tls or ssl2", "format of the first hello (ssl2: that of SSL 2.0, which strict servers refuse; parameter: with Enable_SSLv3 ssl2)",
		older5xx("ssl2", helloForm), oneOf(func(b *Behaviour) *string { return &b.TLS.HelloForm }, "parameter", "tls", "ssl2"),
	},
	{ // §3.1
		"empty_fragments", "yes or no", "an empty record before each one of data",
		of752b("yes", always(inferred("yes"))), choice("no", "yes", func(b *Behaviour) *bool { return &b.TLS.Fragments }),
	},
	{ // §3.2, bug 3
		"dh_limit", "0 to 8192", "longest prime in bits of a DHE key exchange that is taken (0: any)",
		longestDH, number(0, 8192, func(b *Behaviour) *int { return &b.TLS.MostDHBits }),
	},
	{ // bug 3: what the device does then is not known
		"dh_exceeded", "alert, close or silence", "what a longer prime leads to",
		always(inferred("alert")),
		word(map[string]Reaction{"alert": ReactAlert, "close": ReactClose, "silence": ReactSilence},
			func(b *Behaviour) *Reaction { return &b.TLS.OnLongDH }),
	},
	{ // bug 26; CSCuu14196
		"hello_request", "renegotiate, refuse, ignore or fail",
		"what a server's wish to shake hands again leads to (fail: when it asks for the certificate then)",
		of752b("renegotiate", helloRequest),
		word(map[string]Renegotiation{"renegotiate": Renegotiate, "refuse": RefuseHello, "ignore": IgnoreHello, "fail": FailCertified},
			func(b *Behaviour) *Renegotiation { return &b.TLS.Hello }),
	},
	{ // bug 18
		"tls_think", "a duration", "time that the processor needs for the key exchange",
		always(inferred("0s")), thinkTime,
	},
	{ // §1.2: two lists that differ
		"ca_table", "field or documented", "which list of trusted authorities holds: what operators saw, where they say something, or the makers'",
		always(field("field")), choice("field", "documented", func(b *Behaviour) *bool { return &b.TLS.Documented }),
	},
	{ // §1.2, last column: not tried
		"verisign", "refuse or accept", "certificates of Verisign where no device was observed",
		always(inferred("refuse")), choice("refuse", "accept", func(b *Behaviour) *bool { return &b.TLS.Verisign }),
	},
	{ // §3.1, §3.2
		"cert_time", "ignore or check", "whether a server certificate or authority that has ended is refused",
		byEra(inferred("ignore"), field("ignore"), field("ignore"), field("ignore"), field("check"), inferred("ignore")),
		choice("ignore", "check", func(b *Behaviour) *bool { return &b.TLS.CheckTime }),
	},
	{ // surface-2.md §4.7, K63: 7.6.2f sets its clock when an NTP server answers, 7.5.2b never does
		"cert_clock", "ntp, always or never", "clock that certificates are judged by: right always, never (it counts from 1970 at power-on: nothing has ended), or (ntp) once there is an NTP server, which here is taken to answer at once",
		older5xx("never", func(r *Row) Fact {
			if eraOf(r) == era50xNew {
				return likeImage("ntp", inferred("always"))
			}
			return inferred("always")
		}), oneOf(func(b *Behaviour) *string { return &b.TLS.Clock }, "ntp", "always", "never"),
	},
	{ // §3.1, bug 9; surface-2.md §4.7
		"cert_early", "forgive or refuse", "a server certificate that is not valid yet",
		of752b("forgive", byEra(inferred("forgive"), inferred("forgive"), inferred("forgive"), inferred("forgive"), field("forgive"), inferred("forgive"))),
		choice("forgive", "refuse", func(b *Behaviour) *bool { return &b.TLS.RefuseEarly }),
	},
	{ // §3.1; surface-2.md §4.7
		"cert_purpose", "forgive or refuse", "a server certificate for another purpose",
		of752b("forgive", byEra(inferred("forgive"), inferred("forgive"), inferred("forgive"), inferred("forgive"), field("forgive"), inferred("forgive"))),
		choice("forgive", "refuse", func(b *Behaviour) *bool { return &b.TLS.RefuseUse }),
	},
	{ // bug 17; §1.2: SHA-256 is recommended from 7.5.6 and 1.3.3 on; surface-2.md §4.7
		"cert_sha256", "refuse or accept", "server certificates signed with SHA-256",
		of752b("refuse", readsSHA256),
		choice("accept", "refuse", func(b *Behaviour) *bool { return &b.TLS.RefuseSHA256 }),
	},
	{ // §3.1, §3.2: the guides of old firmware say that the CN is looked up
		"name_check", "cn, cn_dns or off", "what must fit a server certificate's CN: the URL's host, the server's address by DNS, nothing",
		byEra(documented("cn_dns"), inferred("cn_dns"), inferred("cn"), inferred("cn"), field("cn"), documented("cn")),
		oneOf(func(b *Behaviour) *string { return &b.TLS.NameCheck }, "cn", "cn_dns", "off"),
	},
	{ // §1.3, §2.2; for tests of servers
		"client_certificate", "auto, generic, none, bad_signature, wrong_key, expired or foreign", "the unit's own certificate (auto: as it was made)",
		always(inferred("auto")),
		oneOf(func(b *Behaviour) *string { return &b.TLS.Certificate }, "auto", "generic", "none", "bad_signature", "wrong_key", "expired", "foreign"),
	},
	{ // §1.3: late units were seen; their date is inferred
		"client_root", "by_serial, early or late", "which Cisco authority signed the unit's certificate (by_serial: the second one from mid 2013 on)",
		always(inferred("by_serial")), oneOf(func(b *Behaviour) *string { return &b.TLS.ClientRoot }, "by_serial", "early", "late"),
	},
	{ // §2.1: the firmware says Sipura, guides say Cisco
		"generic_certificate", "sipura or cisco", "words in the generic certificate",
		always(field("sipura")), choice("sipura", "cisco", func(b *Behaviour) *bool { return &b.TLS.CiscoGeneric }),
	},
	{ // §2.1
		"ccert_text", "plain or bits", "whether $CCERT names the size of the key",
		byEra(documented("plain"), documented("plain"), documented("plain"), documented("plain"), field("bits"), documented("plain")),
		choice("plain", "bits", func(b *Behaviour) *bool { return &b.TLS.CertBits }),
	},
	{ // §2.2: what is wrong was not published
		"defect", "bad_signature, wrong_key, none or generic", "what is wrong with the certificates of 2005-11-15 to 2006-06-15",
		always(inferred("bad_signature")),
		oneOf(func(b *Behaviour) *string { return &b.TLS.Defect }, "bad_signature", "wrong_key", "none", "generic"),
	},
	{ // §2.2: some, not all
		"defect_share", "0 to 100", "percent of the units of those serial numbers that are defective",
		always(inferred("50")), number(0, 100, func(b *Behaviour) *int { return &b.TLS.DefectPercent }),
	},
}
