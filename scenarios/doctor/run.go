package doctor

import (
	"cmp"
	"context"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/profile"
	"spafleet/scenarios/tally"
)

// run sends the device to the server and notes what it finds.
func (v *visit) run(ctx context.Context) {
	defer func() { v.now = attempt{} }() // it has files
	first := v.try(ctx, v.params, v.life)
	if v.stopped(first) {
		return
	}
	v.see(first)
	t := v.cause(first)
	if (t == nil || stageOf(t.check) >= stageOf("file-found")) && len(first.exchanges) > 0 {
		missing, other := v.absent(ctx, first)
		switch {
		case missing != nil && t != nil && samePage(first, other):
			t = missing
		case missing != nil:
			v.note(missing)
		}
	}
	if t == nil || t.check == "profile-xml" {
		profileLook{v}.transport(first)
	}
	if t == nil || stageOf(t.check) > stageOf("client-cert") {
		client{v}.others()
	}
	v.settle(t, first)
	if t == nil {
		profileLook{v}.provisioned(ctx, first)
	}
}

// stopped notes that an attempt was not made to its end for no fault of the server's.
func (v *visit) stopped(a *attempt) bool {
	switch {
	case v.ctx.Err() != nil:
		v.unasked = timeUp
	case a.refused != nil && !a.answered():
		v.unasked = a.refused.Error()
	default:
		return false
	}
	return true
}

// answered reports whether the server said anything.
func (a *attempt) answered() bool {
	return slices.ContainsFunc(a.exchanges, func(x exchange) bool { return x.err == nil })
}

// see notes by which ways the device came to the server.
func (v *visit) see(a *attempt) {
	e := a.last(device.Fetched, device.FetchFailed)
	if len(a.exchanges) > 0 {
		r := a.exchanges[0].request
		v.url = tally.Address(&device.File{Scheme: r.Scheme, Host: r.Host, Server: r.Server, Path: r.Path})
	} else if e != nil && e.File != nil {
		v.url = tally.Address(e.File)
	}
	for _, x := range a.exchanges {
		v.plain = v.plain || x.request.Scheme == "http"
	}
	if e != nil && e.File != nil {
		v.redirect = len(a.exchanges) > 1 && (e.File.Scheme != a.exchanges[0].request.Scheme || e.File.Path != a.exchanges[0].request.Path)
	}
}

// A stage is a check in the order in which a device meets what is checked. Those of one
// number stand beside each other. The words say where it is OK, and what was seen.
type stage struct {
	check  string
	number int
	secure bool // of HTTPS alone
	http   bool // of HTTP and HTTPS
	ok     func(v *visit, a *attempt) (detail, evidence string)
}

var stages = []stage{
	{"reachable", 0, false, false, (*visit).reachedText},
	{"tls-version", 1, true, false, func(v *visit, _ *attempt) (string, string) {
		return "both speak " + v.greeting.state.Version.String(), ""
	}},
	{"tls-suite", 2, true, false, func(v *visit, _ *attempt) (string, string) { return "both have " + v.greeting.state.Suite.String(), "" }},
	{"cert-chain", 3, true, false, func(v *visit, _ *attempt) (string, string) {
		return "the certificates are complete", chainText(v.greeting.state.Chain)
	}},
	{"cert-root", 4, true, false, func(v *visit, _ *attempt) (string, string) { return "the device trusts the authority", "" }},
	{"cert-signature", 5, true, false, func(v *visit, _ *attempt) (string, string) { return "the device reads the signatures", "" }},
	{"cert-dates", 5, true, false, (*visit).datesText},
	{"tls-key-exchange", 6, true, false, (*visit).exchangeText},
	{"cert-name", 7, true, false, func(v *visit, _ *attempt) (string, string) {
		return "the firmware's check of the name is passed", ""
	}},
	{"client-cert", 8, true, false, (*visit).clientOKText},
	{"redirect", 9, false, true, func(*visit, *attempt) (string, string) { return "the server does not redirect", "" }},
	{"auth", 10, false, true, func(v *visit, a *attempt) (string, string) {
		if a.challenged() {
			return "the server takes the device's user and password", ""
		}
		return "the server asks for no password", ""
	}},
	{"file-found", 11, false, false, func(v *visit, a *attempt) (string, string) {
		return fmt.Sprintf("the server has %.200s", a.exchanges[0].request.Path), answerText(a.end())
	}},
	{"missing-file", 11, false, false, nil},
	{"encoding", 12, false, true, nil},
	{"chunked", 12, false, true, nil},
	{"content-type", 12, false, true, nil},
	{"profile-xml", 13, false, false, func(v *visit, a *attempt) (string, string) {
		return "the device opens the file", profile.Describe(a.end().answer.Body).Format
	}},
	{"profile-parameters", 14, false, false, nil},
	{"profile-secrets", 14, false, false, nil},
	{"profile-periods", 14, false, false, nil},
	{"profile-reboots", 14, false, false, nil},
	{"upgrade", 14, false, false, nil},
}

// stageOf returns the number of a check's stage.
func stageOf(check string) int {
	for _, s := range stages {
		if s.check == check {
			return s.number
		}
	}
	return 0
}

// settle notes the trouble that ended the visit, nil for none, what was well up to there,
// and what was not reached.
func (v *visit) settle(t *trouble, a *attempt) {
	if t != nil {
		v.note(t)
	}
	if v.redirect && !v.has("redirect") {
		v.ok("redirect", "the device follows the server's redirect", "")
	}
	for _, s := range stages {
		switch {
		case v.has(s.check):
		case t != nil && s.number >= stageOf(t.check):
			v.skip(s.check, "the device does not get there: "+t.check)
		case s.secure && !v.secure:
			v.skip(s.check, "the device was not asked to come by HTTPS")
		case s.http && !v.plain && !v.secure:
			v.skip(s.check, "TFTP has no such thing")
		case s.ok != nil:
			detail, evidence := s.ok(v, a)
			v.ok(s.check, detail, evidence)
		}
	}
}

// challenged reports whether the server asked for a password.
func (a *attempt) challenged() bool {
	for _, x := range a.exchanges {
		if x.answer.Status == http.StatusUnauthorized || x.answer.Status == http.StatusProxyAuthRequired {
			return true
		}
	}
	return false
}

func (v *visit) reachedText(a *attempt) (detail, evidence string) {
	if x := a.end(); x != nil {
		return "the server answers at " + x.request.Server.String(), ""
	}
	return "the server answers", ""
}

func (v *visit) datesText(*attempt) (detail, evidence string) {
	if v.greeting == nil || !v.greeting.shown() {
		return "", ""
	}
	c, err := certs.ReadCertificate(v.greeting.state.Chain[0])
	if err != nil {
		return "", ""
	}
	return "the device takes the certificate's dates", fmt.Sprintf("%s to %s", c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly))
}

func (v *visit) exchangeText(*attempt) (detail, evidence string) {
	if bits := v.greeting.state.DHBits; bits > 0 {
		return fmt.Sprintf("the device can compute with a prime of %d bits", bits), ""
	}
	return "the key exchange is RSA's", ""
}

func (v *visit) clientOKText(*attempt) (detail, evidence string) {
	if v.greeting.state.Asked {
		return "the server takes the device's certificate", authorityNames(v.greeting.state.Names)
	}
	return "the server asks for no certificate of the device", ""
}

// authorityNames are the authorities that a server names to its clients.
func authorityNames(names [][]byte) string {
	var list []string
	for i, der := range names {
		if i == mostNames {
			list = append(list, fmt.Sprintf("%d more", len(names)-i))
			break
		}
		list = append(list, commonName(der))
	}
	return strings.Join(list, "; ")
}

// mostNames is how many authorities of a server are named.
const mostNames = 8

// commonName returns the CN of a name in DER, or else all of it.
func commonName(der []byte) string {
	var parts pkix.RDNSequence
	if _, err := asn1.Unmarshal(der, &parts); err != nil {
		return "one that cannot be read"
	}
	var name pkix.Name
	name.FillFromRDNSequence(&parts)
	return fmt.Sprintf("%.80s", cmp.Or(name.CommonName, name.String()))
}
