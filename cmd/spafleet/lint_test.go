package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/device/devicetest"
	"spafleet/device/model"
)

// lintFolder makes a folder of full profiles, each with a line of its own and two mistakes.
func lintFolder(t testing.TB, files int) string {
	t.Helper()
	dir := t.TempDir()
	full := string(devicetest.Row(t, "SPA2102", "").SampleXML(model.SampleStyle{}))
	for i := range files {
		own := fmt.Sprintf("<GPP_P>%d</GPP_P>\n<Foo>1</Foo>\n<Resync_Periodic>daily</Resync_Periodic>\n</flat-profile>", i)
		text := strings.Replace(full, "</flat-profile>", own, 1)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d.xml", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Findings are in the order of the files, and none is lost, however many files are
// checked at once.
func TestLintGathersInOrder(t *testing.T) {
	dir := lintFolder(t, lintBatch+100)
	first := ""
	for range 2 {
		var out, errs bytes.Buffer
		if code := execute(t.Context(), []string{"profile", "lint", dir, "--model", "SPA2102,SPA942", "--json"}, streams{strings.NewReader(""), &out, &errs}); code != exitFailed {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		for _, want := range []string{`"files": 612,`, `"bad_files": 612,`, `"count": 612`, dir + `/000000.xml"`, dir + `/000611.xml"`} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the report lacks %s", want)
			}
		}
		if first != "" && out.String() != first {
			t.Error("two reports differ")
		}
		first = out.String()
	}
}

// A thousand files of 45 KB.
func BenchmarkLint(b *testing.B) {
	dir := lintFolder(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		var out, errs bytes.Buffer
		if code := execute(b.Context(), []string{"profile", "lint", dir, "--model", "SPA2102"}, streams{strings.NewReader(""), &out, &errs}); code != exitFailed {
			b.Fatal(errs.String())
		}
	}
}
