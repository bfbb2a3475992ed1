package certs_test

import (
	"bytes"
	"crypto"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device/model"
)

// theirs makes a certificate that no Holder makes, as PEM with its key.
func theirs(t testing.TB, cn string) (cert, key []byte, raw []byte) {
	t.Helper()
	c, err := certs.New(99).Server(certs.ServerRequest{CA: certs.Sipura1, CN: cn, Bits: 1024})
	if err != nil {
		t.Fatal(err)
	}
	if key, err = certs.EncodeKey(c.Key); err != nil {
		t.Fatal(err)
	}
	return certs.EncodeCertificates(c.Chain), key, c.Chain[0]
}

const mac = "000e080123ab" // as of made

func TestUsersMaterialGoesBeforeWhatIsMade(t *testing.T) {
	cert, key, raw := theirs(t, "theirs.example")
	tests := map[string]func(t *testing.T, dir string){
		"pem and key": func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, mac+".pem"), cert)
			write(t, filepath.Join(dir, mac+".key"), key)
		},
		"crt and key, upper case": func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "000E080123AB.CRT"), cert)
			write(t, filepath.Join(dir, "00-0E-08-01-23-AB.key"), key)
		},
		"one pem": func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, mac+".pem"), append(append([]byte("a word before\n"), key...), cert...))
		},
		"key of PKCS #8": func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, mac+".crt"), cert)
			write(t, filepath.Join(dir, mac+".key"), []byte(openssl(t, key, "pkcs8", "-topk8", "-nocrypt")))
		},
		"PKCS #12": func(t *testing.T, dir string) { pkcs12(t, dir, mac+".p12", cert, key) },
		"PKCS #12, old ciphers": func(t *testing.T, dir string) {
			pkcs12(t, dir, mac+".pfx", cert, key, "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1")
		},
	}
	for name, put := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir)
			write(t, filepath.Join(dir, "README"), []byte("not a certificate"))
			m, err := certs.ReadMaterial(dir, "open sesame")
			if err != nil {
				t.Fatal(err)
			}
			h := &certs.Holder{PKI: certs.New(1), Own: m}
			// Even a unit of the defective ones has it.
			u := made(t, "SPA2102", "FM500F100001", map[string]string{"defect_share": "100", "ccert_text": "bits"})
			c, kind, err := h.Certificate(u)
			if err != nil || kind != certs.OwnCertificate || len(c.Chain) != 1 || !bytes.Equal(c.Chain[0], raw) {
				t.Fatalf("%v, %s, %v", c, kind, err)
			}
			signs(t, c)
			if got := h.Status(u); got != "Installed (1024 bits)" {
				t.Errorf("$CCERT %q", got)
			}
			other := unit(t, "SPA2102", "", map[string]string{"defect_share": "0"}, 5)
			if got := shown(t, h, other); got.Subject.Province[0] != other.MAC.String() {
				t.Errorf("another device has %s", got.Subject)
			}
			u = made(t, "SPA2102", "FM500F100001", map[string]string{"client_certificate": "none"})
			if _, kind, err := h.Certificate(u); kind != certs.NoCertificate || err != nil {
				t.Errorf("told to have none: %s, %v", kind, err)
			}
		})
	}
}

// Files of any name are a device's, by its MAC address.
func TestFilesThatAreNamedForADevice(t *testing.T) {
	cert, key, raw := theirs(t, "theirs.example")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.crt"), cert)
	write(t, filepath.Join(dir, "a.key"), key)
	write(t, filepath.Join(dir, "both.pem"), append(append([]byte{}, key...), cert...))
	pkcs12(t, dir, "c.P12", cert, key)
	id, err := model.ParseMAC(mac)
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range [][2]string{{"a.crt", "a.key"}, {"both.pem", ""}, {"c.P12", ""}} {
		own := &certs.Material{Passphrase: "open sesame"}
		keyFile := names[1]
		if keyFile != "" {
			keyFile = filepath.Join(dir, keyFile)
		}
		own.AddFiles(id, filepath.Join(dir, names[0]), keyFile)
		h := &certs.Holder{PKI: certs.New(1), Own: own}
		c, kind, err := h.Certificate(made(t, "SPA2102", "FM500F100001", nil))
		if err != nil || kind != certs.OwnCertificate || len(c.Chain) != 1 || !bytes.Equal(c.Chain[0], raw) {
			t.Errorf("%q: %v, %s, %v", names, c, kind, err)
		}
	}
}

// signs checks that a key can do what a handshake asks of it.
func signs(t *testing.T, c *ssl.Certificate) {
	t.Helper()
	if _, err := c.Key.Sign(nil, make([]byte, 36), crypto.MD5SHA1); err != nil {
		t.Error(err)
	}
}

func pkcs12(t *testing.T, dir, name string, cert, key []byte, options ...string) {
	t.Helper()
	both := filepath.Join(dir, "both.txt")
	write(t, both, append(append([]byte{}, key...), cert...))
	args := append([]string{"pkcs12", "-export", "-in", both, "-out", filepath.Join(dir, name), "-passout", "pass:open sesame"}, options...)
	openssl(t, nil, args...)
}

func TestMaterialThatIsRefused(t *testing.T) {
	cert, key, _ := theirs(t, "theirs.example")
	_, other, _ := theirs(t, "other.example")
	tests := map[string]struct {
		files map[string][]byte
		want  string
	}{
		"nothing":            {map[string][]byte{"README": nil}, "has no file such as 000e08012345.pem"},
		"key alone":          {map[string][]byte{mac + ".key": key}, "has no certificate beside it: want " + mac + ".crt"},
		"two certificates":   {map[string][]byte{mac + ".pem": cert, mac + ".crt": cert}, "has another file already"},
		"PKCS #12 and pem":   {map[string][]byte{mac + ".p12": nil, mac + ".pem": cert}, "has another file already"},
		"key of another":     {map[string][]byte{mac + ".pem": cert, mac + ".key": other}, "the key is not that of the certificate"},
		"no key":             {map[string][]byte{mac + ".pem": cert}, "no key in it"},
		"not PEM":            {map[string][]byte{mac + ".pem": []byte("hello"), mac + ".key": key}, "no certificate in it"},
		"not PKCS #12":       {map[string][]byte{mac + ".p12": []byte("hello")}, "not PKCS #12"},
		"key with a phrase":  {map[string][]byte{mac + ".pem": cert, mac + ".key": []byte(openssl(t, key, "rsa", "-aes128", "-passout", "pass:x"))}, "the key has a passphrase"},
		"key, old phrase":    {map[string][]byte{mac + ".pem": cert, mac + ".key": []byte(openssl(t, key, "rsa", "-aes128", "-traditional", "-passout", "pass:x"))}, "the key has a passphrase"},
		"elliptic":           {map[string][]byte{mac + ".pem": cert, mac + ".key": []byte(openssl(t, nil, "ecparam", "-name", "prime256v1", "-genkey", "-noout"))}, "not an RSA key"},
		"elliptic, PKCS #8":  {map[string][]byte{mac + ".pem": cert, mac + ".key": []byte(openssl(t, nil, "genpkey", "-algorithm", "ed25519"))}, "not an RSA key"},
		"far too long a key": {map[string][]byte{mac + ".pem": cert, mac + ".key": make([]byte, 2<<20)}, "too many"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, data := range tt.files {
				write(t, filepath.Join(dir, file), data)
			}
			m, err := certs.ReadMaterial(dir, "open sesame")
			if err == nil {
				h := &certs.Holder{PKI: certs.New(1), Own: m}
				_, _, err = h.Certificate(made(t, "SPA2102", "FM500H100001", nil))
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

func TestWrongPassphraseIsNotRepeated(t *testing.T) {
	cert, key, _ := theirs(t, "theirs.example")
	dir := t.TempDir()
	pkcs12(t, dir, mac+".p12", cert, key)
	m, err := certs.ReadMaterial(dir, "not so secret")
	if err != nil {
		t.Fatal(err)
	}
	h := &certs.Holder{PKI: certs.New(1), Own: m}
	_, _, err = h.Certificate(made(t, "SPA2102", "FM500H100001", nil))
	if err == nil || !strings.Contains(err.Error(), mac+".p12: the passphrase does not open it") || strings.Contains(err.Error(), "not so secret") {
		t.Errorf("%v", err)
	}
}

// A token signs and gives nothing away.
type token struct{ crypto.Signer }

func (k token) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return k.Signer.Sign(r, digest, o)
}

func TestAnySignerMayHoldADevicesKey(t *testing.T) {
	c, err := certs.New(99).Server(certs.ServerRequest{CA: certs.Sipura1, CN: "theirs.example", Bits: 1024})
	if err != nil {
		t.Fatal(err)
	}
	address, err := model.ParseMAC(mac)
	if err != nil {
		t.Fatal(err)
	}
	held := &ssl.Certificate{Chain: c.Chain, Key: token{c.Key}}
	var m certs.Material
	if err := m.Add(address, held); err != nil {
		t.Fatal(err)
	}
	h := &certs.Holder{PKI: certs.New(1), Own: &m}
	got, kind, err := h.Certificate(made(t, "SPA2102", "FM500H100001", nil))
	if err != nil || got != held || kind != certs.OwnCertificate {
		t.Errorf("%v, %s, %v", got, kind, err)
	}
	signs(t, got)
	if _, err := certs.EncodeKey(held.Key); err == nil {
		t.Error("the key was taken out of its token")
	}
	mine, err := certs.NewKey(1, "other", 1024)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Add(address, &ssl.Certificate{Chain: c.Chain, Key: mine}); err == nil {
		t.Error("a key of another certificate was taken")
	}
	if err := m.Add(address, &ssl.Certificate{Key: mine}); err == nil {
		t.Error("no certificate was taken")
	}
}

func TestADamagedFileMayBeMended(t *testing.T) {
	cert, key, raw := theirs(t, "theirs.example")
	dir := t.TempDir()
	write(t, filepath.Join(dir, mac+".pem"), []byte("to come"))
	m, err := certs.ReadMaterial(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	h := &certs.Holder{PKI: certs.New(1), Own: m}
	u := made(t, "SPA2102", "FM500H100001", nil)
	if _, _, err := h.Certificate(u); err == nil {
		t.Fatal("a certificate out of nothing")
	}
	write(t, filepath.Join(dir, mac+".pem"), append(cert, key...))
	if got := shown(t, h, u); !bytes.Equal(got.Raw, raw) {
		t.Error("another certificate")
	}
}

func FuzzPEM(f *testing.F) {
	cert, key, _ := theirs(f, "theirs.example")
	f.Add(cert)
	f.Add(key)
	f.Add(append([]byte("Bag Attributes\n"), append(key, cert...)...))
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if chain, err := certs.DecodeCertificates(text); err == nil {
			again, err := certs.DecodeCertificates(certs.EncodeCertificates(chain))
			if err != nil || len(again) != len(chain) {
				t.Errorf("%d certificates became %d: %v", len(chain), len(again), err)
			}
		}
		if key, err := certs.DecodeKey(text); err == nil {
			if _, err := certs.EncodeKey(key); err != nil {
				t.Error(err)
			}
		}
	})
}
