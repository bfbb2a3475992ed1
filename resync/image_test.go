package resync_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
)

// install lets a model try an image and returns its new version or $ERR.
func install(t *testing.T, name string, image []byte) (version, failed string) {
	t.Helper()
	u := unit(t, name, "", nil)
	w := &mapWorld{now: noon, answers: map[string]answer{"tftp://192.0.2.200:69/spa.bin": {response: resync.Response{Status: 200, Body: image}}}}
	w.params = device.Reset(u.Row.Factory)
	o := resync.Upgrade(context.Background(), w, resync.Input{Unit: u, Params: w.params, Cause: model.ByWeb, Profiles: &resync.ProfileCache{},
		Command: &device.Command{Order: device.Upgrade, Requester: requester}})
	if o.OK != (o.Err == "") {
		t.Errorf("%s: ok %v with $ERR %q", name, o.OK, o.Err)
	}
	return o.Version, o.Err
}

func makeImage(t *testing.T, name, version string, size int) []byte {
	t.Helper()
	m, err := model.FindModel(name)
	if err != nil {
		t.Fatal(err)
	}
	image, err := resync.MakeImage(m, version, size)
	if err != nil {
		t.Fatal(err)
	}
	if len(image) != size {
		t.Fatalf("image of %d bytes, want %d", len(image), size)
	}
	return image
}

func TestEveryModelAcceptsItsOwnImage(t *testing.T) {
	for m := range model.All() {
		name := m.Name
		if version, failed := install(t, name, makeImage(t, name, "9.9.9(x)", 500)); version != "9.9.9(x)" || failed != "" {
			t.Errorf("%s: version %q, $ERR %q", name, version, failed)
		}
	}
}

// The magics that are known (surface-2.md §4.5: field).
func TestImageBeginsWithItsMagic(t *testing.T) {
	for model, magic := range map[string]string{"SPA3102": "SpA3102 FiRmWaRe", "SPA504G": "SkOsMo5 fIrMwArE", "SPA303": "SkOsMo5 fIrMwArE", "SPA122": "PAYTON  FiRmWaRe"} {
		if image := makeImage(t, model, "1.0", 136); string(image[:16]) != magic {
			t.Errorf("%s: magic %q, want %q", model, image[:16], magic)
		}
	}
}

func TestAnotherModelsImageIsRefused(t *testing.T) {
	for _, pair := range [][2]string{{"SPA2102", "SPA3102"}, {"SPA942", "SPA962"}, {"SPA504G", "SPA942"}, {"SPA112", "SPA942"}, {"PAP2T", "PAP2"}, {"SPA514G", "SPA504G"}} {
		if version, failed := install(t, pair[0], makeImage(t, pair[1], "9.9", 500)); version != "" || failed != "unrecognized file format" {
			t.Errorf("%s with an image of %s: version %q, $ERR %q", pair[0], pair[1], version, failed)
		}
	}
}

// Models that share a file take each other's images.
func TestModelsShareImages(t *testing.T) {
	for _, pair := range [][2]string{{"SPA112", "SPA122"}, {"SPA303", "SPA509G"}, {"SPA512G", "SPA514G"}, {"SPA921", "SPA941"}, {"SPA922", "SPA942"}, {"SPA525G", "SPA525G2"}} {
		for _, p := range [][2]string{pair, {pair[1], pair[0]}} {
			if version, failed := install(t, p[0], makeImage(t, p[1], "9.9", 500)); version != "9.9" || failed != "" {
				t.Errorf("%s with an image of %s: version %q, $ERR %q", p[0], p[1], version, failed)
			}
		}
	}
}

func TestDamagedHeaderIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		damage func(image []byte) []byte
		want   string
	}{
		{"empty", func([]byte) []byte { return nil }, "corrupt file"},
		{"shorter than the header", func(b []byte) []byte { return b[:127] }, "corrupt file"},
		{"one byte short", func(b []byte) []byte { return b[:len(b)-1] }, "corrupt file"},
		{"one byte long", func(b []byte) []byte { return append(b, 0) }, "corrupt file"},
		{"wrong magic", func(b []byte) []byte { b[0] = 'X'; return b }, "unrecognized file format"},
		{"wrong header length", func(b []byte) []byte { b[0x53] = 0x40; return b }, "corrupt file"},
		{"wrong sector header length", func(b []byte) []byte { b[0x57] = 0x80; return b }, "corrupt file"},
		{"length with its sign bit", func(b []byte) []byte { binary.BigEndian.PutUint32(b[0x58:], 1<<31); return b }, "corrupt file"},
		{"no version", func(b []byte) []byte { clear(b[0x5C:0x7C]); return b }, "corrupt file"},
		{"version that is no text", func(b []byte) []byte { b[0x5C] = 7; return b }, "corrupt file"},
	}
	for _, tt := range tests {
		image := tt.damage(makeImage(t, "SPA2102", "5.2.13", 300))
		if version, failed := install(t, "SPA2102", image); version != "" || failed != tt.want {
			t.Errorf("%s: version %q, $ERR %q, want %q", tt.name, version, failed, tt.want)
		}
	}
}

func TestVersionMayFillItsField(t *testing.T) {
	long := strings.Repeat("1", 32)
	if version, failed := install(t, "SPA2102", makeImage(t, "SPA2102", long, 128)); version != long || failed != "" {
		t.Errorf("version %q, $ERR %q", version, failed)
	}
}

func TestMakeImageRefusesWhatNoDeviceWouldTake(t *testing.T) {
	m, err := model.FindModel("SPA2102")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		version string
		size    int
		want    string
	}{
		{"", 500, `version ""`}, {strings.Repeat("1", 33), 500, "version"}, {"5.2 beta", 500, "version"}, {"5.2\x00", 500, "version"},
		{"5.2", 127, "size 127"}, {"5.2", 1 << 30, "size"},
	} {
		if image, err := resync.MakeImage(m, tt.version, tt.size); err == nil || !strings.Contains(err.Error(), tt.want) || image != nil {
			t.Errorf("version %q, size %d: error %v, want one about %s", tt.version, tt.size, err, tt.want)
		}
	}
}

func TestImageSaysThatItIsNone(t *testing.T) {
	if image := makeImage(t, "SPA2102", "1.0", 4000); !bytes.Contains(image, []byte("not firmware")) {
		t.Error("the filling does not say what the file is")
	}
}

// cutFetcher passes an image on in pieces.
type cutFetcher struct {
	*mapWorld
	image []byte
	piece int
}

func (c *cutFetcher) Fetch(_ context.Context, r *resync.Request) (resync.Response, error) {
	for p := range slices.Chunk(c.image, c.piece) {
		if _, err := r.Into.Write(p); err != nil {
			return resync.Response{}, err
		}
	}
	return resync.Response{Status: 200, Passed: len(c.image)}, nil
}

// However an image comes, it is the same image; and one bit tells it from another.
func TestImagesAreCheckedWhileTheyCome(t *testing.T) {
	u := unit(t, "SPA2102", "", nil)
	good := makeImage(t, "SPA2102", "5.2.12", 1000)
	for at := range len(good) + 1 { // the bit that is wrong; at the end none
		image := slices.Clone(good)
		if at < len(good) {
			image[at] ^= 1
		}
		whole, _ := install(t, "SPA2102", image)
		for _, piece := range []int{1, 63, 64, 127, 128, 129, 999, 1000} {
			w := &cutFetcher{&mapWorld{now: noon}, image, piece}
			w.params = device.Reset(u.Row.Factory)
			o := resync.Upgrade(context.Background(), w, resync.Input{Unit: u, Params: w.params, Cause: model.ByWeb, Profiles: &resync.ProfileCache{},
				Command: &device.Command{Order: device.Upgrade, Requester: requester}})
			if o.Version != whole || at >= 0x80 && (at == len(good)) != (whole == "5.2.12") {
				t.Fatalf("byte %d wrong, in pieces of %d: version %q, as a whole %q; %s", at, piece, o.Version, whole, o.Err)
			}
		}
	}
}
