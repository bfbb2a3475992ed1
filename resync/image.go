package resync

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"spafleet/device"
)

// The header of a firmware image (provisioning.md §6.4: field, from the first
// 144 bytes of one published image and notes on another).
const (
	imageHeader  = 0x80
	sectorHeader = 0x40
	mostImage    = 16 << 20 // bytes; the largest image known has 4.4 MB
)

// imageMagic returns the 16 bytes that an image for a model begins with: known
// for SPA3102 and the SPA30x/50x series, inferred for the others.
func imageMagic(m *device.Model) string {
	if m.Catalogue.Value == "SPA504G" {
		return "SkOsMo5 fIrMwArE"
	}
	name := m.PSN.Value
	if len(name) > 4 {
		name = name[len(name)-4:]
	}
	return fmt.Sprintf("SpA%-4s FiRmWaRe", name)
}

// imageVersion checks an image's header for a model and returns the version it
// holds. The error is what the device logs.
func imageVersion(m *device.Model, image []byte) (version string, f *failure) {
	if len(image) < imageHeader {
		return "", &failure{errCorrupt, device.Corrupt}
	}
	if string(image[:16]) != imageMagic(m) {
		return "", &failure{"unrecognized file format", device.Corrupt}
	}
	be := binary.BigEndian
	if be.Uint32(image[0x50:]) != imageHeader || be.Uint32(image[0x54:]) != sectorHeader || int(be.Uint32(image[0x58:])) != len(image) {
		return "", &failure{errCorrupt, device.Corrupt}
	}
	text, _, _ := bytes.Cut(image[0x5C:0x7C], []byte{0})
	if version = string(text); !isVersion(version) {
		return "", &failure{errCorrupt, device.Corrupt}
	}
	return version, nil
}

func isVersion(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// MakeImage returns a firmware image that devices of a model accept: the public
// header, then size-128 bytes that say what it is. It is not a real image and
// runs on no device. The size is at least that of the header.
func MakeImage(m *device.Model, version string, size int) ([]byte, error) {
	if !isVersion(version) || len(version) > 0x20 {
		return nil, fmt.Errorf("make image: version %q is not 1 to 32 printable characters without blanks", version)
	}
	if size < imageHeader || size > mostImage {
		return nil, fmt.Errorf("make image: size %d is not from %d to %d", size, imageHeader, mostImage)
	}
	const filling = "This is a test image made by spafleet. It is not firmware. "
	image := bytes.Repeat([]byte(filling), size/len(filling)+1)[:size]
	clear(image[:imageHeader])
	copy(image, imageMagic(m))
	be := binary.BigEndian
	be.PutUint32(image[0x50:], imageHeader)
	be.PutUint32(image[0x54:], sectorHeader)
	be.PutUint32(image[0x58:], uint32(size))
	copy(image[0x5C:0x7C], version)
	return image, nil
}
