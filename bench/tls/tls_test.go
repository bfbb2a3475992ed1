package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spafleet/bench/harness"
)

// The workers of a test are the test's own program.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == harness.WorkerArgument {
		main()
	}
	os.Exit(m.Run())
}

// need looks for programs of other projects. Without them the test is skipped,
// except in CI, where a test that does not run is a failure.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(harness.Find(p)); err == nil {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing", p)
		}
		t.Skipf("%s is missing", p)
	}
}

// said runs a command line and reads its JSON.
func said[T any](t *testing.T, args ...string) *T {
	t.Helper()
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	var out, errs bytes.Buffer
	code := instrument().Run(t.Context(), append(args, "--json"), nil, &out, &errs)
	r := new(T)
	if err := json.Unmarshal(out.Bytes(), r); code != 0 || err != nil {
		t.Fatalf("exit %d, %v\n%s\n%s", code, err, out.String(), errs.String())
	}
	if left, err := filepath.Glob(filepath.Join(tmp, "*")); err != nil || left != nil {
		t.Errorf("%v, left behind: %v", err, left)
	}
	return r
}

func TestEveryClientConnectsInTurns(t *testing.T) {
	need(t, "nginx", "openssl", "taskset")
	c := said[comparison](t, "--bits", "2048", "--parallel", "2", "--time", "1", "--rounds", "1")
	var got [][2]int
	for _, k := range c.Contests {
		got = append(got, [2]int{k.Bits, k.Parallel})
		if want := k.Sides[1].Median / k.Sides[0].Median; len(k.Ratios) != 1 || k.Ratio != want || k.Met != (want >= target) {
			t.Errorf("ratios %v, ratio %v, want %v, met: %v", k.Ratios, k.Ratio, want, k.Met)
		}
		for i, d := range k.Sides {
			if d.Client != clients[i] || d.Min < 1 || d.Median != d.Min || d.CPU <= 0 || d.CPU*d.Median > 1100 {
				t.Errorf("%d bits, %d at a time: %+v", k.Bits, k.Parallel, d)
			}
		}
	}
	if want := [][2]int{{2048, 1}, {2048, 2}}; !slices.Equal(got, want) {
		t.Errorf("contests %v, want %v", got, want)
	}
}

func TestLiveConnectionsAreWeighed(t *testing.T) {
	need(t, "nginx", "taskset")
	m := said[memory](t, "--memory", "--count", "100")
	if m.Connections != 100 || m.HeapStack < 2<<10 || m.HeapStack > 1<<20 || m.Met != (m.HeapStack <= mostMemory) {
		t.Errorf("%+v", m)
	}
}

func TestCertificatesAreMintedAndCounted(t *testing.T) {
	need(t, "taskset")
	m := said[minting](t, "--mint", "--count", "30")
	if m.Certificates != 30 || m.Seconds <= 0 || m.CPU <= 0 || m.Target != 0.018 {
		t.Errorf("%+v", m)
	}
}

// Rounds that ran side by side are compared, and what is missed is said.
func TestMissedTargetIsShown(t *testing.T) {
	tests := []struct {
		theirs, ours []float64
		ratio        float64
		want         string
	}{
		{[]float64{100, 1000, 100}, []float64{90, 900, 200}, 0.9, "0.90, 0.95 or more: MISSED"},
		{[]float64{100, 1000, 100}, []float64{95, 950, 10}, 0.95, "0.95, 0.95 or more: met"},
		{[]float64{100, 100}, []float64{100, 120}, 1.1, "1.10, 0.95 or more: met"},
	}
	for _, tt := range tests {
		k := newContest(1024, 1)
		for i, rates := range [][]float64{tt.theirs, tt.ours, tt.theirs} {
			k.Sides[i].rates, k.Sides[i].cpus = rates, rates
		}
		k.conclude()
		var out strings.Builder
		(&comparison{Contests: []*contest{k}}).Print(&out)
		if k.Ratio != tt.ratio || !strings.Contains(out.String(), tt.want) {
			t.Errorf("ratio %v, want %v and %q in\n%s", k.Ratio, tt.ratio, tt.want, out.String())
		}
	}
	for r, want := range map[harness.Report]string{
		&memory{HeapStack: 20 << 10, Target: mostMemory}:             "20.0 KB each (16 KB or less: MISSED)",
		&memory{HeapStack: 16 << 10, Target: mostMemory, Met: true}:  "16.0 KB each (16 KB or less: met)",
		&minting{Certificates: 1000, Seconds: 0.7, Target: 0.6}:      "0.7 s, CPU 0.0 s (0.6 s or less: MISSED)",
		&minting{Certificates: 10, Seconds: 1, Target: 2, Met: true}: "(2.0 s or less: met)",
	} {
		var out strings.Builder
		if r.Print(&out); !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestMistakesInOptions(t *testing.T) {
	for line, want := range map[string]string{
		"--bits 512":      "--bits 512: want 1024 or 2048",
		"--bits 1024,":    "--bits 1024,: want",
		"--rounds 0":      "are 1 or more",
		"--core 4096":     "--core 4096: there are the cores 0 to",
		"--memory --mint": "one at a time",
		"fast":            `"fast" is no option`,
		"--fast":          "not defined",
	} {
		var out, errs bytes.Buffer
		if code := instrument().Run(t.Context(), strings.Fields(line), nil, &out, &errs); code != 2 || out.Len() > 0 || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: exit %d, want 2 and %q in\n%s", line, code, want, errs.String())
		}
	}
}

// A server that is not there is no figure.
func TestWorkerThatFailsIsAnError(t *testing.T) {
	need(t, "taskset")
	for _, client := range []string{spafleet, standard} {
		if r, err := runWorker(t.Context(), 0, &task{Client: client, Server: "127.0.1.1:1", Bits: 1024, Parallel: 2, Time: 1}); err == nil {
			t.Errorf("%s: %+v", client, r)
		}
	}
}
