package trust

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device/model"
)

// A Profile is what is known of a firmware's HTTPS client, for people: what it
// speaks, trusts, checks and shows. Firmwares with one ID have the same client.
type Profile struct {
	ID    string `json:"id"`
	Lines []Line `json:"lines"`
}

// A Line is one fact of a Profile. Several lines in a row may have one name: the
// suites in their order, the authorities.
type Line struct {
	Name     string         `json:"name"`
	Value    string         `json:"value"`
	Evidence model.Evidence `json:"evidence"`
	Source   string         `json:"source"`           // where it is from, or why it is inferred
	Switch   string         `json:"switch,omitempty"` // that turns it
}

// Where the facts are from.
const (
	image     = "image of 7.6.2f"
	imageOld  = "image of 7.5.2b"
	guide     = "provisioning guide"
	operators = "operators' reports"
	openssl   = "OpenSSL 0.9.7 or 0.9.8, to which the images point"
	unknown   = "nobody saw it"
	alike     = "as models and firmware alike"
	turned    = "turned by hand"
)

// ProfileOf returns the profile of a row, with its switches.
func ProfileOf(r *model.Row) *Profile {
	if !r.Speaks("https") {
		return &Profile{Lines: []Line{{Name: "versions", Value: "none: HTTPS came with 2.0.6", Evidence: model.Documented, Source: guide}}}
	}
	p := &Profile{ID: r.TLSProfile()}
	for _, part := range profileParts {
		p.Lines = append(p.Lines, part(r)...)
	}
	return p
}

// profileParts make a profile's lines, in their order.
var profileParts = []func(*model.Row) []Line{
	versionLines, helloLines, suiteLines, exchangeLines, sessionLines, trustLines, checkLines, nameLines, certificateLines,
}

// from makes the line of a switch. The sources are for what is inferred, of field
// and documented; of image there is one.
func from(r *model.Row, name, setting, text string, sources ...string) Line {
	l := Line{Name: name, Value: text, Switch: setting}
	i := slices.IndexFunc(r.Switches, func(s model.Setting) bool { return s.Name == setting })
	s := r.Switches[i]
	if s.Turned {
		l.Source = turned
		return l
	}
	l.Evidence = s.Evidence
	switch s.Evidence {
	case model.Inferred:
		l.Source = sources[0]
		switch {
		case s.WithoutImages == "":
		case r.TLSProfile() == imageProfile:
			l.Source = "from the images of 7.5.2b and 7.6.2f"
		default:
			l.Source = "as in the " + imageOld
		}
	case model.Image:
		l.Source = imageOld
	case model.Field:
		l.Source = sources[min(1, len(sources)-1)]
	case model.Documented:
		l.Source = sources[len(sources)-1]
	}
	return l
}

// inImage makes a line of what the image of 7.6.2f shows, which other firmware is
// taken to be like.
func inImage(r *model.Row, name, text string) Line {
	if r.TLSProfile() == imageProfile {
		return Line{Name: name, Value: text, Evidence: model.Field, Source: image}
	}
	return Line{Name: name, Value: text, Source: "as in the " + image}
}

// imageProfile is that of the firmware whose image was read.
const imageProfile = "spa50x-7.6.2"

func inferredLine(name, text, why string) Line { return Line{Name: name, Value: text, Source: why} }

var versionWords = map[ssl.Version]string{ssl.SSL30: "SSL 3.0", ssl.TLS10: "TLS 1.0", ssl.TLS11: "TLS 1.1", TLS12: "TLS 1.2"}

func span(least, most ssl.Version) string {
	if least == most {
		return versionWords[least] + " alone"
	}
	return versionWords[least] + " to " + versionWords[most]
}

func versionLines(r *model.Row) []Line {
	text := span(tlsParams{}.versions(r))
	if r.Behaviour.TLS.Versions[1] == 0 {
		text += "; with Enable_SSLv3 " + span(tlsParams{ssl3: true}.versions(r))
	}
	return []Line{from(r, "versions", "tls_versions", text, openssl, image, guide)}
}

func helloLines(r *model.Row) []Line {
	b := &r.Behaviour.TLS
	if Speaks12(r) {
		return []Line{inferredLine("first hello", "that of Go's crypto/tls", "no device is known to speak TLS 1.2")}
	}
	text, stamp := helloText(r, tlsParams{}), "in the first four bytes of the random"
	if (tlsParams{}).ssl2Hello(r) {
		stamp = "none in this format"
	}
	if b.HelloForm == "parameter" {
		text += "; with Enable_SSLv3 " + helloText(r, tlsParams{ssl3: true})
	}
	return []Line{
		from(r, "first hello", "tls_hello", text, unknown, image),
		inImage(r, "hello extensions", "none: no server name, no ticket"),
		inferredLine("hello, time", stamp, openssl),
		inferredLine("hello, 00ff", "not among the suites: no word of secure renegotiation", openssl),
	}
}

func helloText(r *model.Row, w tlsParams) string {
	list := w.list(r)
	if w.ssl2Hello(r) {
		return fmt.Sprintf("%d bytes, in the format of SSL 2.0", 43+3*max(len(suiteLists[list]), len(ssl2Specs(list))))
	}
	return fmt.Sprintf("%d bytes", 48+2*len(suiteLists[list]))
}

func suiteLines(r *model.Row) []Line {
	b := &r.Behaviour.TLS
	name := tlsParams{}.list(r)
	texts := suiteTexts(name)
	switch {
	case Speaks12(r):
		texts = modernTexts(name)
	case (tlsParams{}).ssl2Hello(r) && ssl2Specs(name) != nil:
		texts = ssl2Texts(name)
	}
	var lines []Line
	for _, text := range texts {
		lines = append(lines, from(r, "offers", "tls_suites", text, suiteSource(name), image, "table of the "+guide))
	}
	if b.Suites == "parameter" {
		lines = append(lines, inferredLine("offers otherwise", fmt.Sprintf("with SSL_Key_Negotiation Default: the library's own %d suites", len(suiteLists["library"])),
			"list of OpenSSL 0.9.7, that of 7.5.2b; the parameter: "+image))
	}
	return lines
}

func suiteSource(list string) string {
	switch list {
	case "library":
		return "list of OpenSSL 0.9.7, that of the " + imageOld
	case "library98":
		return "from memory of OpenSSL 0.9.8"
	}
	return "table of the guide for 2.0.6"
}

// suiteText has a suite's number, and its name where it has one here.
func suiteText(s ssl.Suite) string {
	if name := s.String(); !strings.HasPrefix(name, "Suite(") {
		return fmt.Sprintf("%04x %s", uint16(s), name)
	}
	return fmt.Sprintf("%04x", uint16(s))
}

func suiteTexts(list string) []string {
	var texts []string
	for _, s := range suiteLists[list] {
		texts = append(texts, suiteText(s))
	}
	return texts
}

// ssl2Texts are what a hello in the format of SSL 2.0 offers.
func ssl2Texts(list string) []string {
	var texts []string
	for _, spec := range ssl2Specs(list) {
		text := suiteText(ssl.Suite(spec))
		for _, old := range ssl2Suites {
			if old.number == spec {
				text = fmt.Sprintf("%06x %s of SSL 2.0", spec, old.name)
			}
		}
		texts = append(texts, text)
	}
	return texts
}

func modernTexts(list string) []string {
	var texts []string
	for _, s := range modernLists[list] {
		texts = append(texts, fmt.Sprintf("%04x %s", s, modernName(s)))
	}
	return texts
}

func exchangeLines(r *model.Row) []Line {
	b := &r.Behaviour.TLS
	limit := "any length"
	if b.MostDHBits > 0 {
		limit = fmt.Sprintf("at most %d bits", b.MostDHBits)
	}
	lines := []Line{from(r, "DHE primes", "dh_limit", limit, alike, operators)}
	if b.MostDHBits > 0 {
		text := map[model.Reaction]string{model.ReactAlert: "alert 40", model.ReactClose: "the connection is closed", model.ReactSilence: "nothing more is said"}[b.OnLongDH]
		lines = append(lines, from(r, "longer primes", "dh_exceeded", text, unknown))
	}
	return append(lines, from(r, "time to compute", "tls_think", b.Think.String()+" beyond what it takes here", unknown))
}

func sessionLines(r *model.Row) []Line {
	b := &r.Behaviour.TLS
	fragments := "none before data"
	if b.Fragments {
		fragments = "one before each with data, with CBC suites up to TLS 1.0"
	}
	hello := map[model.Renegotiation]string{
		model.Renegotiate: "shakes hands again", model.RefuseHello: "warning 100, no_renegotiation", model.IgnoreHello: "none",
		model.FailCertified: "shakes hands again, and fails with alert 40 where a certificate is asked for",
	}[b.Hello]
	return []Line{
		from(r, "empty records", "empty_fragments", fragments, openssl),
		inImage(r, "resumption", "never: each connection is a full handshake"),
		from(r, "answer to HelloRequest", "hello_request", hello, openssl, "defect CSCuu14196"),
	}
}

func trustLines(r *model.Row) []Line {
	trial := trialOf(r)
	var lines []Line
	for _, t := range Trusted(r) {
		lines = append(lines, Line{Name: "trusts", Value: string(t.Authority), Evidence: t.Evidence, Source: trustSource(t), Switch: trustSwitch(t.Authority)})
	}
	for _, n := range anchorNames {
		in := slices.ContainsFunc(Trusted(r), func(t Trust) bool { return t.Authority == n })
		switch {
		case in:
		case slices.Contains(trial.refused, n) && !r.Behaviour.TLS.Documented:
			lines = append(lines, Line{Name: "does not trust", Value: string(n), Evidence: model.Field, Source: "tried with this firmware", Switch: "ca_table"})
		case n == certs.Verisign:
			lines = append(lines, from(r, "does not trust", "verisign", string(n), unknown))
		}
	}
	return lines
}

func trustSwitch(n certs.Name) string {
	if n == certs.Verisign || n == certs.VerisignServer {
		return "verisign"
	}
	return "ca_table"
}

func trustSource(t Trust) string {
	switch t.Evidence {
	case model.Field:
		return "tried with this firmware"
	case model.Documented:
		return "the makers' list of 2013 and 2022"
	}
	if trustSwitch(t.Authority) == "verisign" {
		return turned
	}
	return alike
}

func checkLines(r *model.Row) []Line {
	b := &r.Behaviour.TLS
	fate := func(refused bool, number int) string {
		if refused {
			return fmt.Sprintf("refused: error %d, alert %d", number, ssl.AlertFor(number))
		}
		return "taken"
	}
	lines := []Line{
		from(r, "certificate or authority ended", "cert_time", fate(b.CheckTime, Expired), alike, operators),
		from(r, "clock for certificates", "cert_clock", clockTexts[b.Clock], alike),
		from(r, "certificate not begun", "cert_early", fate(b.RefuseEarly, NotYetValid), alike, image),
		from(r, "certificate for another use", "cert_purpose", fate(b.RefuseUse, invalidPurpose), alike, image),
		from(r, "signature with SHA-256", "cert_sha256", fate(b.RefuseSHA256, BadSignature), "OpenSSL before 0.9.8o", operators, "advice for signing requests"),
	}
	if b.CheckTime && b.Clock != "never" && slices.ContainsFunc(Trusted(r), func(t Trust) bool { return t.Authority == certs.Linksys1 }) {
		lines = append(lines, Line{Name: "servers of linksys1", Value: "refused since 2015-06-30: error 10, alert 45", Evidence: model.Field, Source: operators})
	}
	return append(lines, inferredLine("other errors", "refused with OpenSSL's number and alert", openssl))
}

// clockTexts say by which clock certificates are judged.
var clockTexts = map[string]string{
	"always": "right",
	"never":  "never set: it counts from 1970 at power-on, and nothing has ended",
	"ntp":    "set by NTP; from 1970 on while Primary_ and Secondary_NTP_Server are empty",
}

func nameLines(r *model.Row) []Line {
	texts := map[string][]string{
		"cn":     {"after the handshake: the first CN, cut at /, is the URL's host", "no other name and no wildcard; without any CN all is well"},
		"cn_dns": {"after the handshake: an address of the first CN, cut at /, is the server's", "without any CN all is well"},
		"off":    {"none"},
	}[r.Behaviour.TLS.NameCheck]
	var lines []Line
	for _, text := range texts {
		lines = append(lines, from(r, "check of the name", "name_check", text, alike, image, guide))
	}
	return lines
}

func certificateLines(r *model.Row) []Line {
	b := &r.Behaviour.TLS
	own := map[string]string{
		"auto":    "the device's own, alone, without a chain",
		"generic": "the generic one", "none": "none", "bad_signature": "its own, whose signature is wrong",
		"wrong_key": "its own, whose key is another", "expired": "its own, which has ended", "foreign": "one of an unknown authority",
	}[b.Certificate]
	return slices.Concat(
		[]Line{from(r, "shows to servers that ask", "client_certificate", own, image)},
		signerLines(r),
		[]Line{from(r, "generic certificate", "generic_certificate", genericText(b.CiscoGeneric), guide, image)},
		statusLines(r), defectLines(r))
}

func genericText(cisco bool) string {
	if cisco {
		return "OU cisco.com, MAC and serial number ciscogeneric"
	}
	return "OU sipura.com, MAC and serial number sipurageneric"
}

// signerLines say which authority signed the devices' certificates.
func signerLines(r *model.Row) []Line {
	names := certs.ClientRootsOf(r)
	switch first := names[0]; first {
	case certs.LinksysClient1:
		return []Line{inferredLine("signed by", first.Signature(), "never seen")}
	case certs.SipuraClient1:
		return []Line{inferredLine("signed by", first.Signature(), "figure of the guide, and the generic one")}
	}
	var lines []Line
	for _, n := range names {
		line := inferredLine("signed by", n.Signature(), "mid 2013: by the authority's dates")
		if n == certs.CiscoSBClient1 {
			line.Source = alike
			if r.Model.Family.TLS == "cisco5xx" {
				line.Evidence, line.Source = model.Field, operators+" of the series"
			}
		}
		lines = append(lines, line)
	}
	if len(lines) == 2 {
		lines[0].Value += "; units before mid 2013"
		lines[1].Value += "; later units"
	}
	return lines
}

func statusLines(r *model.Row) []Line {
	text := "Installed"
	if r.Behaviour.TLS.CertBits {
		text = "Installed (1024 bits), by the length of the key"
	}
	return []Line{from(r, "$CCERT", "ccert_text", text, guide, image, guide)}
}

// defectLines are of models with units whose certificates were installed
// incorrectly.
func defectLines(r *model.Row) []Line {
	if !certs.MayBeDefective(r) {
		return nil
	}
	text := map[string]string{"bad_signature": "a wrong signature", "wrong_key": "another's key", "none": "no certificate", "generic": "the generic one"}[r.Behaviour.TLS.Defect]
	prefix := r.Model.SerialPrefix.Value
	return []Line{
		{Name: "defective units", Value: prefix + "F100000 to " + prefix + "F699999, made 2005-11-15 to 2006-06-15", Evidence: model.Documented, Source: "document 108605"},
		from(r, "defective, how many", "defect_share", fmt.Sprintf("%d%% of them", r.Behaviour.TLS.DefectPercent), "some, the document says"),
		from(r, "defective, what", "defect", text, "not published"),
	}
}

// modernName is Go's name of a suite, without the prefix that all have.
func modernName(s uint16) string { return strings.TrimPrefix(tls.CipherSuiteName(s), "TLS_") }
