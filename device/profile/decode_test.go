package profile_test

import (
	"bytes"
	"compress/gzip"
	"runtime"
	"strings"
	"testing"

	"spafleet/device/profile"
)

const onePage = "<flat-profile><A>x</A></flat-profile>"

func TestDecodeHoldsTheSizeLimitOnBothSidesOfGzip(t *testing.T) {
	bomb := profile.Gzip([]byte("<flat-profile>" + strings.Repeat(" ", 8<<20) + "</flat-profile>"))
	tests := []struct {
		name  string
		body  []byte
		limit int
		want  string
	}{
		{"no limit", bomb, 0, ""},
		{"bomb", bomb, 64 << 10, "file size exceeds internal buffer"},
		{"exact", []byte(onePage), len(onePage), ""},
		{"one too many", []byte(onePage), len(onePage) - 1, "file size exceeds internal buffer"},
		{"exact when unpacked", profile.Gzip([]byte(strings.Repeat("\n", 100) + onePage)), 100 + len(onePage), ""},
		{"one too many when unpacked", profile.Gzip([]byte(strings.Repeat("\n", 100) + onePage)), 99 + len(onePage), "file size exceeds internal buffer"},
	}
	for _, tt := range tests {
		_, err := profile.Decode(tt.body, profile.Options{Limit: tt.limit})
		if text, _ := refusal(t, err); text != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, text, tt.want)
		}
	}
}

// The stop must come before the whole is unpacked.
func TestDecodeStopsUnpackingAtTheLimit(t *testing.T) {
	bomb := profile.Gzip(make([]byte, 32<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := profile.Decode(bomb, profile.Options{Limit: 128 << 10})
	runtime.ReadMemStats(&after)
	if text, _ := refusal(t, err); text != "file size exceeds internal buffer" {
		t.Fatalf("got %q", text)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("%d bytes allocated for a file that unpacks to 32 MB under a limit of 128 KB", n)
	}
}

func TestDecodeCutsLongValuesAndCountsThem(t *testing.T) {
	body := "<flat-profile><A>" + strings.Repeat("a", 2047) + "</A><B>" + strings.Repeat("b", 2048) +
		"</B><C>" + strings.Repeat("c", 9000) + "</C></flat-profile>"
	f, err := profile.Decode([]byte(body), profile.Options{})
	if err != nil || len(f.Params) != 3 || f.Truncated != 2 {
		t.Fatalf("got %d parameters, %d cut, %v; want 3 and 2", len(f.Params), f.Truncated, err)
	}
	for _, p := range f.Params {
		if len(p.Value) != 2047 {
			t.Errorf("%s has %d bytes, want 2047", p.Name, len(p.Value))
		}
	}
}

func TestPlainFileUnderKey(t *testing.T) {
	tests := []struct {
		name, body string
		o          profile.Options
		want       string
	}{
		{"refused", onePage, profile.Options{Keyed: true, Key: "k"}, "expecting an encrypted file"},
		{"refused under an empty key", onePage, profile.Options{Keyed: true}, "expecting an encrypted file"},
		{"refused if only compressed", string(profile.Gzip([]byte(onePage))), profile.Options{Keyed: true, Key: "k"}, "expecting an encrypted file"},
		{"accepted by switch", onePage, profile.Options{Keyed: true, Key: "k", AcceptPlainUnderKey: true}, ""},
		{"a key that no rule gives does not count", onePage, profile.Options{Key: "k"}, ""},
	}
	for _, tt := range tests {
		f, err := profile.Decode([]byte(tt.body), tt.o)
		if text, _ := refusal(t, err); text != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, text, tt.want)
		}
		if f.Protection != 0 {
			t.Errorf("%s: protection %s, want plain", tt.name, f.Protection)
		}
	}
}

func TestDecodeNamesWhatIsNoProfile(t *testing.T) {
	tests := []struct{ body, hint string }{
		{"", "empty"},
		{" \r\n", "empty"},
		{"<!DOCTYPE html>\n<html><head><title>404</title></head><body><p>Not Found<br></body></html>", "HTML"},
		{"<html><body>Not Found</body></html>", "HTML"},
		{"SIPURA SPA *    \x00\x01", "spc for PAP2"},
		{"SIPURA SPA #&   \x00\x01", "spc for SPA962"},
		{"SIPURA SPA88    \x00\x01", "spc for SPA8800"},
		{"SIPURA SPA ~    \x00\x01", "unknown product"},
		{"SIPURA SPA 100  \x00\x01", "firmware image"},
		{"SkOsMo5 fIrMwArE\x00\x01", "firmware image"},
		{"GPP_A \"x\" ;\n", "source text"},
		{"\x00\x01\x02", "no known header"},
	}
	for _, tt := range tests {
		_, err := profile.Decode([]byte(tt.body), profile.Options{})
		text, hint := refusal(t, err)
		if text != "corrupt file" || !strings.Contains(hint, tt.hint) {
			t.Errorf("%.20q: got %q with hint %q, want corrupt file with %q", tt.body, text, hint, tt.hint)
		}
	}
}

// A compiled binary may be keyed, so the rule's key does not refuse it early.
func TestCompiledBinaryUnderKeyIsCorrupt(t *testing.T) {
	_, err := profile.Decode([]byte("SIPURA SPA _    \x00"), profile.Options{Keyed: true, Key: "k"})
	if text, _ := refusal(t, err); text != "corrupt file" {
		t.Errorf("got %q", text)
	}
}

func TestDecodeDoesNotKeepItsInput(t *testing.T) {
	body := []byte(onePage)
	f, err := profile.Decode(body, profile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if got := show(f.Params); got != "A \"x\"\n" {
		t.Errorf("after the input changed: %q", got)
	}
}

func TestGzipIsDeterministicAndAnonymous(t *testing.T) {
	a, b := profile.Gzip([]byte(onePage)), profile.Gzip([]byte(onePage))
	if !bytes.Equal(a, b) {
		t.Error("two runs differ")
	}
	z, err := gzip.NewReader(bytes.NewReader(a))
	if err != nil {
		t.Fatal(err)
	}
	if z.Name != "" || !z.ModTime.IsZero() {
		t.Errorf("header holds %q, %v", z.Name, z.ModTime)
	}
}

func TestDecodeIgnoresWhatFollowsTheGzipMember(t *testing.T) {
	f, err := profile.Decode(append(profile.Gzip([]byte(onePage)), "\n junk"...), profile.Options{})
	if err != nil || len(f.Params) != 1 {
		t.Errorf("got %v, %v", f, err)
	}
}
