package model

import (
	"regexp"
	"strings"
)

// A UserAgent is what a device calls itself to servers, taken apart: to HTTP
// servers Linksys/SPA-942-6.1.5(a) (SERIAL) or Cisco/SPA504G-7.5.5 (MAC)(SERIAL), in
// SIP the same without a hyphen behind SPA and without what is in parentheses (field).
type UserAgent struct {
	Text     string // all of it
	Brand    string
	PN       string // as it is written, with a hyphen or without
	Firmware string
	MAC      string // 12 lower-case hexadecimal digits; empty: it has none
	Serial   string // empty: it has none
	Model    *Model // nil: no known one
}

// agentForm is brand, product name, version, and up to two texts in parentheses. A
// version may end in parentheses too, without a blank before them.
var agentForm = regexp.MustCompile(`(?:\A|[^0-9A-Za-z/_.-])(((?i:Sipura|Linksys|Cisco))/([0-9A-Za-z-]+?)-([0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,6}[0-9A-Za-z._-]*(?:\([0-9A-Za-z._-]*\))?)` +
	`(?: \(([0-9A-Za-z]*)\)(?:\(([0-9A-Za-z]*)\))?)?)`)

var macDigits = regexp.MustCompile(`\A[0-9A-Fa-f]{12}\z`)

// namesMaker reports whether a text has the name of a maker with a slash behind it. That
// is quick: most lines of a log have none.
func namesMaker(text string) bool {
	for i := range len(text) {
		if text[i] != '/' {
			continue
		}
		for _, brand := range [...]string{"Cisco", "Linksys", "Sipura"} {
			if n := len(brand); i >= n && strings.EqualFold(text[i-n:i], brand) {
				return true
			}
		}
	}
	return false
}

// FindUserAgent finds the first User-Agent in a text, such as a line of a log, whose
// model is known; where none is, the first that has the form of one.
func FindUserAgent(text string) (UserAgent, bool) {
	if !namesMaker(text) {
		return UserAgent{}, false
	}
	var first *UserAgent
	for _, m := range agentForm.FindAllStringSubmatch(text, -1) {
		u := UserAgent{Text: m[1], Brand: m[2], PN: m[3], Firmware: m[4]}
		if u.Model = modelCalled(u.PN); u.Model == nil {
			u.Model = modelCalled(strings.ReplaceAll(u.PN, "-", ""))
		}
		u.identify(m[5], m[6])
		if u.Model != nil {
			return u, true
		}
		if first == nil {
			first = &u
		}
	}
	if first == nil {
		return UserAgent{}, false
	}
	return *first, true
}

// identify reads what is in parentheses. One text alone is the serial number, which
// may look like a MAC address; of models that say both, it is what it looks like.
func (u *UserAgent) identify(one, two string) {
	both := u.Model != nil && u.Model.Family.UA == UAMACSerial
	if macDigits.MatchString(one) && (two != "" || both) {
		u.MAC, u.Serial = strings.ToLower(one), two
		return
	}
	if strings.ContainsAny(one, "0123456789") { // (SIP) is not one
		u.Serial = one
	}
}
