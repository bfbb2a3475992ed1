package digest_test

import (
	"maps"
	"testing"

	"spafleet/device/digest"
)

// The example of RFC 2617, section 3.5.
func TestTheProofOfTheStandard(t *testing.T) {
	f := digest.Fields(`username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b"`)
	middle := f["nonce"] + ":" + f["nc"] + ":" + f["cnonce"] + ":" + f["qop"]
	if got := digest.Proof(digest.Hash("Mufasa:testrealm@host.com:Circle Of Life"), middle, "GET", f["uri"]); got != "6629fae49393a05397450978507c4ef1" {
		t.Errorf("proof %s", got)
	}
}

func TestFieldsAreReadWithAndWithoutQuotes(t *testing.T) {
	for text, want := range map[string]map[string]string{
		`A="x, y",b=z ,c=""`: {"a": "x, y", "b": "z", "c": ""},
		`a="no end`:          {"a": "no end"},
		`a, b=c`:             {"a, b": "c"},
		`nothing`:            {},
		``:                   {},
	} {
		if got := digest.Fields(text); !maps.Equal(got, want) {
			t.Errorf("%q has %v, want %v", text, got, want)
		}
	}
}
