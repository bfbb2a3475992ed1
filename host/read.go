package host

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// ReadFile reads a file that somebody named, of at most so many bytes. A folder and
// a larger file are refused before anything is read. A pipe or a device, which may
// have no end, is read no further than one byte beyond the limit.
func ReadFile(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder", name)
	case info.Mode().IsRegular() && info.Size() > most:
		return nil, tooLarge(name, most)
	}
	return readAll(f, name, most, info.Size())
}

// ReadAll reads all of in, which errors call name, where that is at most so many
// bytes. It reads no further than one byte beyond the limit.
func ReadAll(in io.Reader, name string, most int64) ([]byte, error) {
	return readAll(in, name, most, 0)
}

// readAll reads what may have about so many bytes.
func readAll(in io.Reader, name string, most, about int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(about, 0), most)) + bytes.MinRead) // what is as long as it says is read without a copy
	n, err := b.ReadFrom(io.LimitReader(in, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	case n > most:
		return nil, tooLarge(name, most)
	}
	return b.Bytes(), nil
}

func tooLarge(name string, most int64) error {
	return fmt.Errorf("%s has more than %d bytes, the most that is read of such a file", name, most)
}
