package host

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// WriteFile replaces the content of a file, whole or not at all: a reader, a full
// disk or a power failure finds the old content or the new, never half of it.
// The data goes to a temporary file beside it, is synced, renamed, and the folder
// is synced. On failure the temporary file is removed.
//
// The file gets mode, less the process's umask, also where it existed before. A
// symbolic link stays one: the file that it names is replaced. What is not a
// regular file, such as a pipe or a device, is opened and written to.
//
// Errors are of type *[fs.PathError] and name the file, not the temporary one.
func WriteFile(name string, data []byte, mode fs.FileMode) error {
	_, err := WriteFrom(name, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	return err
}

// WriteFrom is [WriteFile] for content that a function writes. It returns how many
// bytes they were. An error of write is returned as it is.
func WriteFrom(name string, mode fs.FileMode, write func(io.Writer) error) (size int64, err error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return 0, pathError(name, err)
		}
		return fill(f, name, false, write)
	}
	target, err := resolve(name)
	if err != nil {
		return 0, pathError(name, err)
	}
	return replace(target, name, mode, write, os.Rename)
}

// CreateFile is [WriteFile] for a file that must not exist yet: otherwise the
// error is [fs.ErrExist]. A symbolic link exists, whatever it names.
func CreateFile(name string, data []byte, mode fs.FileMode) error {
	if _, err := os.Lstat(name); err == nil {
		return pathError(name, fs.ErrExist)
	}
	_, err := replace(name, name, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}, func(temporary, name string) error {
		if err := os.Link(temporary, name); err != nil { // unlike Rename it refuses an existing one
			return err
		}
		return os.Remove(temporary)
	})
	return err
}

// CheckWrite returns why [WriteFile] would fail to begin: there is no such folder,
// or it is read-only. It changes nothing.
func CheckWrite(name string) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		if info.IsDir() {
			return pathError(name, syscall.EISDIR)
		}
		return nil
	}
	target, err := resolve(name)
	if err != nil {
		return pathError(name, err)
	}
	f, err := createTemporary(target, 0o600)
	if err != nil {
		return pathError(name, err)
	}
	f.Close()
	return pathError(name, os.Remove(f.Name()))
}

// mostLinks is how many symbolic links lead on from each other before it is taken
// for a circle.
const mostLinks = 40

// resolve follows symbolic links to the file that they name, which need not exist.
func resolve(name string) (string, error) {
	for range mostLinks {
		to, err := os.Readlink(name)
		if err != nil {
			return name, nil // it is no link
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(name), to)
		}
		name = to
	}
	return "", syscall.ELOOP
}

// replace writes a temporary file beside target and has put give it its name.
// Errors name the file as the caller knows it.
func replace(target, name string, mode fs.FileMode, write func(io.Writer) error, put func(temporary, name string) error) (size int64, err error) {
	f, err := createTemporary(target, mode)
	if err != nil {
		return 0, pathError(name, err)
	}
	done := false
	defer func() {
		if !done { // also where write panics
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if size, err = fill(f, name, true, write); err != nil {
		return 0, err
	}
	if err := put(f.Name(), target); err != nil {
		return 0, pathError(name, err)
	}
	done = true
	return size, pathError(name, syncFolder(filepath.Dir(target)))
}

// createTemporary creates a file with a name of its own in the folder of another.
func createTemporary(name string, mode fs.FileMode) (*os.File, error) {
	for {
		var random [8]byte
		rand.Read(random[:]) // never fails
		f, err := os.OpenFile(filepath.Join(filepath.Dir(name), ".spafleet-"+hex.EncodeToString(random[:])+".part"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// fill writes a file and closes it.
func fill(f *os.File, name string, sync bool, write func(io.Writer) error) (size int64, err error) {
	counted := &counter{w: f}
	buffered := bufio.NewWriterSize(counted, 1<<16)
	err = write(buffered)
	if counted.err != nil {
		err = pathError(name, counted.err)
	}
	if err == nil {
		err = pathError(name, buffered.Flush())
	}
	if err == nil && sync {
		err = pathError(name, f.Sync())
	}
	if closing := f.Close(); err == nil {
		err = pathError(name, closing)
	}
	return counted.n, err
}

// A counter counts what is written, and keeps the error.
type counter struct {
	w   io.Writer
	n   int64
	err error
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}

// pathError names the file that the caller asked for.
func pathError(name string, err error) error {
	if err == nil {
		return nil
	}
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		err = at.Err
	}
	if at := (*os.LinkError)(nil); errors.As(err, &at) {
		err = at.Err
	}
	return &fs.PathError{Op: "write", Path: name, Err: err}
}
