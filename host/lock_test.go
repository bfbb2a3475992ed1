package host_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"spafleet/host"
)

func TestAFileIsLockedOnce(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "fleet.state")
	unlock, err := host.Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Lock(name); !errors.Is(err, host.ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	if err := host.WriteFile(name, []byte("x"), 0o600); err != nil { // another file of that name
		t.Error(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("fleet.state", link); err == nil {
		if _, err := host.Lock(link); !errors.Is(err, host.ErrLocked) {
			t.Errorf("a lock by another name: %v", err)
		}
	}
	unlock()
	again, err := host.Lock(name)
	if err != nil {
		t.Fatalf("locked again: %v", err)
	}
	again()
	if _, err := os.Stat(name + ".lock"); runtime.GOOS != "windows" && !os.IsNotExist(err) {
		t.Errorf("the lock file is left: %v", err)
	}
}

func TestWhatCannotBeLockedSaysSo(t *testing.T) {
	if _, err := host.Lock(filepath.Join(t.TempDir(), "nowhere", "fleet.state")); !os.IsNotExist(err) {
		t.Errorf("a folder that is not there: %v", err)
	}
	unlock, err := host.Lock(os.DevNull)
	if err != nil {
		t.Fatalf("a device: %v", err)
	}
	unlock()
}
