package resync

import (
	"strings"

	"spafleet/device"
	"spafleet/device/rule"
)

// An Authority is what Custom_CA_Rule brought: authorities that the device trusts
// beside those of its firmware (7.6.2f: field).
type Authority struct {
	Rule string // the rule that named the file
	PEM  string
}

// authority gets the file that Custom_CA_Rule names, once, before the first fetch
// by https after the rule has changed. When the firmware really does so is
// inferred. A file that cannot be had, or holds no certificate, leaves things as
// they are: the fetch that follows shows it.
func (a *attempt) authority() *failure {
	text, _ := a.p.Lookup("Custom_CA_RULE")
	if text == "" {
		a.ca = nil
		return nil
	}
	if a.ca != nil && a.ca.Rule == text {
		return nil
	}
	d, err := rule.Command(text, a.env(), a.in.Unit.Row.Dialect())
	if err != nil || !d.HasURL {
		return nil
	}
	t, f := a.locate(line{letter: 'C'}, d)
	if f != nil {
		return nil
	}
	what := a.what
	a.what = "ca"
	defer func() { a.what = what }()
	resp, f := a.fetch(&t)
	switch {
	case f == aborted:
		return f
	case f != nil || resp.Status/100 != 2 || !strings.Contains(string(resp.Body), "-----BEGIN CERTIFICATE-----"):
		return nil
	}
	a.tell(device.Event{Kind: device.Fetched, File: a.file})
	a.ca = &Authority{Rule: text, PEM: string(resp.Body)}
	return nil
}
