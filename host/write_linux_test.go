package host_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"spafleet/host"
)

func TestSymbolicLinksAreFollowed(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	link := func(to, name string) string {
		t.Helper()
		must(t, os.Symlink(to, filepath.Join(dir, name)))
		return filepath.Join(dir, name)
	}
	must(t, os.WriteFile(filepath.Join(outside, "file"), []byte("old"), 0o600))
	first := link(filepath.Join(outside, "file"), "first")
	second := link("first", "second") // relative, to a link
	must(t, host.WriteFile(second, []byte("new"), 0o600))
	holds(t, outside, map[string]string{"file": "new"})
	for _, l := range []string{first, second} {
		if info, err := os.Lstat(l); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more (%v, %v)", l, info, err)
		}
	}
	must(t, host.WriteFile(link(filepath.Join(outside, "made"), "dangling"), []byte("made"), 0o600))
	holds(t, outside, map[string]string{"file": "new", "made": "made"})
	for name, write := range map[string]func(string) error{
		"WriteFile": func(name string) error { return host.WriteFile(name, nil, 0o600) }, "CheckWrite": host.CheckWrite,
	} {
		if err := write(link("circle"+name, "circle"+name)); !errors.Is(err, syscall.ELOOP) {
			t.Errorf("%s of a link to itself: %v", name, err)
		}
	}
	if err := host.CreateFile(link("nothing", "exists"), nil, 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("CreateFile of a dangling link: %v", err)
	}
}

func TestAFileHasTheModeAskedForLessTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o027))
	dir := t.TempDir()
	for mode, want := range map[fs.FileMode]fs.FileMode{0o600: 0o600, 0o644: 0o640, 0o666: 0o640, 0o400: 0o400} {
		name := filepath.Join(dir, mode.String())
		for range 2 { // the second time it exists
			must(t, host.WriteFile(name, nil, mode))
			if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
				t.Errorf("asked for %v: %v (%v), want %v", mode, info.Mode(), err, want)
			}
			must(t, os.Chmod(name, 0o777))
		}
	}
}

// asAnotherUser does something without the rights of root, which no mode limits.
func asAnotherUser(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
		must(t, syscall.Setfsuid(65534))
		defer syscall.Setfsuid(0)
	}
	do()
}

func TestAFolderThatIsReadOnlyKeepsItsFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	must(t, os.WriteFile(name, []byte("old"), 0o666))
	must(t, os.Chmod(dir, 0o555))
	done := make(chan struct{})
	go func() {
		defer close(done)
		asAnotherUser(t, func() {
			for what, err := range map[string]error{
				"WriteFile": host.WriteFile(name, []byte("new"), 0o600), "CreateFile": host.CreateFile(name+"2", nil, 0o600), "CheckWrite": host.CheckWrite(name),
			} {
				if !errors.Is(err, fs.ErrPermission) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}()
	<-done
	must(t, os.Chmod(dir, 0o755))
	holds(t, dir, map[string]string{"file": "old"})
}

// A limit on the size of files stands for a disk that gets full while it is written.
func TestADiskThatIsFullKeepsTheOldFile(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	must(t, host.WriteFile(name, []byte("old"), 0o600))
	var before syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	limit := before
	limit.Cur = 1 << 17
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	err, created := host.WriteFile(name, bytes.Repeat([]byte("new"), 1<<17), 0o600), host.CreateFile(name+"2", make([]byte, 1<<18), 0o600)
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before))
	if !errors.Is(err, syscall.EFBIG) || !errors.Is(created, syscall.EFBIG) {
		t.Errorf("%v, %v", err, created)
	}
	holds(t, dir, map[string]string{"file": "old"})
}

func TestDevicesAndPipesAreWrittenTo(t *testing.T) {
	must(t, host.CheckWrite("/dev/null"))
	must(t, host.WriteFile("/dev/null", []byte("gone"), 0o600))
	if err := host.WriteFile("/dev/full", []byte("too much"), 0o600); !errors.Is(err, syscall.ENOSPC) || err.Error() != "write /dev/full: no space left on device" {
		t.Error(err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	read := make(chan []byte)
	go func() {
		b, _ := os.ReadFile(pipe)
		read <- b
	}()
	must(t, host.WriteFile(pipe, []byte("through"), 0o600))
	if got := string(<-read); got != "through" {
		t.Errorf("the pipe gave %q", got)
	}
}
