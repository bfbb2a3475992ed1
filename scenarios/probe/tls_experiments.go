package probe

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
)

var tlsExperiments = []*experiment{
	{
		name: "tls-hello", question: "Which versions and suites of TLS does the phone offer, and in which form?",
		settles: []string{"tls_versions", "tls_suites", "tls_hello"}, takes: passes(10), times: 1, run: overTLS(tlsHello),
	},
	{
		name: "tls-authorities", question: "Which of the authorities of --certs does the phone trust?",
		settles: []string{"ca_table", "verisign"}, takes: passes(12), times: 1, run: overTLS(tlsAuthorities),
	},
	{
		name: "tls-clock", question: "By which clock does the phone judge certificates?",
		settles: []string{"cert_clock"}, after: []string{"tls-authorities"}, takes: passes(8), restarts: 1, times: 1, run: overTLS(tlsClock),
	},
	{
		name: "tls-certificates", question: "Which faults of a server's certificate does the phone forgive?",
		settles: []string{"cert_time", "cert_early", "cert_purpose", "cert_sha256"}, after: []string{"tls-authorities"}, takes: passes(10), times: 1, run: overTLS(tlsCertificates),
	},
	{
		name: "tls-names", question: "Which name must a server's certificate have?",
		settles: []string{"name_check"}, after: []string{"tls-authorities"}, takes: passes(14), times: 1, run: overTLS(tlsNames),
	},
	{
		name: "tls-dh", question: "Which lengths of a Diffie-Hellman prime does the phone take, and what does it do with others?",
		settles: []string{"dh_limit", "dh_exceeded"}, after: []string{"tls-authorities"}, takes: passesAnd(12, 30*time.Second), times: 1, run: overTLS(tlsDH),
	},
	{
		name: "tls-again", question: "What does the phone do when the server wants to shake hands again?",
		settles: []string{"hello_request"}, after: []string{"tls-authorities"}, takes: passes(4), run: overTLS(tlsAgain),
	},
	{
		name: "tls-records", question: "How long does the phone compute its part of the key, and how does it cut what it sends?",
		settles: []string{"tls_think", "empty_fragments"}, after: []string{"tls-authorities"}, takes: passes(4), run: overTLS(tlsRecords),
	},
	{
		name: "tls-client", question: "Which certificate does the phone show?",
		settles: []string{"client_certificate", "client_root", "generic_certificate"}, after: []string{"tls-authorities"}, takes: passes(4), run: overTLS(tlsClient),
	},
	{
		name: "ccert", question: "What does $CCERT say?",
		settles: []string{"ccert_text"}, takes: passes(4), restarts: 1, times: 1, run: overTLS(ccert),
	},
}

// A setting is values of the parameters of TLS, as name and value in turn.
type setting []string

// tlsSettings are those that are tried: what is there, of firmware without such parameters,
// or both ends.
func (t tlsTrial) tlsSettings() []setting {
	var off, on setting
	for _, p := range [][3]string{{"Enable_SSLv3", "No", "Yes"}, {"SSL_Key_Negotiation", "RSA", "Default"}} {
		if _, known := t.s.back[p[0]]; known && t.s.phone.has(p[0]) {
			off, on = append(off, p[0], p[1]), append(on, p[0], p[2])
		}
	}
	if off == nil {
		return []setting{nil}
	}
	return []setting{off, on}
}

// at names a setting in a fact.
func (s setting) at() (text string) {
	for pair := range slices.Chunk(s, 2) {
		text += ", " + pair[0] + " " + pair[1]
	}
	return text
}

// tlsHello looks at the first bytes of the phone, and which version it goes on with when the
// server's hello has one. It needs no certificate: there comes none.
func tlsHello(t tlsTrial) {
	t.boots = true
	var forms, versions []string
	var suites [][]string
	for _, s := range t.tlsSettings() {
		t.set(s...)
		h := t.secure("", listening).hello
		if h == nil || !h.read || len(h.specs) == 0 {
			t.fail("the phone's hello could not be read")
			return
		}
		t.tell(h, s.at())
		forms = append(forms, h.form())
		suites = append(suites, t.listsWith(h.suites()))
		least := h.version
		for _, v := range []uint16{0x0300, 0x0301, 0x0302} {
			if v < h.version && t.goesOn(v, s) {
				least = min(least, v)
			}
		}
		versions = append(versions, versionName(least)+"-"+versionName(h.version))
	}
	t.settleOneOf("tls_hello", byParameter(forms, "tls", "ssl2"))
	t.settleOneOf("tls_versions", byParameter(versions, "tls1.0-tls1.0", "ssl3-tls1.0"))
	if len(suites) == 1 {
		t.settle("tls_suites", suites[0]...)
		return
	}
	if len(suites[0]) == 1 && len(suites[1]) == 1 {
		t.settleOneOf("tls_suites", byParameter([]string{suites[0][0], suites[1][0]}, "rsa", "library"))
	}
}

// tell notes what a hello says.
func (t tlsTrial) tell(h *hello, at string) {
	t.factBytes("hello"+at, h.raw)
	t.fact("hello"+at+": format", "%s, version %s", map[bool]string{true: "of SSL 2.0", false: "of TLS, record version " + versionName(h.record)}[h.ssl2], versionName(h.version))
	t.fact("hello"+at+": suites", "%s", h.words())
	var extras []string
	for _, e := range h.extras {
		name := extensions[e]
		if name == "" {
			name = fmt.Sprint(e)
		}
		extras = append(extras, name)
	}
	if len(extras) == 0 {
		extras = []string{"none"}
	}
	t.fact("hello"+at+": extensions", "%s", strings.Join(extras, ", "))
	if clock, _, ok := clockOf(h.random, time.Now()); ok && !h.ssl2 {
		t.fact("hello"+at+": time", "%s", clock.Format(time.DateTime))
	}
}

// settleOneOf settles a word; "" settles nothing. A range of one version is that version.
func (t tlsTrial) settleOneOf(name, word string) {
	if least, most, ok := strings.Cut(word, "-"); ok && least == most {
		word = least
	}
	if slices.Contains(t.s.phone.row.Switch(name).Form().Words, word) {
		t.settle(name, word)
	}
}

// listsWith returns the words of tls_suites whose hello offers exactly these.
func (t tlsTrial) listsWith(suites []uint32) (words []string) {
	for _, word := range t.s.phone.row.Switch("tls_suites").Form().Words {
		row, err := model.NewRow(t.s.phone.row.Model.Name, t.s.phone.row.Firmware.Version, map[string]string{"tls_suites": word, "tls_versions": "tls1.0"})
		if err != nil || word == "parameter" {
			continue
		}
		client, err := (&trust.Devices{}).Client(&device.Unit{Row: row}, device.Reset(row.Factory), time.Now())
		if err != nil {
			continue
		}
		var plain []uint32
		for _, s := range client.Suites {
			plain = append(plain, uint32(s))
		}
		if slices.Equal(suites, plain) || slices.Equal(suites, client.SSL2Specs) {
			words = append(words, word)
		}
	}
	return words
}

// byParameter returns the word for what was seen with the parameters of TLS off and on: what
// both gave, parameter where they gave these two, "" for anything else.
func byParameter(seen []string, off, on string) string {
	switch {
	case len(seen) == 1 || seen[0] == seen[1]:
		return seen[0]
	case seen[0] == off && seen[1] == on:
		return "parameter"
	}
	return ""
}

// listening hears the hello, and hangs up.
func listening(*call) (net.Conn, error) { return nil, io.EOF }

// goesOn reports whether the phone waits for more after a server's hello of a version.
func (t tlsTrial) goesOn(version uint16, s setting) bool {
	const enough = 3 * time.Second
	c := t.secure("", func(c *call) (net.Conn, error) {
		_, _ = c.wire.Write(answerTo(c.hello, version))
		_ = c.wire.SetDeadline(time.Now().Add(enough))
		before := len(c.wire.in)
		err := c.wire.more()
		c.waiting = isLate(err)
		if said := c.wire.in[before:]; len(said) >= 7 && said[0] == 21 {
			c.alert = ssl.Alert(said[6])
		}
		return nil, cmp.Or(err, io.EOF)
	})
	word := "goes on"
	if !c.waiting {
		word = c.taken()
	}
	t.fact("server's hello of "+versionName(version)+s.at(), "%s", word)
	return c.waiting
}

// An authority is one of those of --certs that the phone trusts.
type authority struct {
	name  certs.Name // "": none is known
	early bool       // to the phone its certificates are not valid yet
}

// tried are the authorities that are tried, the likely ones first.
var tried = []certs.Name{certs.Sipura1, certs.CiscoSB1, certs.CiscoSB2, certs.Linksys1, certs.Verisign, certs.Public}

// tlsAuthorities shows the phone a right certificate of each authority. Which of them the
// phone trusts decides which list it has, unless its Custom CA says otherwise.
func tlsAuthorities(t tlsTrial) {
	known := map[certs.Name]bool{}
	for _, name := range tried {
		c := t.shows("certificate of "+string(name), certs.ServerRequest{CA: name})
		if t.failed != nil {
			return
		}
		best := &t.s.phone.authority
		switch {
		case c.through:
			known[name] = true
			if best.name == "" || best.early {
				*best = authority{name, false}
			}
		case c.alert == ssl.CertificateExpired:
			known[name] = true
		case c.alert == ssl.BadCertificate && !c.modern && c.state.Version > ssl.SSL30:
			known[name] = true
			if best.name == "" {
				*best = authority{name, true}
			}
		}
	}
	if t.s.phone.authority.name == "" {
		t.fail("the phone trusts none of the authorities of --certs; it would with one of them as its Custom CA")
		return
	}
	if t.s.back["Custom_CA_URL"]+t.s.back["Custom_CA_RULE"]+t.s.back["Custom_CA_Rule"] != "" {
		t.fact("Custom CA", "the phone has one, so that it does not show which authorities the firmware has")
		return
	}
	t.settleTrust(known)
}

// settleTrust settles the lists under which the firmware trusts exactly these.
func (t tlsTrial) settleTrust(known map[certs.Name]bool) {
	var tables, verisign []string
	for _, table := range []string{"field", "documented"} {
		for _, other := range []string{"refuse", "accept"} {
			row, err := model.NewRow(t.s.phone.row.Model.Name, t.s.phone.row.Firmware.Version, map[string]string{"ca_table": table, "verisign": other})
			if err != nil {
				t.fail("%w", err)
				return
			}
			trusts := func(n certs.Name) bool {
				return slices.ContainsFunc(trust.Trusted(row), func(x trust.Trust) bool { return x.Authority == n })
			}
			if slices.ContainsFunc(tried, func(n certs.Name) bool { return trusts(n) != known[n] }) {
				continue
			}
			tables, verisign = append(tables, table), append(verisign, other)
		}
	}
	t.settle("ca_table", distinct(tables)...)
	t.settle("verisign", distinct(verisign)...)
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// ccert has a rule of its own ask for one of three files, by what $CCERT is. Its macro is
// expanded in Profile_Rule_D alone, which restarts the phone.
func ccert(t tlsTrial) {
	t.boots = true
	plain, missing, other := t.serve(nil), t.serve(nil), t.serve(nil)
	t.set("Profile_Rule_D", `("$CCERT" eq "Installed")? `+t.url(plain)+` | ("$CCERT" eq "Not Installed")? `+t.url(missing)+` | `+t.url(other))
	q := t.comes(t.s.q.Patience, func(q request) bool { return q.place == t.place })
	switch q.name {
	case plain:
		t.fact("$CCERT", "Installed")
		t.settle("ccert_text", "plain")
	case missing:
		t.fact("$CCERT", "Not Installed")
		t.settle("ccert_text", "plain", "bits")
	case other:
		t.fact("$CCERT", "more than Installed")
		t.settle("ccert_text", "bits")
	}
}
