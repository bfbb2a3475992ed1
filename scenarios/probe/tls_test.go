package probe

import (
	"slices"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/device/observed"
	"spafleet/scenarios/probe/probetest"
)

// namesOf returns the names of a part of the table.
func namesOf(list []*experiment) (names []string) {
	for _, x := range list {
		names = append(names, x.name)
	}
	return names
}

// needsTrust are the experiments that show the phone a certificate.
var needsTrust = []string{"ca_table", "verisign", "cert_time", "cert_early", "cert_purpose", "cert_sha256", "name_check",
	"dh_limit", "dh_exceeded", "hello_request", "tls_think", "empty_fragments", "client_certificate", "client_root", "generic_certificate"}

func TestWithoutAnAuthorityThatThePhoneTrustsThereIsAReason(t *testing.T) {
	for _, tt := range []struct {
		why string
		pki *certs.PKI
	}{
		{"--certs", nil},
		{"the phone trusts none of the authorities of --certs", certs.New(2)},
	} {
		probetest.Bubble(t, func(t *testing.T) {
			l := newLoop(t, "SPA942", "", nil, namesOf(tlsExperiments)...)
			l.question.PKI = tt.pki
			f := l.ask(t)
			for _, name := range needsTrust {
				if found := findingOf(f, name); found.Value != "" || found.OneOf != nil || !strings.Contains(found.Why, tt.why) {
					t.Errorf("%s: %+v", name, found)
				}
			}
			for name, want := range map[string]string{"tls_versions": "ssl3-tls1.0", "tls_suites": "sipura", "tls_hello": "ssl2", "ccert_text": "plain"} {
				if found := findingOf(f, name); found.Value != want {
					t.Errorf("%s: %+v", name, found)
				}
			}
		})
	}
}

func TestNothingOfTheUnitIsTold(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		l := newLoop(t, "SPA504G", "", nil, "tls-client")
		f := l.ask(t)
		u := l.Phone.View().Unit
		text := factsOf(f.Without(observed.Secrets{MAC: u.MAC, Serial: u.Serial}))
		if !strings.Contains(text, "client certificate: subject") || strings.Contains(strings.ToLower(text), u.MAC.String()) || strings.Contains(text, u.Serial) {
			t.Errorf("MAC %s, serial %s:\n%s", u.MAC, u.Serial, text)
		}
	})
}

func TestAHelloThatIsCutShortIsReadToItsEndAndNoFurther(t *testing.T) {
	old := append([]byte{0x80, 0x2e, 1, 3, 1, 0, 3, 0, 0, 0, 32, 0, 0, 0x35}, slices.Repeat([]byte{7}, 32)...)
	plain := append([]byte{22, 3, 1, 0, 53, 1, 0, 0, 49, 3, 1}, slices.Repeat([]byte{7}, 32)...)
	plain = append(plain, 0, 0, 2, 0, 0x35, 1, 0, 0, 8, 0, 23, 0, 0, 0, 35, 0, 0)
	for n := range old[3:] {
		if h := parseSSL2Hello(old[:3+n]); h.read {
			t.Errorf("%d bytes of a hello of SSL 2.0 are a hello: %+v", 3+n, h)
		}
	}
	if h := parseSSL2Hello(old); !h.read || h.version != 0x0301 || !slices.Equal(h.specs, []uint32{0x35}) || len(h.random) != 32 {
		t.Errorf("%+v", h)
	}
	for n := range plain[5:] {
		h := parseHello(plain[:5+n])
		if before := len(plain) - 10; h.read && 5+n != before { // there its extensions begin, which it need not have
			t.Errorf("%d bytes of a hello are a hello: %+v", 5+n, h)
		}
	}
	if h := parseHello(plain); !h.read || h.version != 0x0301 || !slices.Equal(h.specs, []uint32{0x35}) || !slices.Equal(h.extras, []uint16{23, 35}) {
		t.Errorf("%+v", h)
	}
}
