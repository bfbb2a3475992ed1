package probe

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"spafleet/certs/ssl"
)

// A hello is what a phone says first.
type hello struct {
	raw     []byte
	ssl2    bool // it has the format of SSL 2.0
	record  uint16
	version uint16
	random  []byte
	session int
	specs   []uint32 // suites; of 24 bits in the format of SSL 2.0
	methods []byte   // of compression
	extras  []uint16 // extensions
	read    bool     // to its end
}

var errNoHello = errors.New("what came is no hello of TLS")

// readHello reads the hello of a connection, and leaves it there to be read.
func readHello(w *wire) (*hello, error) {
	head, err := w.look(5)
	if err != nil {
		return nil, err
	}
	switch {
	case head[0]&0x80 != 0 && head[2] == 1:
		raw, err := w.look(max(5, 2+int(binary.BigEndian.Uint16(head)&0x7fff)))
		if err != nil {
			return nil, err
		}
		return parseSSL2Hello(slices.Clone(raw)), nil
	case head[0] == 22 && head[1] == 3:
		raw, err := w.look(5 + int(binary.BigEndian.Uint16(head[3:])))
		if err != nil {
			return nil, err
		}
		return parseHello(slices.Clone(raw)), nil
	}
	return nil, errNoHello
}

// A fields reads the fields of a hello. After the end of it all fields are empty.
type fields struct {
	rest []byte
	over bool // it was too short
}

func (f *fields) bytes(n int) []byte {
	if n > len(f.rest) {
		f.rest, f.over = nil, true
		return nil
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) number(n int) (v int) {
	for _, b := range f.bytes(n) {
		v = v<<8 | int(b)
	}
	return v
}

// numbers reads as many numbers of n bytes as there are in so many bytes.
func (f *fields) numbers(n, total int) (list []uint32) {
	in := fields{rest: f.bytes(total)}
	for len(in.rest) >= n {
		list = append(list, uint32(in.number(n)))
	}
	return list
}

func parseSSL2Hello(raw []byte) *hello {
	h := &hello{raw: raw, ssl2: true}
	f := &fields{rest: raw[3:]}
	h.version = uint16(f.number(2))
	specs, session, random := f.number(2), f.number(2), f.number(2)
	h.specs, h.session = f.numbers(3, specs), session
	f.bytes(session)
	h.random = f.bytes(random)
	h.read = !f.over
	return h
}

func parseHello(raw []byte) *hello {
	h := &hello{raw: raw, record: binary.BigEndian.Uint16(raw[1:])}
	f := &fields{rest: raw[5:]}
	f.bytes(4)
	h.version = uint16(f.number(2))
	h.random = f.bytes(32)
	h.session = f.number(1)
	f.bytes(h.session)
	h.specs = f.numbers(2, f.number(2))
	h.methods = f.bytes(f.number(1))
	if len(f.rest) > 0 {
		in := &fields{rest: f.bytes(f.number(2))}
		for len(in.rest) > 0 {
			h.extras = append(h.extras, uint16(in.number(2)))
			in.bytes(in.number(2))
		}
	}
	h.read = !f.over
	return h
}

// signalling is the suite that is none: it says that a client knows safe renegotiation.
const signalling = 0x00ff

// suites returns what is offered, without the one that is none.
func (h *hello) suites() []uint32 {
	return slices.DeleteFunc(slices.Clone(h.specs), func(s uint32) bool { return s == signalling })
}

// time returns the time of the clock that a hello tells. False: it tells none, or none
// of this day nor of the first year after 1970.
func clockOf(random []byte, now time.Time) (at time.Time, set, ok bool) {
	if len(random) < 4 {
		return at, false, false
	}
	at = time.Unix(int64(binary.BigEndian.Uint32(random)), 0).UTC()
	switch {
	case at.Sub(now).Abs() < 25*time.Hour:
		return at, true, true
	case at.Before(time.Unix(0, 0).AddDate(1, 0, 0)):
		return at, false, true
	}
	return at, false, false
}

// versionName returns ssl3, tls1.0 and so on.
func versionName(v uint16) string {
	if v == tls.VersionTLS12 {
		return "tls1.2"
	}
	if v >= uint16(ssl.SSL30) && v <= uint16(ssl.TLS11) {
		return ssl.Version(v).String()
	}
	return fmt.Sprintf("%04x", v)
}

// words has the suites with the names that are known.
func (h *hello) words() string {
	var list []string
	for _, s := range h.specs {
		switch name := ssl.Suite(s).String(); {
		case s == signalling:
			list = append(list, "00ff (no suite: safe renegotiation)")
		case s > 0xffff:
			list = append(list, fmt.Sprintf("%06x", s))
		case strings.HasPrefix(name, "Suite("):
			list = append(list, fmt.Sprintf("%04x", s))
		default:
			list = append(list, fmt.Sprintf("%04x %s", s, name))
		}
	}
	return strings.Join(list, ", ")
}

// form says which format the hello has.
func (h *hello) form() string {
	if h.ssl2 {
		return "ssl2"
	}
	return "tls"
}

// extensions are those with a name here.
var extensions = map[uint16]string{
	0: "server name", 5: "status request", 10: "groups", 11: "point formats", 13: "signature algorithms", 16: "ALPN",
	18: "certificate timestamps", 21: "padding", 22: "encrypt then MAC", 23: "extended master secret", 35: "session ticket",
	43: "supported versions", 45: "key exchange modes", 51: "key share", 0xff01: "safe renegotiation",
}

// answerTo returns the server's hello of a version, which picks a suite that each version
// has where the phone offers one.
func answerTo(h *hello, version uint16) []byte {
	suite := uint16(h.specs[0])
	for _, s := range everySuite {
		if slices.Contains(h.specs, uint32(s)) {
			suite = uint16(s)
			break
		}
	}
	m := binary.BigEndian.AppendUint16([]byte{2, 0, 0, 38}, version)
	m = append(m, make([]byte, 32)...)
	m = append(m, 0)
	m = binary.BigEndian.AppendUint16(m, suite)
	m = append(m, 0)
	out := binary.BigEndian.AppendUint16([]byte{22}, version)
	out = binary.BigEndian.AppendUint16(out, uint16(len(m)))
	return append(out, m...)
}
