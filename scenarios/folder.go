package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"

	"spafleet/prov"
)

// A folder is where a scenario file lies. What the file names below it is read once,
// and nothing else is.
type folder struct {
	path   string
	sealed bool // what is not below it is not read
	read   map[string]*bodyFile
}

// A bodyFile is a file that the server sends.
type bodyFile struct {
	text   string
	raw    bool // it is no text in which anything is replaced
	sha256 string
}

const (
	mostBody   = 64 << 20 // bytes of a file that the server sends
	mostFilled = 1 << 20  // of one in which ${} and {{ }} are replaced
)

// open returns a file below the folder. A nil folder has none.
func (f *folder) open(name string) (*bodyFile, error) {
	if f == nil || f.path == "" {
		return nil, errors.New("this names a file beside the scenario's, and the scenario is in no folder")
	}
	if b := f.read[name]; b != nil {
		return b, nil
	}
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%q is not a path below the scenario's folder, such as files/a.xml", name)
	}
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	text, err := readBelow(root, name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	b := &bodyFile{text: string(text), raw: len(text) > mostFilled || !utf8.Valid(text), sha256: hex.EncodeToString(sum[:])}
	if f.read == nil {
		f.read = map[string]*bodyFile{}
	}
	f.read[name] = b
	return b, nil
}

// readBelow reads a regular file: others may have no end.
func readBelow(root *os.Root, name string) ([]byte, error) {
	switch info, err := root.Stat(name); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", name)
	case info.Size() > mostBody:
		return nil, fmt.Errorf("%s has %d bytes, more than %d", name, info.Size(), mostBody)
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, mostBody))
}

// digests returns the SHA-256 of each file that was read, by its path.
func (f *folder) digests() map[string]string {
	if f == nil {
		return nil
	}
	all := map[string]string{}
	for name, b := range f.read {
		all[name] = b.sha256
	}
	return all
}

// bodyFrom makes a file the content of an entry.
func bodyFrom(s *source, e *prov.Entry, n *node, path string) {
	if n.kind != scalar {
		return // the reader has said so
	}
	b, err := s.folder.open(n.text)
	if err != nil {
		s.mistake(n, path, "%s", err)
		return
	}
	if b.raw {
		e.File = n.text
		return
	}
	text := *n
	text.text = b.text
	if s.params != nil && !s.params.fill(&text, path) {
		return
	}
	e.Body = text.text
}
