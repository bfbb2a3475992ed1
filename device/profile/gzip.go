package profile

import (
	"bytes"
	"compress/gzip"
	"io"
	"sync"
)

// isGzip goes by the first bytes, as the device does (documented), and wants
// the only method that gzip has. Bare deflate and zlib have no such mark and
// are refused (inferred).
func isGzip(body []byte) bool { return bytes.HasPrefix(body, []byte("\x1f\x8b\x08")) }

// Gzip compresses a file. The result holds no name and no time: the same text
// gives the same bytes. A device unpacks before it reads but after it decrypts,
// so compress first (documented).
func Gzip(plain []byte) []byte {
	var b bytes.Buffer
	z := zippers.Get().(*gzip.Writer)
	defer zippers.Put(z)
	z.Reset(&b)
	_, _ = z.Write(plain) // into memory: cannot fail
	z.Close()
	return b.Bytes()
}

// zippers are used again: a new one costs more than a profile's compression.
var zippers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	return z
}}

// unzippers are used again: a new one takes 40 KB.
var unzippers = sync.Pool{New: func() any { return new(gzip.Reader) }}

// gunzip unpacks the first member and ignores what follows it (inferred). It
// stops as soon as there is more than limit bytes, 0 meaning no limit.
func gunzip(body []byte, limit int) ([]byte, error) {
	z := unzippers.Get().(*gzip.Reader)
	defer unzippers.Put(z)
	if err := z.Reset(bytes.NewReader(body)); err != nil {
		return nil, corrupt("bad gzip header: " + err.Error())
	}
	z.Multistream(false)
	var r io.Reader = z
	if limit > 0 {
		r = io.LimitReader(z, int64(limit)+1)
	}
	plain, err := io.ReadAll(r)
	if limit > 0 && len(plain) > limit {
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, corrupt("bad gzip data: " + err.Error())
	}
	return plain, nil
}
