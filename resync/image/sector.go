package image

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"crypto/md5"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// A packing is how a sector's data stand in the file.
type packing uint8

const (
	stored packing = iota
	raw            // deflate without a header
	zipped         // a zlib stream
)

// packingOf returns how a sector is packed: of SPA30x/50x images each is a zlib stream,
// of SPA3102 deflate without its header (field). Of others the first two bytes tell.
func packingOf(magic string, body []byte, asIs bool) packing {
	switch {
	case asIs:
		return stored
	case magic == "SkOsMo5 fIrMwArE":
		return zipped
	case magic == "SpA3102 FiRmWaRe":
		return raw
	case len(body) > 1 && body[0]&0x0f == 8 && (int(body[0])<<8|int(body[1]))%31 == 0:
		return zipped
	}
	return raw
}

// Sums remembers the sectors that were right, so that the devices of a fleet expand
// each of them once. Its zero value is ready; it is safe for concurrent use.
type Sums struct {
	once sync.Once
	seed maphash.Seed
	kept *lru.Cache[sumKey, int] // bytes after expansion
}

type sumKey struct {
	hash uint64
	packing
	sum [digestLen]byte
}

// mostSums is how many sectors are remembered: those of some fifty images.
const mostSums = 1 << 12

func (s *Sums) open() {
	s.seed = maphash.MakeSeed()
	s.kept, _ = lru.New[sumKey, int](mostSums) // it refuses no positive size
}

// of returns the MD5 and the size of a sector's data after expansion; want is what its
// header says. A nil Sums remembers nothing.
func (s *Sums) of(body []byte, how packing, want [digestLen]byte) (sum [digestLen]byte, size int, err error) {
	if s == nil {
		return expand(body, how)
	}
	s.once.Do(s.open)
	key := sumKey{maphash.Bytes(s.seed, body), how, want}
	if size, ok := s.kept.Get(key); ok {
		return want, size, nil
	}
	if sum, size, err = expand(body, how); err == nil && sum == want {
		s.kept.Add(key, size)
	}
	return sum, size, err
}

var errLarge = fmt.Errorf("it has more than %d bytes", mostInFlash)

// An expander is what expanding takes. It is used again.
type expander struct {
	from bytes.Reader
	raw  io.ReadCloser
	zlib io.ReadCloser // nil until a first stream has begun well
	to   [4096]byte
}

var expanders = sync.Pool{New: func() any { return &expander{raw: flate.NewReader(nil)} }}

// expand returns the MD5 and the size of a sector's data.
func expand(body []byte, how packing) (sum [digestLen]byte, size int, err error) {
	if how == stored {
		return md5.Sum(body), len(body), nil
	}
	x := expanders.Get().(*expander)
	defer expanders.Put(x)
	x.from.Reset(body)
	from, err := x.reader(how)
	if err != nil {
		return sum, 0, err
	}
	h := md5.New()
	for err == nil {
		var n int
		n, err = from.Read(x.to[:])
		if size += n; size > mostInFlash {
			return sum, size, errLarge
		}
		h.Write(x.to[:n])
	}
	if !errors.Is(err, io.EOF) {
		return sum, size, err
	}
	return [digestLen]byte(h.Sum(nil)), size, nil
}

// reader returns what expands x.from.
func (x *expander) reader(how packing) (r io.Reader, err error) {
	switch {
	case how == raw:
		err = x.raw.(flate.Resetter).Reset(&x.from, nil)
		return x.raw, err
	case x.zlib == nil:
		x.zlib, err = zlib.NewReader(&x.from)
	default:
		err = x.zlib.(zlib.Resetter).Reset(&x.from, nil)
	}
	if err != nil {
		x.zlib = nil
	}
	return x.zlib, err
}
