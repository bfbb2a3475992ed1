package resync

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"hash"
	"regexp"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
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
func imageMagic(m *model.Model) string {
	if m.Catalogue.Value == "SPA504G" {
		return "SkOsMo5 fIrMwArE"
	}
	name := m.PSN.Value
	if len(name) > 4 {
		name = name[len(name)-4:]
	}
	return fmt.Sprintf("SpA%-4s FiRmWaRe", name)
}

// imageMark stands in the place of an image's random sequence where the image is
// one of ours. Their digest can be checked; how real ones are made is not known.
const imageMark = "spafleet-image/1"

// An imageCheck looks at an image while it comes, and keeps its header alone.
type imageCheck struct {
	head   [imageHeader]byte
	size   int       // of what has come
	digest hash.Hash // of an image of ours, once the header is there
}

// Write takes what comes next of the image, all of it.
func (c *imageCheck) Write(p []byte) (int, error) {
	rest := p
	if c.size < imageHeader {
		rest = p[copy(c.head[c.size:], p):]
		if c.size+len(p) >= imageHeader && string(c.head[0x40:0x50]) == imageMark {
			c.digest = md5.New()
			c.digest.Write(c.head[0x40:])
		}
	}
	if c.digest != nil {
		c.digest.Write(rest)
	}
	c.size += len(p)
	return len(p), nil
}

// beginning returns the first bytes of what came, at most most and a header.
func (c *imageCheck) beginning(most int) string {
	return string(c.head[:min(c.size, most, imageHeader)])
}

// version checks the image for a row and returns the version it holds. Unless the
// row is lax, a version in the file's name is never trusted.
func (c *imageCheck) version(r *model.Row, path string) (version string, f *failure) {
	if c.size < imageHeader {
		return "", &failure{errCorrupt, device.Corrupt}
	}
	head := c.head[:]
	if string(head[:16]) != imageMagic(r.Model) {
		if r.Behaviour.Upgrade.Images == "lax" {
			return laxVersion(path)
		}
		return "", &failure{"unrecognized file format", device.Corrupt}
	}
	be := binary.BigEndian
	if be.Uint32(head[0x50:]) != imageHeader || be.Uint32(head[0x54:]) != sectorHeader || int(be.Uint32(head[0x58:])) != c.size {
		return "", &failure{errCorrupt, device.Corrupt}
	}
	if c.digest != nil && !bytes.Equal(c.digest.Sum(nil), head[0x30:0x40]) {
		return "", &failure{errCorrupt, device.Corrupt}
	}
	text, _, _ := bytes.Cut(head[0x5C:0x7C], []byte{0})
	if version = string(text); !isVersion(version) {
		return "", &failure{errCorrupt, device.Corrupt}
	}
	return version, nil
}

// namedVersion is the version in a file name such as spa2102-5-2-12.bin or
// spa942-6-1-5a.bin.
var namedVersion = regexp.MustCompile(`-(\d+)-(\d+)-(\d+)-?([A-Za-z]*)\.bin$`)

// laxVersion takes a version from a file's name, for files without a header that
// is known.
func laxVersion(path string) (string, *failure) {
	m := namedVersion.FindStringSubmatch(path)
	if m == nil {
		return "", &failure{"unrecognized file format", device.Corrupt}
	}
	version := m[1] + "." + m[2] + "." + m[3]
	if m[4] != "" {
		version += "(" + m[4] + ")"
	}
	return version, nil
}

func isVersion(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// MakeImage returns a firmware image that devices of a model accept: the public
// header, then size-128 bytes that say what it is. It is not a real image and
// runs on no device. The size is at least that of the header.
func MakeImage(m *model.Model, version string, size int) ([]byte, error) {
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
	copy(image[0x40:], imageMark)
	digest := md5.Sum(image[0x40:])
	copy(image[0x30:], digest[:])
	return image, nil
}
