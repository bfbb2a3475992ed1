package doctor

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/scenarios/doctor/finding"
)

// A client is a device with its certificate before a server that asked for it.
type client struct{ *visit }

// refused says why a server may refuse the device's certificate.
func (v client) refused(t *trouble, f *device.File) {
	t.detail = "the server refuses the device's certificate: " + t.detail
	var parts []string
	if f.Status != 0 {
		parts = append(parts, fmt.Sprintf("HTTP %d", f.Status))
	}
	if v.greeting == nil {
		return
	}
	if names := authorityNames(v.greeting.state.Names); names != "" {
		parts = append(parts, "authorities that it names: "+names)
	}
	t.evidence = strings.Join(parts, "; ")
	own := v.root(certs.ClientRootOf(&v.unit))
	switch {
	case own == nil || len(v.greeting.state.Names) == 0 || v.names(own):
	case v.namesMaker(own):
		t.severity = finding.Note
		t.detail = "the server knows the maker's authority, which signs the real devices, and refuses that of this program, which it cannot know"
		t.hint = "let the server take this program's client authorities too, in a test of it, or give the devices certificates of your own"
	default:
		t.detail += fmt.Sprintf("; it does not name %q, which signed it", own.Cert.Subject.CommonName)
	}
}

// others notes where a server that takes the device's certificate does not know an
// authority that signed other units of its model.
func (v client) others() {
	if v.greeting == nil || !v.greeting.state.Asked || len(v.greeting.state.Names) == 0 {
		return
	}
	if own := v.root(certs.ClientRootOf(&v.unit)); own == nil || !v.names(own) {
		return // what it names is not what it takes
	}
	for _, n := range certs.ClientRootsOf(v.row) {
		if other := v.root(n); other != nil && !v.names(other) {
			v.note(&trouble{check: "client-cert", severity: finding.Warns, basis: v.basis("client_root"), evidence: authorityNames(v.greeting.state.Names),
				detail: fmt.Sprintf("the server takes this device's certificate, and does not name %q, which signed other units of the model", other.Cert.Subject.CommonName)})
			return
		}
	}
}

// root returns an authority, nil where it cannot be had.
func (v client) root(n certs.Name) *certs.Authority {
	if v.Certs.PKI == nil {
		return nil
	}
	a, err := v.Certs.PKI.Authority(n)
	if err != nil {
		return nil
	}
	return a
}

// names reports whether the server names an authority.
func (v client) names(a *certs.Authority) bool {
	return slices.ContainsFunc(v.greeting.state.Names, func(der []byte) bool { return bytes.Equal(der, a.Cert.RawSubject) })
}

// namesMaker reports whether the server names the maker's own authority, for which this
// one stands.
func (v client) namesMaker(a *certs.Authority) bool {
	return slices.ContainsFunc(v.greeting.state.Names, func(der []byte) bool { return commonName(der) == makersName(a) })
}

// makersName returns the CN of the maker's own authority. Those of this program have a
// word more in front.
func makersName(a *certs.Authority) string {
	_, name, _ := strings.Cut(a.Cert.Subject.CommonName, " ")
	return name
}
