package resync

import (
	"slices"
	"testing"
)

// The example of RFC 2617 §3.5, with the fields in the devices' order.
func TestDigestOfTheRFCsExample(t *testing.T) {
	r := reply{uid: "Mufasa", pwd: "Circle Of Life", method: "GET", uri: "/dir/index.html"}
	challenge := `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`
	want := `Digest username="Mufasa",realm="testrealm@host.com",nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",uri="/dir/index.html",` +
		`algorithm=MD5,qop=auth,nc=00000001,cnonce="0a4f113b",response="6629fae49393a05397450978507c4ef1",opaque="5ccc069c403ebaf9f0171e9517f40e41"`
	if got := r.to([]string{challenge}, "0a4f113b"); got != want {
		t.Errorf("answer is\n%s\nwant\n%s", got, want)
	}
}

func TestChallengesAreReadApart(t *testing.T) {
	tests := []struct {
		headers []string
		schemes []string
	}{
		{[]string{`Basic`}, []string{"basic"}},
		{[]string{`Basic realm="a, b", Digest realm="c", nonce="n"`}, []string{"basic", "digest"}},
		{[]string{`NTLM`, `Basic realm=x`}, []string{"ntlm", "basic"}},
		{[]string{`realm="of nothing"`}, nil},
	}
	for _, tt := range tests {
		var schemes []string
		for _, c := range parseChallenges(tt.headers) {
			schemes = append(schemes, c.scheme)
		}
		if !slices.Equal(schemes, tt.schemes) {
			t.Errorf("%q: schemes %q, want %q", tt.headers, schemes, tt.schemes)
		}
	}
	if c := parseChallenges([]string{`Digest realm="a, \"b\"" , nonce = n`})[0]; c.params["realm"] != `a, \"b\"` || c.params["nonce"] != "n" {
		t.Errorf("parameters %q", c.params)
	}
}

// Whatever a server sends, its challenge is answered or left.
func FuzzChallenge(f *testing.F) {
	f.Add(`Basic realm="x", Digest nonce="y", qop="auth"`)
	f.Add(`Digest "`)
	f.Add(`,=,Digest =`)
	f.Fuzz(func(t *testing.T, header string) {
		r := reply{uid: "u", pwd: "p", method: "GET", uri: "/"}
		first := r.to([]string{header}, "c")
		again := reply{uid: "u", pwd: "p", method: "GET", uri: "/"}
		if first != again.to([]string{header}, "c") {
			t.Error("the answer is no function of the challenge")
		}
	})
}
