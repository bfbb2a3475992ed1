package profile_test

import (
	"bytes"
	"strings"
	"testing"

	"spafleet/device/profile"
)

const (
	mac    = "000e08012345"
	key256 = "83c1e792bc6a824c0d18f429bea52d8483f2a24b32d75bc965d05e38c163d5ef"
	key128 = "83c1e792bc6a824c0d18f429bea52d84"
)

var sample = []profile.Param{
	{Name: "GPP_A", Value: "one", Has: true, Access: profile.ReadWrite},
	{Name: "Dial_Plan_1_", Value: "( \"S0\" <:1> ) \\x41\n\xe9 ", Has: true, Access: profile.ReadOnly},
	{Name: "GPP_B", Has: true, Access: profile.NoAccess},
	{Name: "GPP_C", Access: profile.ReadWrite},
}

func compile(t testing.TB, c profile.Container) []byte {
	t.Helper()
	copy(c.Salt[:], "0123456789abcdef")
	copy(c.IV[:], "fedcba9876543210")
	body, err := profile.Compile(sample, c)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestAContainerOpensForItsDeviceOnly(t *testing.T) {
	device := profile.Options{MAC: mac, Family: "spa9xx"}
	keyed := func(key string) profile.Options {
		o := device
		o.Key, o.Keyed = key, true
		return o
	}
	tests := []struct {
		name string
		c    profile.Container
		o    profile.Options
		want string // the protection, or the refusal
	}{
		{"plain", profile.Container{}, device, "plain"},
		{"plain under a key", profile.Container{}, keyed("k"), "plain"},
		{"own family", profile.Container{Family: "spa9xx"}, device, "plain"},
		{"other family", profile.Container{Family: "spa5xx"}, device, "corrupt file"},
		{"scrambled", profile.Container{Scramble: true}, device, "scrambled"},
		{"targeted", profile.Container{MAC: mac}, device, "targeted"},
		{"targeted in capitals", profile.Container{MAC: strings.ToUpper(mac)}, device, "targeted"},
		{"another's", profile.Container{MAC: "000e08012346"}, device, "corrupt file"},
		{"another's, right key", profile.Container{MAC: "000e08012346", Cipher: profile.AES, HexKey: key256}, keyed(key256), "corrupt file"},
		{"targeted, no MAC known", profile.Container{MAC: mac}, profile.Options{}, "corrupt file"},
		{"AES-256", profile.Container{Cipher: profile.AES, HexKey: key256}, keyed(key256), "keyed"},
		{"AES-128", profile.Container{Cipher: profile.AES, HexKey: key128}, keyed(key128), "keyed-weak"},
		{"AES, ascii key", profile.Container{Cipher: profile.AES, AsciiKey: "my secret"}, keyed("my secret"), "keyed-weak"},
		{"AES, ascii key of hex digits", profile.Container{Cipher: profile.AES, AsciiKey: key256}, keyed(key256), "keyed-weak"},
		{"RC4, 256 bits", profile.Container{Cipher: profile.RC4, HexKey: key256}, keyed(key256), "keyed-weak"},
		{"RC4, 40 bits", profile.Container{Cipher: profile.RC4, HexKey: "0102030405"}, keyed("0102030405"), "keyed-weak"},
		{"RC4, ascii key", profile.Container{Cipher: profile.RC4, AsciiKey: "k"}, keyed("k"), "keyed-weak"},
		{"targeted and keyed", profile.Container{MAC: mac, Cipher: profile.AES, HexKey: key256}, keyed(key256), "targeted+keyed"},
		{"scrambled and keyed", profile.Container{Scramble: true, Cipher: profile.RC4, AsciiKey: "k"}, keyed("k"), "scrambled+keyed-weak"},
		{"wrong AES key", profile.Container{Cipher: profile.AES, HexKey: key256}, keyed(strings.Repeat("00", 32)), "file decrypt error"},
		{"wrong RC4 key", profile.Container{Cipher: profile.RC4, AsciiKey: "k"}, keyed("K"), "file decrypt error"},
		{"targeted, wrong key", profile.Container{MAC: mac, Cipher: profile.RC4, AsciiKey: "k"}, keyed("K"), "file decrypt error"},
		{"no hex key", profile.Container{Cipher: profile.AES, HexKey: key256}, keyed("phrase"), "file decrypt error"},
		{"rule without key", profile.Container{Cipher: profile.AES, HexKey: key256}, device, "file decrypt error"},
		{"empty key", profile.Container{Cipher: profile.AES, HexKey: key256}, keyed(""), "zero length key"},
	}
	for _, tt := range tests {
		f, err := profile.Decode(compile(t, tt.c), tt.o)
		got, _ := refusal(t, err)
		if err == nil {
			got = f.Protection.String()
			if show(f.Params) != show(sample) {
				t.Errorf("%s: got\n%swant\n%s", tt.name, show(f.Params), show(sample))
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestContainerInsideEncryptedGzip(t *testing.T) {
	body := profile.Encrypt(profile.Gzip(compile(t, profile.Container{MAC: mac})), "k", [8]byte{1})
	f, err := profile.Decode(body, profile.Options{MAC: mac, Key: "k", Keyed: true})
	if err != nil || show(f.Params) != show(sample) || f.Protection != profile.Targeted|profile.Keyed {
		t.Errorf("got %s, %v\n%s", f.Protection, err, show(f.Params))
	}
}

// The layout is public: a change of it breaks files that people keep. The file
// was made with Python's hashlib and openssl enc, from the package comment.
func TestContainerLayoutStays(t *testing.T) {
	body := compile(t, profile.Container{Family: "pap2", MAC: mac, Cipher: profile.AES, AsciiKey: "k"})
	header := "SPAFLTC1\x06\x02\x01\x04pap20123456789abcdeffedcba9876543210\x00\x00\x00\x5a"
	if !bytes.HasPrefix(body, []byte(header)) {
		t.Errorf("header %q, want %q", body[:len(header)], header)
	}
	want := vectorOf(t, "container-targeted-ascii.bin")
	if !bytes.Equal(body, want) {
		t.Errorf("got  %x\nwant %x", body, want)
	}
}

func TestDamagedContainerIsRefused(t *testing.T) {
	for name, c := range map[string]profile.Container{
		"plain":    {Family: "f"},
		"targeted": {MAC: mac},
		"keyed":    {Cipher: profile.AES, HexKey: key256},
		"rc4":      {MAC: mac, Cipher: profile.RC4, AsciiKey: "k"},
	} {
		o := profile.Options{MAC: mac, Family: "f", Key: "k", Keyed: c.Cipher != profile.NoCipher}
		if c.HexKey != "" {
			o.Key = c.HexKey
		}
		body := compile(t, c)
		if _, err := profile.Decode(body, o); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range body {
			if _, err := profile.Decode(body[:n], o); err == nil {
				t.Errorf("%s: the first %d bytes are accepted", name, n)
			}
		}
		for i := range body {
			damaged := bytes.Clone(body)
			damaged[i] ^= 0x40
			// The salt means nothing to a file that is neither targeted nor
			// scrambled, and the IV nothing to one without AES.
			f, err := profile.Decode(damaged, o)
			if err == nil && show(f.Params) != show(sample) {
				t.Errorf("%s: byte %d changed goes unnoticed", name, i)
			}
		}
	}
}

func TestContainerLimitCountsTheSourceText(t *testing.T) {
	body := compile(t, profile.Container{})
	_, err := profile.Decode(body, profile.Options{Limit: len(body) - 1})
	if text, _ := refusal(t, err); text != "file size exceeds internal buffer" {
		t.Errorf("got %q", text)
	}
	long := bytes.Clone(body)
	long[44] = 0x7f // the length, far beyond the file's own
	_, err = profile.Decode(long, profile.Options{Limit: len(body)})
	if text, _ := refusal(t, err); text != "file size exceeds internal buffer" {
		t.Errorf("with a false length: got %q", text)
	}
}

func TestCompileRefusesWhatNoDeviceCouldOpen(t *testing.T) {
	tests := []struct {
		c    profile.Container
		p    profile.Param
		want string
	}{
		{c: profile.Container{MAC: "000e0801234"}, want: `bad MAC "000e0801234"`},
		{c: profile.Container{MAC: "000e0801234g"}, want: "bad MAC"},
		{c: profile.Container{MAC: mac, Scramble: true}, want: "exclude each other"},
		{c: profile.Container{Family: strings.Repeat("f", 256)}, want: "256 bytes"},
		{c: profile.Container{Cipher: profile.AES, HexKey: "0102"}, want: `bad hex key "0102" for AES`},
		{c: profile.Container{Cipher: profile.RC4, HexKey: strings.Repeat("00", 33)}, want: "bad hex key"},
		{c: profile.Container{Cipher: profile.RC4}, want: `bad hex key ""`},
		{c: profile.Container{Cipher: 9, AsciiKey: "k"}, want: "Cipher(9)"},
		{c: profile.Container{AsciiKey: "k"}, want: "a key without a cipher"},
		{c: profile.Container{Cipher: profile.AES, AsciiKey: "k", HexKey: key256}, want: "both"},
		{p: profile.Param{Name: "Dial Plan[1]"}, want: `bad parameter name "Dial Plan[1]"`},
	}
	for _, tt := range tests {
		var params []profile.Param
		if tt.p.Name != "" {
			params = append(params, tt.p)
		}
		body, err := profile.Compile(params, tt.c)
		if err == nil || !strings.HasPrefix(err.Error(), "compile profile: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %s", tt.c, err, tt.want)
		}
		if body != nil {
			t.Errorf("%+v: a file is returned", tt.c)
		}
	}
}

func TestUnsaidAccessComesBackAsNone(t *testing.T) {
	body, err := profile.Compile([]profile.Param{{Name: "A", Value: "x", Has: true}}, profile.Container{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := profile.Decode(body, profile.Options{})
	if got := show(f.Params); err != nil || got != "A na \"x\"\n" {
		t.Errorf("got %q, %v", got, err)
	}
}
