package trust_test

import (
	"fmt"
	"strings"
	"testing"

	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
)

func unitOf(r *model.Row) *device.Unit {
	u := devicetest.Unit(r, 0)
	return &u
}

func TestClientSpeaksAsItsFirmwareDoes(t *testing.T) {
	const nine = "[DHE-RSA-AES256-SHA AES256-SHA DHE-RSA-AES128-SHA AES128-SHA RC4-SHA RC4-MD5 EXP1024-DES-CBC-SHA EXP1024-RC4-MD5 EXP-RC4-MD5]"
	tests := []struct{ row, want string }{
		{"SPA2000 2.0.6", "ssl3 tls1.0 " + nine + " 1024"},
		{"PAP2T 5.1.6(LS)", "ssl3 tls1.0 " + nine + " 1024"},
		{"SPA504G 7.5.2 evidence=field", "ssl3 tls1.0 " + nine + " 1024"},
		{"SPA504G 7.5.2b evidence=field", "ssl3 tls1.0 " + nine + " 0"},
		{"SPA504G 7.6.2f", "tls1.0 tls1.0 [AES256-SHA AES128-SHA] 0"},
		{"SPA504G 7.6.2f tls_versions=ssl3", "ssl3 ssl3 [AES256-SHA AES128-SHA] 0"},
		{"SPA504G 7.6.2f tls_suites=rc4", "tls1.0 tls1.0 [RC4-SHA RC4-MD5 DES-CBC3-SHA] 0"},
		{"SPA504G 7.6.2f tls_suites=sipura dh_limit=512", "tls1.0 tls1.0 " + nine + " 512"},
	}
	for _, tt := range tests {
		row := rowOf(t, modelOf(tt.row), switchesOf(tt.row)...)
		c, err := devices().Client(unitOf(row), device.Reset(row.Factory), today)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(c.Min, c.Max, c.Suites, c.MostDHBits); got != fmt.Sprint(tt.want) {
			t.Errorf("%s: %s, want %s", tt.row, got, tt.want)
		}
		if c.Verify == nil || !c.Now().Equal(today) || !c.EmptyFragments {
			t.Errorf("%s: %+v", tt.row, c)
		}
	}
}

// set changes parameters of the factory's, as "NAME=VALUE …".
func set(t testing.TB, r *model.Row, changes string) device.Params {
	t.Helper()
	var sets []device.Set
	for _, c := range strings.Fields(changes) {
		name, value, _ := strings.Cut(c, "=")
		id, ok := model.LookupID(name)
		if !ok {
			t.Fatalf("no parameter %s", name)
		}
		sets = append(sets, device.Set{ID: id, Value: value, Has: true})
	}
	p, _ := device.Reset(r.Factory).With(&device.Layers{}, sets)
	return p
}

func TestTheTwoParametersOf762(t *testing.T) {
	tests := []struct{ row, changes, want string }{
		{newPhone, "Enable_SSLv3=Yes", "ssl3 tls1.0 2"},
		{newPhone, "SSL_Key_Negotiation=Default", "tls1.0 tls1.0 26"},
		{newPhone, "SSL_Key_Negotiation=RSA Enable_SSLv3=No", "tls1.0 tls1.0 2"},
		{newPhone + " tls_versions=tls1.0-tls1.1 tls_suites=sipura", "Enable_SSLv3=Yes SSL_Key_Negotiation=Default", "tls1.0 tls1.1 9"},
		{oldPhone, "Enable_SSLv3=Yes SSL_Key_Negotiation=Default", "ssl3 tls1.0 26"},
		{oldPhone + " tls_versions=parameter tls_suites=parameter", "Enable_SSLv3=Yes SSL_Key_Negotiation=Default", "tls1.0 tls1.0 2"},
		{"SPA525G2 7.6.2e", "Enable_SSLv3=Yes", "ssl3 tls1.0 2"}, // it has no SSL_Key_Negotiation
	}
	for _, tt := range tests {
		row := rowOf(t, modelOf(tt.row), switchesOf(tt.row)...)
		c, err := devices().Client(unitOf(row), set(t, row, tt.changes), today)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(c.Min, c.Max, len(c.Suites)); got != tt.want {
			t.Errorf("%s, %s: %s, want %s", tt.row, tt.changes, got, tt.want)
		}
	}
}

// In the format of SSL 2.0 a library's list has those suites too, 7.6.2's own two do
// not, and the switch and the parameter say which format it is.
func TestHelloInTheFormatOfSSL2(t *testing.T) {
	tests := []struct {
		row, changes string
		ssl2         bool
		specs        int
	}{
		{"SPA504G 7.5.2b", "", true, 33}, {"SPA504G 7.4.7", "", true, 33}, {"SPA504G 7.6.1", "", true, 33}, {"PAP2T 5.1.6(LS)", "", true, 0},
		{newPhone, "", false, 0}, {newPhone, "Enable_SSLv3=Yes", true, 0}, {newPhone, "Enable_SSLv3=Yes SSL_Key_Negotiation=Default", true, 33},
		{newPhone, "SSL_Key_Negotiation=Default", false, 33}, {newPhone + " tls_hello=tls", "Enable_SSLv3=Yes", false, 0}, {newPhone + " evidence=field", "Enable_SSLv3=Yes", false, 0},
		{"SPA112 1.4.1(SR5)", "", false, 26},
	}
	for _, tt := range tests {
		row := rowOf(t, modelOf(tt.row), switchesOf(tt.row)...)
		c, err := devices().Client(unitOf(row), set(t, row, tt.changes), today)
		if err != nil {
			t.Fatal(err)
		}
		if c.SSL2Hello != tt.ssl2 || len(c.SSL2Specs) != tt.specs {
			t.Errorf("%s %s: %t with %d specs", tt.row, tt.changes, c.SSL2Hello, len(c.SSL2Specs))
		}
	}
}

// The client of one row is made for each connection.
func BenchmarkClient(b *testing.B) {
	row := rowOf(b, newPhone)
	d, u, p := devices(), unitOf(row), device.Reset(row.Factory)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Client(u, p, today); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWhoSpeaks12HasAClientOfItsOwn(t *testing.T) {
	d := devices()
	for text, modern := range map[string]bool{"": false, "tls1.2": true, "tls1.0-tls1.2": true, "tls1.0-tls1.1": false} {
		row := rowOf(t, newPhone)
		if text != "" {
			row = rowOf(t, newPhone, "tls_versions="+text)
		}
		if trust.Speaks12(row) != modern {
			t.Errorf("%s: speaks TLS 1.2: %t", text, !modern)
		}
		_, err := d.Client(unitOf(row), device.Reset(row.Factory), today)
		_, modernErr := d.Modern(unitOf(row), device.Reset(row.Factory), today)
		if (err != nil) != modern || (modernErr == nil) != modern {
			t.Errorf("%s: errors %v, %v", text, err, modernErr)
		}
	}
}
