package harness

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain makes a test's program its instrument's worker where it is called so.
func TestMain(m *testing.M, i *Instrument) {
	if len(os.Args) == 2 && os.Args[1] == WorkerArgument {
		i.Main()
	}
	os.Exit(m.Run())
}

// Said runs a command line of an instrument in a test and reads its JSON into
// report. Nothing may be left behind.
func Said(t *testing.T, i *Instrument, report any, line string) {
	t.Helper()
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	var out, errs bytes.Buffer
	code := i.Run(t.Context(), append(strings.Fields(line), "--json"), nil, &out, &errs)
	if err := json.Unmarshal(out.Bytes(), report); code != 0 || err != nil {
		t.Fatalf("exit %d, %v\n%s\n%s", code, err, out.String(), errs.String())
	}
	if left, err := filepath.Glob(filepath.Join(tmp, "*")); err != nil || left != nil {
		t.Errorf("%v, left behind: %v", err, left)
	}
}
