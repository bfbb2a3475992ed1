package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spafleet/bench/extproc"
)

// manPages writes all pages into a folder.
func manPages(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "man1")
	var errs bytes.Buffer
	if code := execute(t.Context(), []string{"man", dir}, streams{strings.NewReader(""), io.Discard, &errs}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	return dir
}

// Each command has a page, and each flag of it stands there with its text.
func TestManPagesHaveEachFlag(t *testing.T) {
	dir, pages := manPages(t), 0
	eachCommand(t, func(t *testing.T, c *cobra.Command) {
		if c.Hidden {
			return
		}
		pages++
		text, err := os.ReadFile(filepath.Join(dir, manName(c)+".1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{".TH ", ".SH NAME\n" + roff(manName(c)) + ` \- ` + roff(c.Short) + "\n", ".SH EXAMPLES\n", ".SH SEE ALSO\n.BR spafleet"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("no %q", want)
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			_, usage := flagText(f)
			at := strings.Index(string(text), `\fB`+roff("--"+f.Name)+`\fR`)
			if !f.Hidden && (at < 0 || !strings.Contains(string(text)[at:], roff(usage))) {
				t.Errorf("no --%s", f.Name)
			}
		})
	})
	if pages < 30 {
		t.Errorf("%d pages", pages)
	}
}

// groff reads every page without a warning, and prints what -h prints.
func TestGroffReadsTheManPages(t *testing.T) {
	groff := extproc.Need(t, "groff", "groff-base")
	for _, path := range globbed(t, filepath.Join(manPages(t), "*.1")) {
		c := exec.CommandContext(t.Context(), groff, "-man", "-Tutf8", "-Kutf8", "-ww", "-P-cbou", "-rLL=100n", path)
		var errs bytes.Buffer
		c.Stderr = &errs
		out, err := c.Output()
		if err != nil || errs.Len() > 0 {
			t.Errorf("%s: %v\n%s", filepath.Base(path), err, errs.String())
		}
		if filepath.Base(path) != "spafleet.1" {
			continue
		}
		for _, want := range []string{"0    passed: all expectations were met; or finished: there were none", "spafleet run --model SPA2102 --count 1000 --tftp-server 127.0.0.1:6969", "spafleet-version(1)"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("spafleet.1 lacks %q:\n%s", want, out)
			}
		}
	}
}

func TestTextsAreEscapedForRoff(t *testing.T) {
	for text, want := range map[string]string{`.SH`: `\&.SH`, `C:\x`: `C:\ex`, `'a`: `\(aqa`, `--x`: `\-\-x`, `~/^`: `\(ti/\(ha`} {
		if got := roff(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	var b strings.Builder
	manText(&b, "one\ntwo\n\n  as it\n\n  is\nthree")
	if got, want := b.String(), "one\ntwo\n.PP\n.nf\n  as it\n.fi\n.PP\n.nf\n  is\n.fi\n.PP\nthree\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
