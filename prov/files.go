package prov

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"unicode/utf8"
)

// largestText is the largest file, in bytes, whose {{ }} are replaced. A larger
// one is an image: it is sent from the disk as it is.
const largestText = 1 << 20

// files are the regular files below a root. Requests that run at the same time
// share what they read: one opens or reads a file for all, unless it was changed
// meanwhile.
type files struct {
	root *os.Root

	mu   sync.Mutex
	open map[string]*file
}

// A file is in use by so many requests.
type file struct {
	of    *files
	name  string
	info  fs.FileInfo
	users int

	reading  sync.Once
	disk     *os.File // of a large file; nil for one that was read
	text     []byte
	template bool // the text holds {{ }}
	err      error
}

// take returns a file for one more request, which releases it. Anything but a
// regular file is not there: a pipe would hold the reader for ever, and what leads
// outside is nobody's.
func (s *files) take(name string) (*file, error) {
	info, err := s.stat(name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	f := s.share(name, info)
	if f.reading.Do(f.read); f.err != nil {
		f.release()
		return nil, f.err
	}
	return f, nil
}

// stat returns what a regular file is; others do not exist.
func (s *files) stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrNotExist
	}
	info, err := s.root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	return info, nil
}

// share returns the file that others use, or a new one.
func (s *files) share(name string, info fs.FileInfo) *file {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.open[name]
	if f == nil || !f.is(info) {
		f = &file{of: s, name: name, info: info}
		if s.open == nil {
			s.open = map[string]*file{}
		}
		s.open[name] = f
	}
	f.users++
	return f
}

// is reports whether a file has not changed since it was opened.
func (f *file) is(info fs.FileInfo) bool {
	return os.SameFile(f.info, info) && f.info.Size() == info.Size() && f.info.ModTime().Equal(info.ModTime())
}

// read opens a file, and reads it unless it is large.
func (f *file) read() {
	disk, err := f.of.root.Open(f.name)
	if err != nil {
		f.err = err
		return
	}
	if f.info.Size() > largestText {
		f.disk = disk
		return
	}
	defer disk.Close()
	if f.text, f.err = io.ReadAll(io.LimitReader(disk, largestText)); f.err == nil {
		f.template = isTemplateFile(f.text)
	}
}

func isTemplateFile(text []byte) bool { return bytes.Contains(text, []byte("{{")) && utf8.Valid(text) }

// release ends one request's use of a file. A nil file is none.
func (f *file) release() {
	if f == nil {
		return
	}
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	if f.users--; f.users > 0 {
		return
	}
	if f.of.open[f.name] == f {
		delete(f.of.open, f.name)
	}
	if f.disk != nil {
		f.disk.Close()
	}
}

// whole returns all bytes. Those of a small file are shared, and must not be
// changed.
func (f *file) whole() ([]byte, error) {
	if f.disk == nil {
		return f.text, nil
	}
	b := make([]byte, f.info.Size())
	n, err := f.disk.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}

// A contentReader reads an answer from its beginning. An answer that has become
// shorter than it was is an error, or a device would take the piece for the whole.
type contentReader struct {
	from io.ReaderAt
	at   int64
	size int64
}

func (r *contentReader) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	n, err := r.from.ReadAt(p[:min(int64(len(p)), r.size-r.at)], r.at)
	r.at += int64(n)
	switch {
	case n > 0:
		return n, nil
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return 0, err
}
