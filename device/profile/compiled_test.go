package profile_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"spafleet/device/profile"
)

// A file with the vendor's tag and nothing of the vendor's behind it.
var vendorFile = []byte("SIPURA SPA _    not a real body")

const itsSource = `Profile_Rule "http://h.example/$MA.cfg" ; GPP_A ! "one" ;`

func TestCompiledBinaryIsOpenedByTheCallersMeans(t *testing.T) {
	sidecar := func(sum [32]byte) (string, bool) { return itsSource, sum == sha256.Sum256(vendorFile) }
	other := func([32]byte) (string, bool) { return "", false }
	external := func(body []byte) (string, error) {
		if string(body) != string(vendorFile) {
			return "", errors.New("another body")
		}
		return `GPP_B "two" ;`, nil
	}
	failing := func([]byte) (string, error) { return "", errors.New("no key") }
	const read, run = "Profile_Rule na \"http://h.example/$MA.cfg\"\nGPP_A rw \"one\"\n", "GPP_B na \"two\"\n"
	tests := []struct {
		name   string
		o      profile.Options
		opened profile.Opened
		want   string // the parameters, or the hint of corrupt file
	}{
		{"nothing set", profile.Options{}, 0, "compiled by the vendor's spc"},
		{"opaque", profile.Options{Opaque: true}, profile.AsOpaque, ""},
		{"side-car", profile.Options{Sidecar: sidecar}, profile.BySidecar, read},
		{"side-car before program", profile.Options{Sidecar: sidecar, External: external, Opaque: true}, profile.BySidecar, read},
		{"side-car without the file", profile.Options{Sidecar: other}, 0, "compiled by the vendor's spc"},
		{"side-car without the file, program", profile.Options{Sidecar: other, External: external}, profile.ByExternal, run},
		{"side-car without the file, opaque", profile.Options{Sidecar: other, Opaque: true}, profile.AsOpaque, ""},
		{"program under a key", profile.Options{External: external, Keyed: true, Key: "k"}, profile.ByExternal, run},
		{"program fails", profile.Options{External: failing, Opaque: true}, 0, "no key"},
		{"program makes no source", profile.Options{External: func([]byte) (string, error) { return "<xml>", nil }}, 0, "source line 1"},
	}
	for _, tt := range tests {
		f, err := profile.Decode(vendorFile, tt.o)
		if err != nil {
			text, hint := refusal(t, err)
			if tt.opened != 0 || text != "corrupt file" || !strings.Contains(hint, tt.want) {
				t.Errorf("%s: %s: %s, want %s", tt.name, text, hint, tt.want)
			}
			continue
		}
		if f.Opened != tt.opened || f.Protection != 0 || show(f.Params) != tt.want {
			t.Errorf("%s: opened %d, protection %s\n%s", tt.name, f.Opened, f.Protection, show(f.Params))
		}
	}
}

func TestFirmwareImageIsNoOpaqueProfile(t *testing.T) {
	never := func([]byte) (string, error) { t.Error("the program ran"); return "", nil }
	_, err := profile.Decode([]byte("SIPURA SPA 1    "), profile.Options{Opaque: true, External: never})
	if text, hint := refusal(t, err); text != "corrupt file" || !strings.Contains(hint, "firmware image") {
		t.Errorf("got %s, %s", text, hint)
	}
}

func TestOrdinaryFilesAreNotAskedAbout(t *testing.T) {
	o := profile.Options{Opaque: true, External: func([]byte) (string, error) { t.Error("the program ran"); return "", nil }}
	f, err := profile.Decode([]byte(onePage), o)
	if err != nil || f.Opened != 0 || len(f.Params) == 0 {
		t.Errorf("got %+v, %v", f, err)
	}
}
