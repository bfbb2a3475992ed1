package trust_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/certs/trust"
)

// named makes a server's certificate with these CNs, in this order.
func named(t *testing.T, san string, names ...string) []byte {
	t.Helper()
	template := plain("")
	template.Subject = pkix.Name{Country: []string{"US"}}
	for _, n := range names {
		template.Subject.ExtraNames = append(template.Subject.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: n})
	}
	if san != "" {
		template.DNSNames = []string{san}
	}
	return sign(t, template, 0, roots()[certs.Sipura1]).Raw
}

func TestNameFits(t *testing.T) {
	long := strings.Repeat("a", 300)
	tests := []struct {
		what, row, host string
		leaf            []byte
		want            bool
	}{
		{"the same", newPhone, "prov.example.com", named(t, "", "prov.example.com"), true},
		{"another", newPhone, "prov.example.com", named(t, "", "www.example.com"), false},
		{"upper case", newPhone, "PROV.example.com", named(t, "", "prov.EXAMPLE.com"), true},
		{"letters beyond ASCII have one case", newPhone, "prov.é", named(t, "", "prov.É"), false},
		{"cut at a slash", newPhone, "prov.example.com", named(t, "", "prov.example.com/CN=joe"), true},
		{"cut at a zero", newPhone, "prov.example.com", named(t, "", "prov.example.com\x00.evil"), true},
		{"wildcard", newPhone, "prov.example.com", named(t, "", "*.example.com"), false},
		{"SAN does not count", newPhone, "prov.example.com", named(t, "prov.example.com", "www.example.com"), false},
		{"SAN does not hurt", newPhone, "prov.example.com", named(t, "www.example.com", "prov.example.com"), true},
		{"no CN at all", newPhone, "prov.example.com", named(t, "www.example.com"), true},
		{"an empty CN", newPhone, "prov.example.com", named(t, "", ""), false},
		{"the first of two", newPhone, "a", named(t, "", "a", "b"), true},
		{"the second of two", newPhone, "b", named(t, "", "a", "b"), false},
		{"an address", newPhone, "192.0.2.1", named(t, "", "prov.example.com"), false},
		{"the address", newPhone, "192.0.2.1", named(t, "", "192.0.2.1"), true},
		{"255 characters", newPhone, long[:255], named(t, "", long), true},
		{"more than that", newPhone, long, named(t, "", long), false},
		{"a longer host", newPhone, "prov.example.com.", named(t, "", "prov.example.com"), false},
		{"not asked", newPhone + " name_check=off", "other", named(t, "", "prov"), true},
		{"for DNS", adapter + " name_check=cn_dns", "other", named(t, "", "prov"), true},
	}
	for _, tt := range tests {
		if got := trust.NameFits(rowOf(t, modelOf(tt.row), switchesOf(tt.row)...), tt.leaf, tt.host); got != tt.want {
			t.Errorf("%s: %t", tt.what, got)
		}
	}
	if c, err := x509.ParseCertificate(named(t, "", "a", "b")); err != nil || c.Subject.CommonName != "b" {
		t.Errorf("the test's own certificate has CN %v, %v: it shows nothing of the first", c.Subject, err)
	}
}

func TestAddressOfTheName(t *testing.T) {
	server := netip.MustParseAddr("192.0.2.1")
	other := netip.MustParseAddr("192.0.2.9")
	tests := []struct {
		what, switches string
		leaf           []byte
		found          []netip.Addr
		lookUp         string
		want           bool
	}{
		{"its address", "cn_dns", named(t, "", "prov.example.com"), []netip.Addr{other, server}, "prov.example.com", true},
		{"written in six", "cn_dns", named(t, "", "prov.example.com"), []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.1")}, "prov.example.com", true},
		{"another's", "cn_dns", named(t, "", "prov.example.com"), []netip.Addr{other}, "prov.example.com", false},
		{"none", "cn_dns", named(t, "", "prov.example.com/x"), nil, "prov.example.com", false},
		{"is the name", "cn_dns", named(t, "", "192.0.2.1"), nil, "", true},
		{"is not the name", "cn_dns", named(t, "", "192.0.2.2"), []netip.Addr{server}, "", false},
		{"without a name", "cn_dns", named(t, ""), nil, "", true},
		{"not asked", "cn", named(t, "", "prov.example.com"), nil, "", true},
	}
	for _, tt := range tests {
		row := rowOf(t, adapter, "name_check="+tt.switches)
		name, ok := trust.NameToResolve(row, tt.leaf)
		if name != tt.lookUp || ok != (tt.lookUp != "") {
			t.Errorf("%s: looks up %q, %t", tt.what, name, ok)
		}
		if got := trust.AddressFits(row, tt.leaf, server, tt.found); got != tt.want {
			t.Errorf("%s: %t", tt.what, got)
		}
	}
}

func TestLogLines(t *testing.T) {
	tests := []struct {
		number int
		want   []string
	}{
		{0, []string{"create ssl connection failed"}},
		{trust.UnreadableChain, []string{"create ssl connection failed"}},
		{20, []string{"ssl cert err 20", "create ssl connection failed"}},
		{trust.WrongName, []string{"Cannot verify host name:prov, 50"}},
	}
	for _, tt := range tests {
		if got := trust.LogLines(tt.number, "prov"); !slices.Equal(got, tt.want) {
			t.Errorf("%d: %q", tt.number, got)
		}
	}
}
