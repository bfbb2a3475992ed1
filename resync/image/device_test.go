package image_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/resync"
	"spafleet/resync/image"
)

// A server has one image under every name.
type server []byte

func (server) Now() int64 { return 946684800e9 }

func (server) Resolve(context.Context, string) ([]netip.Addr, error) { return nil, nil }

func (s server) Fetch(context.Context, *resync.Request) (resync.Response, error) {
	return resync.Response{Status: 200, Body: s}, nil
}

func (server) Commit(device.Params, device.Life, []device.Event) {}

// install lets a model try an image. It returns the new version, or $ERR and the hint.
func install(t *testing.T, name string, b []byte, turned ...string) string {
	t.Helper()
	row := devicetest.Row(t, name, "", turned...)
	o := resync.Upgrade(t.Context(), server(b), resync.Input{
		Unit: devicetest.Unit(row, 0), Params: devicetest.Params(t, row.Factory, "Upgrade_Rule=http://192.0.2.5/fw-7-5-9.bin"), Cause: model.ByUpgrade, Profiles: &resync.ProfileCache{},
	})
	if o.OK {
		return o.Version
	}
	last := o.Events[len(o.Events)-1]
	return o.Err + ": " + last.File.Hint
}

// Devices check an operator's image as units are taken to do, and say why they refuse
// it; how much they check is a switch. A model of whose images nothing is known refuses
// none that is of no other model.
func TestDevicesCheckWhatAnOperatorServes(t *testing.T) {
	data := sectors(3000, 500)
	good := build(of50x, "7.5.9", data...)
	broken := flipped(good, len(good)-1)
	html := []byte("<html>" + strings.Repeat("not found ", 50))
	cut := bytes.Clone(good[:1000])
	binary.BigEndian.PutUint32(cut[0x58:], 1000)
	for _, tt := range []struct {
		name, model, turned string
		image               []byte
		want                string // a beginning
	}{
		{"right", "SPA504G", "", good, "7.5.9"},
		{"of the same series", "SPA303", "", good, "7.5.9"},
		{"another family's", "SPA942", "", good, `unrecognized file format: the image begins "SkOsMo5 fIrMwArE"; those of the SPA942 begin "SpA942  FiRmWaRe" (inferred); SPA942 6.1.5(a) refuses it (inferred; switch image_check=lax changes that)`},
		{"not one of its own", "SPA504G", "", build(ofNone, "7.5.9", data...), "unrecognized file format: the image begins"},
		{"of a model whose images nobody saw", "SPA942", "", build(ofNone, "6.1.9", data...), "6.1.9"},
		{"of the SPA1xx", "SPA112", "", build(of1xx, "1.4.9", data...), "1.4.9"},
		{"a page", "SPA942", "", html, "unrecognized file format: \"<html>not found \" is the beginning of no image"},
		{"a byte of a sector", "SPA504G", "", broken, "corrupt file: sector at byte "},
		{"a byte of a sector, header only", "SPA504G", "image_check=header", broken, "7.5.9"},
		{"a byte of a sector, lax", "SPA504G", "image_check=lax", broken, "7.5.9"},
		{"a digest", "SPA504G", "", flipped(good, 0x30), "corrupt file: digest at byte 48"},
		{"a digest, header only", "SPA504G", "image_check=header", flipped(good, 0x30), "7.5.9"},
		{"cut off", "SPA504G", "", good[:1000], "corrupt file: length at byte 88"},
		{"cut off, header only", "SPA504G", "image_check=header", good[:1000], "corrupt file: length at byte 88"},
		{"cut off with a length to fit, header only", "SPA504G", "image_check=header", cut, "7.5.9"},
		{"cut off with a length to fit", "SPA504G", "", cut, "corrupt file: random sequence at byte 64"},
		{"a page, lax", "SPA504G", "image_check=lax", html, "7.5.9"},
	} {
		if got := install(t, tt.model, tt.image, strings.Fields(tt.turned)...); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// Emulated devices take what Make makes, of their own model alone, and see its damage.
func TestDevicesKnowTheMark(t *testing.T) {
	made, err := image.Make(of50x, "7.5.9", 500)
	if err != nil {
		t.Fatal(err)
	}
	if got := install(t, "SPA504G", made); got != "7.5.9" {
		t.Error(got)
	}
	for at := range made {
		if got := install(t, "SPA504G", flipped(made, at)); got == "7.5.9" {
			t.Errorf("with byte %#x damaged it is taken", at)
		}
	}
	guessed, err := image.Make("SpA942  FiRmWaRe", "6.1.9", 500)
	if err != nil {
		t.Fatal(err)
	}
	guessed[4] = '9' // of a model that nobody knows
	if got := install(t, "SPA942", guessed); !strings.HasPrefix(got, "unrecognized file format") {
		t.Error(got)
	}
}
