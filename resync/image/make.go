package image

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"strings"
)

// Mark stands in the place of the random sequence where [Make] made an image. No real
// unit takes it: it is no digest of the headers.
const Mark = "spafleet-image/1"

// filling is what follows the header of an image that was made here.
const filling = "This is a test image made by spafleet. It is not firmware: its digests are false on purpose, so that no real unit takes it. "

// Make returns an image that emulated devices take, of so many bytes: a header that
// begins with a magic of 16 characters, and text that says what it is. It has no sectors,
// and both digests are false on purpose. The digest field is over all that follows it, so
// that emulated devices see damage.
func Make(magic, version string, size int) ([]byte, error) {
	f := formOf(magic)
	if !isVersion(version) || len(version) > atCount-atVersion {
		return nil, fmt.Errorf("make image: version %q is not 1 to 32 printable characters without blanks", version)
	}
	if size < int(f.header) || size > Most {
		return nil, fmt.Errorf("make image: size %d is not from %d to %d", size, f.header, Most)
	}
	image := bytes.Repeat([]byte(filling), size/len(filling)+1)[:size]
	clear(image[:f.header])
	copy(image, magic)
	be := binary.BigEndian
	be.PutUint32(image[atHeader:], f.header)
	be.PutUint32(image[atSector:], f.sector)
	be.PutUint32(image[atLength:], uint32(size))
	copy(image[atVersion:atCount], version)
	copy(image[atSequence:], Mark)
	sum := md5.Sum(image[atSequence:])
	copy(image[atDigest:], sum[:])
	return image, nil
}

// formOf returns the form of images with a magic.
func formOf(magic string) form {
	if strings.HasPrefix(magic, "PAYTON") {
		return forms[2]
	}
	return forms[0]
}
