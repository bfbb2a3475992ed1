package prov_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/device/profile"
	"spafleet/prov"
)

const text = "<flat-profile><User_ID_1_>1001</User_ID_1_></flat-profile>"

// decoded returns a body as a device with these options reads it.
func decoded(t *testing.T, body []byte, o profile.Options) profile.File {
	t.Helper()
	f, err := profile.Decode(body, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Params) != 1 || f.Params[0].Name != "User_ID_1_" || f.Params[0].Value != "1001" {
		t.Fatalf("decoded to %+v", f.Params)
	}
	return f
}

func TestDevicesReadEveryEncoding(t *testing.T) {
	pairs := &prov.Pairs{Seed: 1}
	key := pairs.At(mac, 0).Key
	tests := []struct {
		name  string
		entry prov.Entry
		open  profile.Options
		want  profile.Protection
	}{
		{"plain", prov.Entry{}, profile.Options{}, 0},
		{"gzip", prov.Entry{Gzip: true}, profile.Options{}, 0},
		{"key", prov.Entry{Key: "word"}, profile.Options{Keyed: true, Key: "word"}, profile.Keyed},
		{"key of the device", prov.Entry{Key: "{{ key }}"}, profile.Options{Keyed: true, Key: key}, profile.Keyed},
		{"gzip and key", prov.Entry{Key: "word", Gzip: true}, profile.Options{Keyed: true, Key: "word"}, profile.Keyed},
		{"bound", prov.Entry{Bound: true}, profile.Options{MAC: mac}, profile.Targeted},
		{"all", prov.Entry{Bound: true, Gzip: true, Key: "word"}, profile.Options{MAC: mac, Keyed: true, Key: "word"}, profile.Targeted | profile.Keyed},
		{"size", prov.Entry{Size: 4096}, profile.Options{}, 0},
		{"size, gzip and key", prov.Entry{Size: 4096, Gzip: true, Key: "word"}, profile.Options{Keyed: true, Key: "word"}, profile.Keyed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.entry.Body = text
			ask := func() []byte {
				c := newCore(t, map[string]prov.Entry{"/$MA.xml": tt.entry}, prov.Options{Expand: tell, Pairs: pairs})
				return get(c, "/"+mac+".xml").Body
			}
			body := ask()
			if f := decoded(t, body, tt.open); f.Protection != tt.want {
				t.Errorf("protection %s, want %s", f.Protection, tt.want)
			}
			if !bytes.Equal(body, ask()) {
				t.Error("another server of the same files sends other bytes")
			}
		})
	}
}

func TestABoundFileOpensForItsDeviceOnly(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/$MAU.bin": {Body: text, Bound: true}}, prov.Options{})
	body := get(c, "/"+strings.ToUpper(mac)+".bin").Body
	decoded(t, body, profile.Options{MAC: mac})
	if _, err := profile.Decode(body, profile.Options{MAC: other}); err == nil {
		t.Error("another device opened it")
	}
}

func TestSizeIsKept(t *testing.T) {
	for _, size := range []int{0, 1, len(text), len(text) + 1, len(text) + 6, len(text) + 7, len(text) + 8, 200, 16 << 10} {
		c := newCore(t, map[string]prov.Entry{"/a": {Body: text, Size: size}, "/text": {Body: "word", Size: size}}, prov.Options{})
		body := get(c, "/a").Body
		if want := max(size, len(text)); len(body) != want {
			t.Errorf("size %d: %d bytes, want %d", size, len(body), want)
		}
		decoded(t, body, profile.Options{})
		body = get(c, "/text").Body
		if want := max(size, 4); len(body) != want || strings.TrimSpace(string(body)) != "word" {
			t.Errorf("size %d: plain text became %q", size, body)
		}
	}
}

func TestTextsInUCS2(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/d": {Body: "<a>é€</a>", UCS2: true}, "/padded": {Body: "<a/>", UCS2: true, Size: 100}}, prov.Options{})
	if got, want := string(get(c, "/d").Body), "\xfe\xff\x00<\x00a\x00>\x00\xe9\x20\xac\x00<\x00/\x00a\x00>"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if n := len(get(c, "/padded").Body); n != 2+2*100 {
		t.Errorf("a text of 100 characters has %d bytes", n)
	}
}

func TestOpenSSLReadsWhatIsEncrypted(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Log("not checked: openssl is not installed")
		return
	}
	c := newCore(t, map[string]prov.Entry{"/$MA.xml": {Body: text, Key: "a key", Gzip: true}}, prov.Options{})
	run := exec.Command(openssl, "enc", "-d", "-aes-256-cbc", "-md", "md5", "-k", "a key")
	run.Stdin = bytes.NewReader(get(c, "/"+mac+".xml").Body)
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out, profile.Gzip([]byte(text))) {
		t.Errorf("openssl made %q of it", out)
	}
}

func TestEntriesMayBeFiles(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "in", "a.xml"), "for {{ mac }}")
	write(t, filepath.Join(root, "image.bin"), "{{ mac }}\xff")
	c := newCore(t, map[string]prov.Entry{
		"/$MA.xml": {File: "in/a.xml"}, "/image": {File: "image.bin"}, "/gone": {File: "gone"}, "/out": {File: "../x"},
	}, prov.Options{Root: root, Expand: tell})
	for path, want := range map[string]string{
		"/" + mac + ".xml": "for " + mac, "/image": "{{ mac }}\xff", "/gone": "", "/out": "",
	} {
		if got := get(c, path); string(got.Body) != want {
			t.Errorf("%s: got %d %q, want %q", path, got.Status, got.Body, want)
		}
	}
	write(t, filepath.Join(root, "in", "a.xml"), "changed")
	if got := string(get(c, "/"+mac+".xml").Body); got != "changed" {
		t.Errorf("after an edit: got %q", got)
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
