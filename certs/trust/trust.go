// Package trust says what a device's firmware accepts and shows in HTTPS: which
// authorities it trusts, how it checks a server's certificate and name, which
// versions and suites it offers, and what it writes to its syslog.
//
// [Devices] is where to begin: its Client and Modern connect a device over a socket;
// its Judge gives the same result without a handshake, for virtual time. [ProfileOf]
// returns the facts for people.
package trust

import (
	"slices"

	"spafleet/certs"
	"spafleet/device/model"
	"spafleet/device/rule"
)

// A Trust is an authority that a firmware trusts, and how that is known.
type Trust struct {
	Authority certs.Name     `json:"authority"`
	Evidence  model.Evidence `json:"evidence"`
}

// anchorNames are the authorities that some firmware trusts, in the order in which
// they are listed.
var anchorNames = []certs.Name{certs.Sipura1, certs.CiscoSB1, certs.CiscoSB2, certs.Linksys1, certs.Verisign, certs.VerisignServer}

// A listed is a row of the makers' list of 2013, unchanged in 2022: the
// authorities that sign for the servers of some models (tls.md §1.2: documented).
type listed struct {
	models      []string
	authorities []certs.Name
	later       certs.Name // one more,
	from        string     // from this firmware on
}

var documentedList = []listed{
	{models: []string{"PAP2", "WRTP54G", "RTP300"}, authorities: []certs.Name{certs.Linksys1}},
	{models: []string{"PAP2T", "WRP400", "SPA2000", "SPA2102", "SPA3000", "SPA3102", "SPA901", "SPA921", "SPA922", "SPA941", "SPA942", "SPA962"},
		authorities: []certs.Name{certs.Sipura1}},
	{models: []string{"SPA301", "SPA303"}, authorities: []certs.Name{certs.Sipura1, certs.CiscoSB1}},
	{models: []string{"SPA501G", "SPA502G", "SPA504G", "SPA508G", "SPA509G", "SPA512G", "SPA514G", "SPA525G", "SPA525G2"},
		authorities: []certs.Name{certs.Sipura1, certs.CiscoSB1}, later: certs.CiscoSB2, from: "7.5.6"},
	{models: []string{"SPA112", "SPA122", "SPA232D"}, authorities: []certs.Name{certs.CiscoSB1}, later: certs.CiscoSB2, from: "1.3.3"},
	{models: []string{"SRP521", "SRP541"}, authorities: []certs.Name{certs.CiscoSB1}},
}

// A tried is what an operator saw with one device (tls.md §1.2: field). An authority
// in neither list was not tried.
type tried struct {
	model, firmware string
	accepted        []certs.Name
	refused         []certs.Name
}

// The SPA508G at 7.6.2 refuses Linksys 1 with error 10: it knows the authority,
// which has ended.
var fieldTable = []tried{
	{"PAP2T", "5.1.6(LS)", []certs.Name{certs.Linksys1, certs.Sipura1}, []certs.Name{certs.CiscoSB1, certs.Verisign}},
	{"SPA112", "1.3.1(003)", []certs.Name{certs.Linksys1, certs.Sipura1, certs.CiscoSB1}, []certs.Name{certs.Verisign}},
	{"SPA232D", "1.3.1(003_240)", []certs.Name{certs.Linksys1, certs.Sipura1, certs.CiscoSB1}, []certs.Name{certs.Verisign}},
	{"SPA962", "6.1.5(a)", []certs.Name{certs.Linksys1, certs.Sipura1}, []certs.Name{certs.CiscoSB1}},
	{"SPA508G", "7.5.4", []certs.Name{certs.Linksys1, certs.Sipura1, certs.CiscoSB1}, []certs.Name{certs.Verisign}},
	{"SPA508G", "7.6.2", []certs.Name{certs.Linksys1, certs.Sipura1, certs.CiscoSB1}, nil},
	{"SPA525G2", "7.5.4", []certs.Name{certs.Linksys1, certs.Sipura1, certs.CiscoSB1}, nil},
}

// A familyTrust is what a device has by analogy with those that were tried (tls.md §1.2,
// model: inferred), by the id of its family.
type familyTrust struct {
	authorities []certs.Name
	later       certs.Name
	from        string
}

var analogy = map[string]familyTrust{
	"sipura":   {authorities: []certs.Name{certs.Linksys1, certs.Sipura1}},
	"pap":      {authorities: []certs.Name{certs.Linksys1, certs.Sipura1}},
	"cisco5xx": {authorities: []certs.Name{certs.Linksys1, certs.Sipura1, certs.CiscoSB1}, later: certs.CiscoSB2, from: "7.5.6"},
	"cisco1xx": {authorities: []certs.Name{certs.Linksys1, certs.Sipura1, certs.CiscoSB1}, later: certs.CiscoSB2, from: "1.3.3"},
}

// firstProfile is of firmware for which the guide speaks of one authority, built
// in (tls.md §1.2: documented), so that no analogy adds to it.
const firstProfile = "sipura-2.0.6"

// Trusted returns the authorities in a row's store. The switch ca_table
// chooses the list. An authority that was tried with this model and firmware has the
// result of the trial; one of the makers' list is documented; the rest is inferred
// from similar models. Firmware 7.6.2 and later has Linksys 1 too, and refuses it
// after its end.
func Trusted(r *model.Row) []Trust {
	known := map[certs.Name]model.Evidence{}
	inferAll(r, known)
	for _, n := range documentedFor(r) {
		known[n] = model.Documented
	}
	if !r.Behaviour.TLS.Documented {
		trial := trialOf(r)
		for _, n := range trial.accepted {
			known[n] = model.Field
		}
		for _, n := range trial.refused {
			delete(known, n)
		}
	}
	if _, ok := known[certs.Verisign]; !ok {
		delete(known, certs.VerisignServer)
	}
	var trust []Trust
	for _, n := range anchorNames {
		if e, ok := known[n]; ok {
			trust = append(trust, Trust{n, e})
		}
	}
	return trust
}

// inferAll adds the authorities that are inferred for a row.
func inferAll(r *model.Row, known map[certs.Name]model.Evidence) {
	if r.Behaviour.TLS.Verisign {
		known[certs.Verisign], known[certs.VerisignServer] = model.Inferred, model.Inferred
	}
	if len(documentedFor(r)) == 0 {
		known[certs.Sipura1] = model.Inferred
	}
	if r.Behaviour.TLS.Documented || r.TLSProfile() == firstProfile {
		return
	}
	a := analogy[r.Model.Family.TLS]
	for _, n := range a.authorities {
		known[n] = model.Inferred
	}
	if a.later != "" && reached(r, a.from) {
		known[a.later] = model.Inferred
	}
}

// documentedFor returns what the makers' list says of a row.
func documentedFor(r *model.Row) []certs.Name {
	for _, l := range documentedList {
		if !slices.Contains(l.models, r.Model.Name) {
			continue
		}
		if l.later != "" && reached(r, l.from) {
			return append(slices.Clip(l.authorities), l.later)
		}
		return l.authorities
	}
	return nil
}

func reached(r *model.Row, version string) bool {
	return rule.CompareVersions(r.Firmware.Version, version, false) >= 0
}

// trialOf returns what was tried with exactly this model and firmware.
func trialOf(r *model.Row) tried {
	for _, t := range fieldTable {
		if t.model == r.Model.Name && t.firmware == r.Firmware.Version {
			return t
		}
	}
	return tried{}
}
