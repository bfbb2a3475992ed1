package state

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"
)

// A state file is a line of text that names format and version, and sections. A
// section is its kind, the length of its content, its length in the file (both
// 32 bits, little endian), a CRC-32C of these and of what follows, and the
// content, deflated. The last section is the SHA-256 of all bytes before it.
const (
	stateMagic   = "spafleet state "
	stateVersion = "1"
	stateHead    = stateMagic + stateVersion + "\n"
)

// Kinds of sections, in their order in the file.
const (
	fingerprintSection = 'L' // which fleet it is, as JSON
	deviceSection      = 'D' // records of devices
	extraSection       = 'X' // what the fleet's owner keeps beside it
	endSection         = 'E'
)

// mostSection is the most bytes of one section's content. No device fills it:
// it has a few hundred parameters of at most 2 KB.
const mostSection = 8 << 20

const sectionHead = 13

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sectionWriter writes a state file.
type sectionWriter struct {
	w      io.Writer
	sum    hash.Hash
	flate  *flate.Writer
	packed bytes.Buffer
}

// newSectionWriter writes the first line.
func newSectionWriter(w io.Writer) (*sectionWriter, error) {
	z, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	s := &sectionWriter{sum: sha256.New(), flate: z}
	s.w = io.MultiWriter(w, s.sum)
	_, err = io.WriteString(s.w, stateHead)
	return s, err
}

// add writes one section.
func (s *sectionWriter) add(kind byte, content []byte) error {
	s.packed.Reset()
	s.packed.Write(make([]byte, sectionHead))
	s.flate.Reset(&s.packed)
	if _, err := s.flate.Write(content); err != nil {
		return err
	}
	if err := s.flate.Close(); err != nil {
		return err
	}
	b := s.packed.Bytes()
	b[0] = kind
	binary.LittleEndian.PutUint32(b[1:], uint32(len(content)))
	binary.LittleEndian.PutUint32(b[5:], uint32(len(b)-sectionHead))
	binary.LittleEndian.PutUint32(b[9:], sectionSum(b))
	_, err := s.w.Write(b)
	return err
}

// end writes the last section.
func (s *sectionWriter) end() error { return s.add(endSection, s.sum.Sum(nil)) }

// sectionSum returns the checksum of a section in the form of the file.
func sectionSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:9], castagnoli), castagnoli, b[sectionHead:])
}

// sectionReader reads a state file from its beginning.
type sectionReader struct {
	r    io.Reader
	sum  hash.Hash
	at   int64 // bytes read
	seen int   // sections
	buf  []byte
	flat io.ReadCloser
}

// Reasons why a state file is refused.
var (
	errNoState = errors.New("this is not a state file of spafleet")
	errCut     = errors.New("the file is cut short")
)

// newSectionReader reads the first line.
func newSectionReader(r io.Reader) (*sectionReader, error) {
	s := &sectionReader{r: r, sum: sha256.New(), flat: flate.NewReader(nil)}
	head := make([]byte, len(stateHead))
	n, err := io.ReadFull(r, head)
	switch text := string(head[:n]); {
	case text == stateHead:
		s.sum.Write(head)
		s.at = int64(n)
		return s, nil
	case err == nil && strings.HasPrefix(text, stateMagic):
		return nil, fmt.Errorf("its format is not the one that this program reads, which is version %s: another version of spafleet wrote it", stateVersion)
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, err
	case strings.HasPrefix(stateHead, text):
		return nil, errCut
	}
	return nil, errNoState
}

// next returns the kind and the content of the next section, nil for one that
// want refuses; its checksum has been seen to in any case. At the end of a sound
// file it returns io.EOF. The content is the caller's.
func (s *sectionReader) next(want func(kind byte) bool) (kind byte, content []byte, err error) {
	s.seen++
	before := s.sum.Sum(nil)
	b, err := s.section()
	if err != nil {
		return 0, nil, err
	}
	kind = b[0]
	if kind != endSection && !want(kind) {
		return kind, nil, nil
	}
	if content, err = s.inflate(b); err != nil || kind != endSection {
		return kind, content, err
	}
	if !bytes.Equal(content, before) {
		return 0, nil, errors.New("it is damaged: the checksum of the whole is not that of its parts")
	}
	if n, err := s.r.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return 0, nil, errors.New("it is damaged: something stands behind its end")
	}
	return 0, nil, io.EOF
}

// section reads one section in the form of the file.
func (s *sectionReader) section() ([]byte, error) {
	b, err := s.read(0, sectionHead)
	if err != nil {
		return nil, err
	}
	length, packed := binary.LittleEndian.Uint32(b[1:]), binary.LittleEndian.Uint32(b[5:])
	if length > mostSection || packed > mostSection+mostSection/8 {
		return nil, s.damaged("is longer than any")
	}
	if b, err = s.read(sectionHead, int(packed)); err != nil {
		return nil, err
	}
	if sectionSum(b) != binary.LittleEndian.Uint32(b[9:]) {
		return nil, s.damaged("does not have its checksum")
	}
	s.sum.Write(b)
	return b, nil
}

// read appends n bytes to the first have of the buffer.
func (s *sectionReader) read(have, n int) ([]byte, error) {
	if len(s.buf) < have+n {
		s.buf = append(s.buf, make([]byte, have+n-len(s.buf))...)
	}
	got, err := io.ReadFull(s.r, s.buf[have:have+n])
	s.at += int64(got)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errCut
	}
	return s.buf[:have+n], err
}

func (s *sectionReader) inflate(b []byte) ([]byte, error) {
	if err := s.flat.(flate.Resetter).Reset(bytes.NewReader(b[sectionHead:]), nil); err != nil {
		return nil, err
	}
	content := make([]byte, binary.LittleEndian.Uint32(b[1:]))
	if _, err := io.ReadFull(s.flat, content); err != nil {
		return nil, s.damaged("cannot be unpacked")
	}
	if n, err := s.flat.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return nil, s.damaged("is longer than it says")
	}
	return content, nil
}

func (s *sectionReader) damaged(how string) error {
	return fmt.Errorf("it is damaged: section %d, which ends at byte %d, %s", s.seen, s.at, how)
}
