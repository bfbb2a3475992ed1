package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// built is a directory with the program of this machine, and its notices.
func built(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	c := exec.CommandContext(t.Context(), "../../.ci/dist", "linux/"+runtime.GOARCH)
	c.Env = append(os.Environ(), "OUT="+dir, "VERSION=v1.2.3-rc.1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

func ordered(t *testing.T, from string) (order, []string) {
	t.Helper()
	o := order{program: filepath.Join(from, "spafleet-linux-"+runtime.GOARCH), processor: runtime.GOARCH,
		notices: filepath.Join(from, "NOTICES"), root: "../..", out: t.TempDir()}
	names, err := o.make()
	if err != nil {
		t.Fatal(err)
	}
	return o, names
}

func dpkg(t *testing.T, root string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "dpkg", append([]string{"--root=" + root, "--force-not-root", "--force-script-chrootless", "--force-bad-path"}, args...)...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("dpkg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// The deb is installed into an empty root, runs there, and leaves nothing when it is removed.
func TestTheDebInstallsRunsAndGoes(t *testing.T) {
	if _, err := exec.LookPath("dpkg"); err != nil && os.Getenv("CI") == "" {
		t.Skip("needs dpkg")
	}
	_, names := ordered(t, built(t))
	root := t.TempDir()
	for _, folder := range []string{"info", "updates"} {
		if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg", folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	dpkg(t, root, "-i", names[0])
	if said := dpkg(t, root, "-s", "spafleet"); !strings.Contains(said, "Status: install ok installed") || !strings.Contains(said, "Version: 1.2.3~rc.1") {
		t.Errorf("dpkg -s says\n%s", said)
	}
	program := filepath.Join(root, "usr/bin/spafleet")
	for want, args := range map[string][]string{"spafleet v1.2.3-rc.1": {"version"}, "demo: passed": {"demo"}} {
		out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	for _, path := range []string{"usr/share/man/man1/spafleet.1.gz", "usr/share/man/man1/spafleet-profile-lint.1.gz", "usr/share/doc/spafleet/copyright",
		"usr/share/bash-completion/completions/spafleet", "usr/share/zsh/vendor-completions/_spafleet", "usr/share/fish/vendor_completions.d/spafleet.fish"} {
		if info, err := os.Stat(filepath.Join(root, path)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	rights, err := os.ReadFile(filepath.Join(root, "usr/share/doc/spafleet/copyright"))
	if err != nil || !bytes.Contains(rights, []byte("github.com/spf13/cobra")) || !bytes.Contains(rights, []byte("Apache License")) {
		t.Errorf("copyright lacks the project's licence or those of its modules: %v", err)
	}
	dpkg(t, root, "-P", "spafleet")
	for _, path := range []string{"usr/bin/spafleet", "usr/share/doc/spafleet", "usr/share/man/man1/spafleet.1.gz"} {
		if _, err := os.Lstat(filepath.Join(root, path)); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

// The same program has the same packages.
func TestTwoPackagesAreTheSame(t *testing.T) {
	from := built(t)
	_, one := ordered(t, from)
	_, two := ordered(t, from)
	for i := range one {
		a, err := os.ReadFile(one[i])
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(two[i])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs from another", filepath.Base(one[i]))
		}
	}
	if head, err := os.ReadFile(one[1]); err != nil || !bytes.HasPrefix(head, []byte{0xed, 0xab, 0xee, 0xdb}) || !strings.HasSuffix(one[1], ".rpm") {
		t.Errorf("%s is no rpm: %v", one[1], err)
	}
}
