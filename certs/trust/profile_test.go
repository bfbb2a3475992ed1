package trust_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
)

// valuesOf returns what a row's profile says under a name.
func valuesOf(r *model.Row, name string) []string {
	var values []string
	for _, l := range trust.ProfileOf(r).Lines {
		if l.Name == name {
			values = append(values, fmt.Sprintf("%s (%s)", l.Value, l.Evidence))
		}
	}
	return values
}

func TestEveryProfileIsComplete(t *testing.T) {
	ids := map[string]bool{}
	for m := range model.All() {
		for _, f := range m.Firmwares {
			row := rowOf(t, m.Name+" "+f.Version)
			p := trust.ProfileOf(row)
			ids[p.ID] = true
			for _, l := range p.Lines {
				if l.Name == "" || l.Value == "" || l.Source == "" {
					t.Errorf("%s %s: %+v", m.Name, f.Version, l)
				}
			}
			if row.Speaks("https") == (p.ID == "") {
				t.Errorf("%s %s: profile %q", m.Name, f.Version, p.ID)
			}
		}
	}
	if len(ids) != 7 { // six, and none
		t.Errorf("profiles %v", ids)
	}
}

// What the profile says of the client is what the client does.
func TestProfileIsThatOfTheClient(t *testing.T) {
	for m := range model.All() {
		for _, f := range m.Firmwares {
			row := rowOf(t, m.Name+" "+f.Version)
			if !row.Speaks("https") {
				continue
			}
			c, err := devices().Client(unitOf(row), device.Reset(row.Factory), today)
			if err != nil {
				t.Fatal(err)
			}
			var offers []string
			for _, text := range valuesOf(row, "offers") {
				offers = append(offers, strings.Fields(text)[0])
			}
			var want []string
			for _, s := range c.Suites {
				want = append(want, fmt.Sprintf("%04x", uint16(s)))
			}
			if c.SSL2Hello && c.SSL2Specs != nil {
				want = nil
				for _, s := range c.SSL2Specs {
					want = append(want, strings.TrimPrefix(fmt.Sprintf("%06x", s), "00"))
				}
			}
			if !slices.Equal(offers, want) {
				t.Errorf("%s %s offers %v, says %v", m.Name, f.Version, want, offers)
			}
			hello := fmt.Sprintf("%d bytes", 48+2*len(want))
			if c.SSL2Hello {
				hello = fmt.Sprintf("%d bytes, in the format of SSL 2.0 (", 43+3*len(want))
			}
			if got := valuesOf(row, "first hello"); len(got) != 1 || !strings.HasPrefix(got[0], hello) {
				t.Errorf("%s %s: first hello %v, want %s", m.Name, f.Version, got, hello)
			}
		}
	}
}

func TestProfileLines(t *testing.T) {
	tests := []struct{ row, name, want string }{
		{newPhone, "versions", "TLS 1.0 alone; with Enable_SSLv3 SSL 3.0 to TLS 1.0 (field)"},
		{newPhone, "first hello", "52 bytes; with Enable_SSLv3 49 bytes, in the format of SSL 2.0 (inferred)"},
		{"SPA504G 7.5.2b", "first hello", "142 bytes, in the format of SSL 2.0 (image)"},
		{"SPA504G 7.5.2b evidence=field", "first hello", "66 bytes (inferred)"},
		{"SPA504G 7.5.5", "clock for certificates", "never set: it counts from 1970 at power-on, and nothing has ended (inferred)"},
		{"SPA504G 7.5.2b", "signature with SHA-256", "refused: error 7, alert 51 (image)"},
		{newPhone + " tls_versions=tls1.2", "versions", "TLS 1.2 alone (inferred)"},
		{newPhone, "hello extensions", "none: no server name, no ticket (field)"},
		{adapter, "hello extensions", "none: no server name, no ticket (inferred)"},
		{adapter, "DHE primes", "at most 1024 bits (inferred)"},
		{"PAP2T 5.1.6(LS)", "DHE primes", "at most 1024 bits (field)"},
		{"PAP2T 5.1.6(LS)", "does not trust", "ciscosb1 (field) verisign (field)"},
		{"PAP2T 5.1.6(LS) ca_table=documented", "does not trust", "verisign (inferred)"},
		{"SPA504G 7.5.7", "answer to HelloRequest", "shakes hands again, and fails with alert 40 where a certificate is asked for (field)"},
		{"SPA504G 7.5.6b", "answer to HelloRequest", "shakes hands again (inferred)"},
		{"PAP2 3.1.23(LS)", "signed by", "linksys-client-1: RSA 1024 bits, SHA-1 (inferred)"},
		{adapter, "signed by", "sipura-client-1: RSA 1024 bits, MD5 (inferred)"},
		{newPhone + " client_root=late", "signed by", "ciscosb-client-2: RSA 2048 bits, SHA-1 (inferred)"},
		{adapter, "defective units", "FM500F100000 to FM500F699999, made 2005-11-15 to 2006-06-15 (documented)"},
		{newPhone, "defective units", ""},
		{oldPhone, "servers of linksys1", ""},
		{newPhone, "servers of linksys1", "refused since 2015-06-30: error 10, alert 45 (field)"},
		{"SPA2000 2.0.6", "check of the name", "after the handshake: an address of the first CN, cut at /, is the server's (documented) without any CN all is well (documented)"},
	}
	for _, tt := range tests {
		row := rowOf(t, modelOf(tt.row), switchesOf(tt.row)...)
		if got := strings.Join(valuesOf(row, tt.name), " "); got != tt.want {
			t.Errorf("%s, %s: %s, want %s", tt.row, tt.name, got, tt.want)
		}
	}
}

func TestProfileAsJSON(t *testing.T) {
	text, err := json.Marshal(trust.ProfileOf(rowOf(t, newPhone)))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"id":"spa50x-7.6.2","lines":[{"name":"versions","value":"TLS 1.0 alone`; !strings.HasPrefix(string(text), want) {
		t.Errorf("got %s", text)
	}
	if !strings.Contains(string(text), `"evidence":"documented"`) {
		t.Error("evidence is no word")
	}
}
