package host_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/host"
)

func TestAFileIsReadUpToItsLimit(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	text := strings.Repeat("0123456789", 1000)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := host.ReadFile(name, int64(len(text))); err != nil || string(got) != text {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := host.ReadFile(name, int64(len(text))-1); err == nil || !strings.Contains(err.Error(), name+" has more than 9999 bytes") {
		t.Errorf("one byte too many: %v", err)
	}
	if _, err := host.ReadFile(dir, 10); err == nil || err.Error() != dir+" is a folder" {
		t.Errorf("a folder: %v", err)
	}
	if _, err := host.ReadFile(filepath.Join(dir, "none"), 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := host.ReadFile(os.DevNull, 0); err != nil {
		t.Errorf("an empty device: %v", err)
	}
}

// endless counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func TestWhatHasNoEndIsReadOneByteBeyondTheLimit(t *testing.T) {
	var e endless
	if _, err := host.ReadAll(&e, "standard input", 100_000); err == nil || !strings.Contains(err.Error(), "standard input has more than 100000 bytes") {
		t.Error(err)
	}
	if e.read != 100_001 {
		t.Errorf("%d bytes were read", e.read)
	}
	broken := io.MultiReader(bytes.NewReader([]byte("abc")), brokenReader{})
	if _, err := host.ReadAll(broken, "x", 10); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }
