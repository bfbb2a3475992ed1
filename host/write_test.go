package host_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"spafleet/host"
)

// holds fails where a folder has other files than these, or a file another content.
func holds(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, known := files[e.Name()]; !known {
			t.Errorf("%s was left in the folder", e.Name())
		}
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %.40q (%v), want %.40q", name, got, err, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFileIsReplacedWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "state")
	full := errors.New("no space left")
	write := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, _ = io.WriteString(w, text)
			return err
		}
	}
	if n, err := host.WriteFrom(name, 0o600, write("first", nil)); err != nil || n != 5 {
		t.Fatal(n, err)
	}
	if _, err := host.WriteFrom(name, 0o600, write("half of the sec", full)); !errors.Is(err, full) {
		t.Fatal(err)
	}
	holds(t, dir, map[string]string{"state": "first"})
	func() {
		defer func() { recover() }()
		_, _ = host.WriteFrom(name, 0o600, func(io.Writer) error { panic("in the middle") })
	}()
	holds(t, dir, map[string]string{"state": "first"})
	must(t, host.WriteFile(name, []byte("second"), 0o600))
	holds(t, dir, map[string]string{"state": "second"})
}

// Two programs that write the same file have temporary files of their own.
func TestWritersAtOnceLeaveOneWholeFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "result")
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			if err := host.WriteFile(name, bytes.Repeat([]byte{byte('a' + i)}, 1<<18), 0o600); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	got, err := os.ReadFile(name)
	must(t, err)
	holds(t, dir, map[string]string{"result": string(bytes.Repeat(got[:1], 1<<18))})
}

func TestErrorsNameTheFileThatWasAskedFor(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	for name, write := range map[string]func(string) error{
		"WriteFile":  func(name string) error { return host.WriteFile(name, nil, 0o600) },
		"CreateFile": func(name string) error { return host.CreateFile(name, nil, 0o600) },
		"CheckWrite": host.CheckWrite,
	} {
		for _, file := range []string{"nowhere/file", "folder"} {
			file = filepath.Join(dir, file)
			err := write(file)
			if at := (*fs.PathError)(nil); !errors.As(err, &at) || at.Path != file || at.Op != "write" {
				t.Errorf("%s: %v, want write %s: …", name, err, file)
			}
		}
	}
	holds(t, filepath.Join(dir, "folder"), nil)
}

func TestCreateFileRefusesAnExistingOne(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "key")
	must(t, host.CreateFile(name, []byte("first"), 0o600))
	if err := host.CreateFile(name, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	holds(t, dir, map[string]string{"key": "first"})
	// One of many at once creates it.
	other := filepath.Join(dir, "other")
	errs := make(chan error, 8)
	for i := range cap(errs) {
		go func() { errs <- host.CreateFile(other, fmt.Append(nil, i), 0o600) }()
	}
	created := 0
	for range cap(errs) {
		switch err := <-errs; {
		case err == nil:
			created++
		case !errors.Is(err, fs.ErrExist):
			t.Error(err)
		}
	}
	if created != 1 {
		t.Errorf("%d created it", created)
	}
}

func TestCheckWriteChangesNothing(t *testing.T) {
	dir := t.TempDir()
	must(t, host.CheckWrite(filepath.Join(dir, "new")))
	must(t, os.WriteFile(filepath.Join(dir, "old"), []byte("old"), 0o600))
	must(t, host.CheckWrite(filepath.Join(dir, "old")))
	holds(t, dir, map[string]string{"old": "old"})
}
