package profile_test

import (
	"encoding/json"
	"testing"

	"spafleet/device/profile"
)

func TestDescribe(t *testing.T) {
	tests := []struct {
		body        []byte
		prose, json string
	}{
		{[]byte(onePage), "open XML, 37 bytes", `{"format":"open XML","length":37}`},
		{vector(t, "basic.xml.gz"), "gzip, 282 bytes", `{"format":"gzip","length":282}`},
		{vector(t, "basic.xml.enc"), "openssl enc, 448 bytes, AES-256-CBC (passphrase key)",
			`{"format":"openssl enc","length":448,"cipher":"AES-256-CBC","key_kind":"passphrase"}`},
		{vector(t, "spc.plain.txt"), "source text, 323 bytes: source text of the vendor's compiler: no device takes it uncompiled",
			`{"format":"source text","length":323,"hint":"source text of the vendor's compiler: no device takes it uncompiled"}`},
		{compile(t, profile.Container{MAC: mac, Cipher: profile.AES, HexKey: key256, Family: "pap2"}),
			"spafleet container, 188 bytes, targeted, AES (hex key), family pap2, 90 bytes of source text",
			`{"format":"spafleet container","length":188,"targeted":true,"cipher":"AES","key_kind":"hex","family":"pap2","inner_length":90}`},
		{compile(t, profile.Container{Scramble: true}), "spafleet container, 178 bytes, scrambled, 90 bytes of source text",
			`{"format":"spafleet container","length":178,"scrambled":true,"inner_length":90}`},
		{[]byte("SPAFLTC1"), "spafleet container, 8 bytes: bad container header",
			`{"format":"spafleet container","length":8,"hint":"bad container header"}`},
		{[]byte("SIPURA SPA 1    "), "vendor compiled, 16 bytes: a firmware image, not a profile",
			`{"format":"vendor compiled","length":16,"hint":"a firmware image, not a profile"}`},
		{[]byte("<html></html>"), "unknown, 13 bytes: an HTML page, not a profile",
			`{"format":"unknown","length":13,"hint":"an HTML page, not a profile"}`},
		{nil, "unknown, 0 bytes: the file is empty", `{"format":"unknown","length":0,"hint":"the file is empty"}`},
	}
	for _, tt := range tests {
		d := profile.Describe(tt.body)
		if got := d.String(); got != tt.prose {
			t.Errorf("got  %s\nwant %s", got, tt.prose)
		}
		got, err := json.Marshal(d)
		if err != nil || string(got) != tt.json {
			t.Errorf("got  %s\nwant %s (%v)", got, tt.json, err)
		}
	}
}
