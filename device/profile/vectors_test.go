package profile_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"spafleet/device/profile"
)

const (
	phrase  = "SecretPhrase1234"
	hexPass = "83c1e792bc6a824c0d18f429bea52d8483f2a24b32d75bc965d05e38c163d5ef"
)

const basic = `Resync_Periodic na "7200"
Profile_Rule na "[--key $A] http://prov.example.test/spa$MA.xml"
GPP_A "SecretPhrase1234"
Display_Name_1_ ro "Alice & Bob"
Dial_Plan_1_ "( S0 <:18005551212> )"
GPP_B ""
GPP_C
`

// A good vector says the same as its plain file. Names without an entry in
// params are compared with full.xml.
var good = []struct{ file, key, params string }{
	{"basic.xml", "", basic},
	{"basic.xml.gz", "", basic},
	{"basic.xml.enc", phrase, basic},
	{"basic.xml.gz.enc", phrase, basic},
	{"basic.hexpass.enc", hexPass, basic},
	{"basic.gz.hexpass.enc", hexPass, basic},
	{"basic.phrase-with-spaces.enc", "my secret phrase", basic},
	{"full.xml.gz", "", ""},
	{"full.xml.enc", phrase, ""},
	{"full.xml.gz.enc", phrase, ""},
	{"xml.wrapped.xml", "", "GPP_A \"one\"\n"},
	{"xml.namespace.xml", "", "GPP_A \"one\"\n"},
	{"xml.group-attr.xml", "", "Product_Name \"SPA-942\"\nGPP_A \"one\"\n"},
	{"xml.value-attr.xml", "", "GPP_A na \"one\"\nGPP_C \"three\"\n"},
	{"xml.duplicate.xml", "", "GPP_A \"one\"\nGPP_A \"two\"\n"},
	{"xml.two-profiles.xml", "", "GPP_A \"one\"\nGPP_A \"two\"\n"},
	{"xml.case.xml", "", "gpp_a \"one\"\nGPP_C \"three\"\n"},
	{"xml.empty-forms.xml", "", "GPP_A \"\"\nGPP_B\nGPP_C \"\"\n"},
	{"xml.escapes.xml", "", "GPP_A \"&<>\\\"'(..\"\nGPP_B \"two lines\"\nGPP_C \"&unknown;\"\n"},
	{"xml.stray-text.xml", "", "GPP_A \"one\"\nGPP_C \"three\"\n"},
	{"xml.double-hyphen-comment.xml", "", "GPP_A \"one\"\n"},
	{"xml.bad-ua.xml", "", "GPP_A \"one\"\nGPP_C \"three\"\n"},
	{"xml.latin2-decl.xml", "", "Resync_Periodic na \"60\"\n"},
	{"xml.bom.xml", "", "GPP_A \"one\"\n"},
	{"xml.router-configuration.xml", "", "GPP_A \"one\"\n"},
	{"xml.bare-ampersand.xml", "", "GPP_A \"a & b\"\nGPP_C \"three\"\n"},
	{"xml.cdata.xml", "", ""},
}

func TestGoodVectorsSayWhatTheirPlainFileSays(t *testing.T) {
	full, err := profile.Decode(vector(t, "full.xml"), profile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(full.Params) != 702 {
		t.Fatalf("full.xml: %d parameters, want 702", len(full.Params))
	}
	for _, tt := range good {
		want := tt.params
		if strings.HasPrefix(tt.file, "full") {
			want = show(full.Params)
		}
		f, err := profile.Decode(vector(t, tt.file), profile.Options{Key: tt.key, Keyed: tt.key != ""})
		if err != nil {
			t.Errorf("%s: %v", tt.file, err)
			continue
		}
		if got := show(f.Params); got != want {
			t.Errorf("%s: got\n%swant\n%s", tt.file, got, want)
		}
		if keyed := f.Protection == profile.Keyed; keyed != (tt.key != "") {
			t.Errorf("%s: protection %s", tt.file, f.Protection)
		}
	}
}

// A refused vector gives under a keyed rule the first text, and the second
// where the device takes plain files under a key as well. The hint is the
// second's and needs to be there only in part.
var refused = []struct{ file, keyed, plain, hint string }{
	{"neg.sha256-kdf.enc", "file decrypt error", "file decrypt error", "-md md5"},
	{"neg.pbkdf2.enc", "file decrypt error", "file decrypt error", "-pbkdf2"},
	{"neg.aes128.enc", "file decrypt error", "file decrypt error", "-aes-256-cbc"},
	{"neg.truncated.enc", "file decrypt error", "file decrypt error", "multiple of 16"},
	{"neg.header-only.enc", "file decrypt error", "file decrypt error", "multiple of 16"},
	{"neg.trailing-newline.enc", "file decrypt error", "file decrypt error", "multiple of 16"},
	{"neg.nosalt.enc", "expecting an encrypted file", "corrupt file", "-nosalt"},
	{"neg.S-without-header.enc", "expecting an encrypted file", "corrupt file", "-S"},
	{"neg.rawkey-K-iv.enc", "expecting an encrypted file", "corrupt file", "-K"},
	{"neg.base64.enc", "expecting an encrypted file", "corrupt file", "leave out openssl's -a"},
	{"neg.enc-then-gz.gz", "expecting an encrypted file", "corrupt file", "compress first"},
	{"neg.truncated.xml.gz", "expecting an encrypted file", "corrupt file", "gzip"},
	{"edge.zlib", "expecting an encrypted file", "corrupt file", "zlib"},
	{"edge.rawdeflate", "expecting an encrypted file", "corrupt file", ""},
	{"xml.no-flat-profile.xml", "expecting an encrypted file", "corrupt file", "no <flat-profile>"},
	{"xml.unclosed-root.xml", "expecting an encrypted file", "corrupt file", "<flat-profile> is never closed"},
	{"xml.mismatched-tag.xml", "expecting an encrypted file", "corrupt file", "line 2: </GPP_B> where </GPP_A> is due"},
	{"xml.raw-lt-dialplan.xml", "expecting an encrypted file", "corrupt file", "&lt;"},
	{"spc.plain.txt", "expecting an encrypted file", "corrupt file", "source text"},
	{"alias.customer.xml", "expecting an encrypted file", "corrupt file", "no <flat-profile>"},
	{"alias.nested.xml", "expecting an encrypted file", "corrupt file", "no <flat-profile>"},
	{"alias.map.txt", "expecting an encrypted file", "corrupt file", ""},
}

func TestRefusedVectorsGiveTheDevicesText(t *testing.T) {
	for _, tt := range refused {
		body := vector(t, tt.file)
		o := profile.Options{Key: phrase, Keyed: true, Explain: true}
		_, err := profile.Decode(body, o)
		if text, _ := refusal(t, err); text != tt.keyed {
			t.Errorf("%s under a key: got %q, want %q", tt.file, text, tt.keyed)
		}
		o.AcceptPlainUnderKey = true
		f, err := profile.Decode(body, o)
		text, hint := refusal(t, err)
		if text != tt.plain || !strings.Contains(hint, tt.hint) {
			t.Errorf("%s: got %q with hint %q, want %q with %q", tt.file, text, hint, tt.plain, tt.hint)
		}
		if f.Params != nil || f.Protection != 0 {
			t.Errorf("%s: something of a refused file is returned: %+v", tt.file, f)
		}
	}
}

func TestEveryVectorIsTested(t *testing.T) {
	seen := map[string]bool{
		"README.md":       true,
		"make-vectors.sh": true,
		"full.xml":        true, // TestGoodVectorsSayWhatTheirPlainFileSays
	}
	for _, tt := range good {
		seen[tt.file] = true
	}
	for _, tt := range refused {
		seen[tt.file] = true
	}
	files, err := os.ReadDir("testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f.Name()] {
			t.Errorf("%s is in no table", f.Name())
		}
	}
}

func TestSwitchesChangeTheUndocumentedVectors(t *testing.T) {
	tests := []struct {
		file string
		o    profile.Options
		want string // empty: corrupt file
	}{
		{"xml.router-configuration.xml", profile.Options{Nested: true},
			"GPP_A \"one\"\nrouter-configuration/Time_Setup/Time_Zone \"+01 2 2\"\nrouter-configuration/Web_Login_Admin_Name \"admin\"\n"},
		{"xml.empty-forms.xml", profile.Options{EmptyElementClears: true}, "GPP_A \"\"\nGPP_B \"\"\nGPP_C \"\"\n"},
		{"xml.bare-ampersand.xml", profile.Options{StrictAmpersand: true}, ""},
		{"xml.escapes.xml", profile.Options{StrictAmpersand: true},
			"GPP_A \"&<>\\\"'(..\"\nGPP_B \"two lines\"\nGPP_C \"&unknown;\"\n"},
		{"xml.cdata.xml", profile.Options{CDATA: true}, "GPP_A \"a<b\"\n"},
		{"xml.unclosed-root.xml", profile.Options{Mistakes: profile.Mistakes{Broken: profile.ApplyStart}}, "GPP_A \"one\"\n"},
		{"xml.no-flat-profile.xml", profile.Options{Mistakes: profile.Mistakes{Broken: profile.ApplyStart}}, ""},
		{"spc.plain.txt", profile.Options{AcceptSource: true},
			"Provision_Enable na \"Yes\"\nUser_Password rw \"\"\nDial_Plan_1_ ro \"([x*#].)\"\n" +
				"SIP_ToS_DiffServ_Value_1_ na \"0x68\"\nSome_Entry rw\n"},
	}
	for _, tt := range tests {
		f, err := profile.Decode(vector(t, tt.file), tt.o)
		if got := show(f.Params); got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s: got %v\n%swant\n%s", tt.file, err, got, tt.want)
		}
	}
}

func TestEncryptGivesTheBytesOfOpenSSL(t *testing.T) {
	tests := []struct {
		plain, want, pass string
		salt              [8]byte
	}{
		{"basic.xml", "basic.xml.enc", phrase, [8]byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"basic.xml.gz", "basic.xml.gz.enc", phrase, [8]byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"full.xml", "full.xml.enc", phrase, [8]byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"basic.xml", "basic.hexpass.enc", hexPass, [8]byte{0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 7, 0x18}},
	}
	for _, tt := range tests {
		plain, want := vector(t, tt.plain), vector(t, tt.want)
		if got := profile.Encrypt(plain, tt.pass, tt.salt); !bytes.Equal(got, want) {
			t.Errorf("%s: encrypted form differs from %s", tt.plain, tt.want)
		}
		if got, err := profile.Decrypt(want, tt.pass); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: decrypted form differs from %s: %v", tt.want, tt.plain, err)
		}
	}
}

// WrongKey127 is one of the passes in 256 that give good padding.
func TestWrongKeysAreRefused(t *testing.T) {
	for key, want := range map[string]string{
		"WrongKey0":   "file decrypt error",
		"WrongKey127": "corrupt file",
		"":            "zero length key",
	} {
		_, err := profile.Decode(vector(t, "basic.xml.enc"), profile.Options{Key: key, Keyed: true})
		if text, hint := refusal(t, err); text != want || !strings.Contains(hint, "key") {
			t.Errorf("key %q: got %q with hint %q, want %q", key, text, hint, want)
		}
	}
	noise, err := profile.Decrypt(vector(t, "basic.xml.enc"), "WrongKey127")
	if head := []byte("\xff\x8f\xbc\xc2\xb2\x66\xf4\xb5"); err != nil || len(noise) != 431 || !bytes.HasPrefix(noise, head) {
		t.Errorf("WrongKey127: %d bytes %x, %v; want 431 bytes of the known noise", len(noise), noise[:8], err)
	}
}

func TestEncryptedFileWithoutKeyInTheRule(t *testing.T) {
	_, err := profile.Decode(vector(t, "basic.xml.enc"), profile.Options{})
	if text, hint := refusal(t, err); text != "file decrypt error" || !strings.Contains(hint, "no --key") {
		t.Errorf("got %q with hint %q", text, hint)
	}
}

// A fleet must not spend milliseconds on every file that fails.
func TestOnlyExplainTriesTheSlowDerivation(t *testing.T) {
	_, err := profile.Decode(vector(t, "neg.pbkdf2.enc"), profile.Options{Key: phrase, Keyed: true})
	if _, hint := refusal(t, err); strings.Contains(hint, "pbkdf2") {
		t.Errorf("hint %q without Explain", hint)
	}
	_, err = profile.Decrypt(vector(t, "neg.pbkdf2.enc"), phrase)
	if _, hint := refusal(t, err); !strings.Contains(hint, "-pbkdf2") {
		t.Errorf("Decrypt: hint %q does not name -pbkdf2", hint)
	}
}
