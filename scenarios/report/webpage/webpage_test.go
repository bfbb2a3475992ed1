package webpage_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"spafleet/bench/extproc"
	"spafleet/scenarios/report"
	"spafleet/scenarios/report/webpage"
	"spafleet/scenarios/tally"
)

// newReport has a resync that succeeded and one that failed in each of its steps.
func newReport(steps int) *report.Report {
	start := time.Unix(1e9, 0).UTC()
	r := &report.Report{
		Format: report.Format, Name: "outage", About: "a <short> outage", Verdict: report.Failed, Exit: 3, Clock: "real", FleetStart: start, Started: start, DurationSeconds: float64(steps),
		Timeline:   []report.StepReport{{Name: "power", Fired: true, At: 1, Devices: 7}, {Name: "never", Missing: []report.Failing{{MAC: "000e08000009", Model: "PAP2T", Why: "no answer"}}}},
		Expect:     []report.ExpectationReport{{Name: "all synced", OK: true, Devices: 7, Held: 7}, {Name: "all quick", Devices: 7, Held: 3, First: []report.Failing{{MAC: "000e08000001", Model: "SPA942", Why: "last failure: http_get failed"}}}},
		Thresholds: []report.ThresholdReport{{Metric: "resync_failed", Threshold: "rate<1%", Value: .5, Samples: 10}},
		Notes:      []string{"a note"}, Plan: "start   7 devices",
		Generator: report.Generator{Valid: true},
	}
	h := &r.History
	h.Start, h.Step, h.States, h.Phases = start, 1, map[string][]int64{}, map[string][][]int64{"body": nil}
	for range steps {
		h.Started, h.OK, h.Failed, h.Retries, h.Reboots = append(h.Started, 2), append(h.OK, 1), append(h.Failed, 1), append(h.Retries, 1), append(h.Reboots, 1)
		for i, s := range []string{"MFG-RESET", "SP-CUST", "SEC-PRV-1", "SEC-PRV-2"} {
			h.States[s] = append(h.States[s], int64(i))
		}
		classes := make([]int64, tally.DurationClasses)
		for i := range classes {
			classes[i] = int64(i + 1)
		}
		h.Phases["body"] = append(h.Phases["body"], classes)
	}
	r.Devices, r.Resyncs = 7, tally.Pair{OK: int64(steps), Failed: int64(steps)}
	r.Models = []report.MakeSummary{{Make: tally.Make{Model: "SPA942", Firmware: "6.1.5(a)", Devices: 7}, Answers: tally.Answers{OK: 3, Failed: 4},
		Now: []tally.Firmware{{Version: "6.1.5(a)", Devices: 6}, {Version: "9.9.9", Devices: 1}}}}
	r.Findings.Errors = []tally.Failure{{What: "profile", Rule: "A", Scheme: "http", Phase: "status", Result: "status", Status: 503, Err: "http_get failed", Count: 4,
		Models: map[string]int{"SPA942 6.1.5(a)": 4}, Example: tally.Example{MAC: "000e08000001", URL: "http://prov.test/x", Said: "<script>alert(1)</script>"}}}
	r.Bug = &report.BugReport{Symptom: "it hangs", Affected: report.BugSide{Devices: 2, Showed: 1}, Cures: []report.BugSide{{How: "pull the plug", OK: true, Devices: 3}}}
	r.Findings.UnknownParams = []report.Named{{Name: "Foo<b>", Count: 3, Models: map[string]int{"SPA942 6.1.5(a)": 3}, Reason: "not in the model's set"}}
	r.Findings.PartialFiles = []report.Named{{Name: "up to line 7: </b> where </a> is due", Count: 2, Models: map[string]int{"SPA942 6.1.5(a)": 2}}}
	r.Metrics = map[string][]report.Metric{"resync_duration": {{Spread: tally.Spread{Count: 10, Med: .2, P95: .5, P99: 1, Max: 2}, Failed: 5}}}
	return r
}

func written(t *testing.T, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := webpage.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The page says what the report does, and nothing in it comes from elsewhere or runs.
func TestThePageStandsAlone(t *testing.T) {
	text := written(t, newReport(5))
	node, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Builder{}
	for n := range node.Descendants() {
		switch n.Type {
		case html.TextNode:
			words.WriteString(n.Data + " ")
		case html.ElementNode:
			if strings.Contains("script link img iframe object embed base b.", n.Data+" ") && n.Data != "b" {
				t.Errorf("the page has an element %s", n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "src" || a.Key == "href" || strings.HasPrefix(a.Key, "on") || strings.Contains(a.Val, "url(") {
					t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
				}
			}
		}
	}
	if strings.Contains(text, "@import") || strings.Contains(text, "url(") {
		t.Error("the style asks for a file")
	}
	for _, want := range []string{"failed", "step never did not happen", "a <short> outage", "no answer", "all quick: 3 of 7", "last failure: http_get failed", "resync_failed", "50% of 10",
		"profile by http: HTTP 503", "<script>alert(1)</script>", "Foo<b>", "up to line 7: </b> where </a> is due", "not in the model's set", "9.9.9 × 1", "a note", "start   7 devices", "it hangs", "affected devices show the bug: it shows on 1 of 2 affected devices", "cured, it shows on 0 of 3 devices: pull the plug",
		"1s to 2s: 2 begun, 1 ok, 1 failed"} {
		if !strings.Contains(words.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// A run without a single event still has a page.
func TestAPageWithoutHistory(t *testing.T) {
	if text := written(t, &report.Report{Name: "empty", Verdict: report.Finished}); strings.Contains(text, "<svg") || !strings.Contains(text, "says nothing about the server") {
		t.Error(text)
	}
}

// The page of the largest fleet with all that can be wrong has at most a megabyte.
func TestThePageIsBounded(t *testing.T) {
	r := newReport(120)
	for _, name := range tally.PhaseNames() {
		r.History.Phases[name] = r.History.Phases["body"]
	}
	for i := range r.History.Started {
		r.History.Started[i] = 1e9 + int64(i)
	}
	for i := range 5000 {
		m := map[string]int{}
		for k := range 60 {
			m[fmt.Sprintf("SPA942 %d.%d", i, k)] = 1
		}
		r.Findings.UnknownParams = append(r.Findings.UnknownParams, report.Named{Name: strings.Repeat("N", 64), Count: 1, Models: m})
		f := r.Findings.Errors[0]
		f.Models = m
		r.Findings.Errors = append(r.Findings.Errors, f)
	}
	for range 300 {
		r.Models = append(r.Models, r.Models[0])
	}
	if n := len(written(t, r)); n > 1<<20 {
		t.Errorf("the page has %d bytes", n)
	}
}

// Chromium shows the pictures, in light and in dark, and no line is wider than the
// window.
func TestChromiumShowsThePage(t *testing.T) {
	chromium := extproc.Need(t, "chromium", "chromium")
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(written(t, newReport(20))), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		scheme                 string
		background, ok, failed color.RGBA
	}{
		{"1", color.RGBA{255, 255, 255, 255}, color.RGBA{83, 157, 101, 255}, color.RGBA{196, 50, 10, 255}},
		{"0", color.RGBA{18, 22, 27, 255}, color.RGBA{61, 151, 86, 255}, color.RGBA{255, 123, 92, 255}},
	} {
		picture := shot(t, chromium, path, tt.scheme, 1000)
		counts := map[color.RGBA]int{}
		for y := range picture.Bounds().Dy() {
			for x := range picture.Bounds().Dx() {
				counts[near(picture.At(x, y))]++
			}
		}
		all := picture.Bounds().Dx() * picture.Bounds().Dy()
		// Half of the bars are green and half are red, and there is more than the bars.
		if b, ok, failed := counts[near(tt.background)], counts[near(tt.ok)], counts[near(tt.failed)]; b < all/3 || ok < all/100 || failed < all/100 {
			t.Errorf("scheme %s: of %d pixels %d are background, %d green, %d red", tt.scheme, all, b, ok, failed)
		}
	}
	narrow := shot(t, chromium, path, "1", 500)
	for y := range narrow.Bounds().Dy() {
		if c := near(narrow.At(499, y)); c != near(color.White) {
			t.Fatalf("at 500 pixels something reaches the edge: %v in line %d", c, y)
		}
	}
}

// near rounds a colour, so that a renderer's rounding does not count.
func near(c color.Color) color.RGBA {
	r, g, b, _ := c.RGBA()
	round := func(v uint32) uint8 { return uint8(v>>8+4) / 8 * 8 }
	return color.RGBA{round(min(r, 0xfbff)), round(min(g, 0xfbff)), round(min(b, 0xfbff)), 255}
}

func shot(t *testing.T, chromium, path, scheme string, width int) image.Image {
	t.Helper()
	out := filepath.Join(t.TempDir(), "page.png")
	c := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1", "--user-data-dir="+t.TempDir(),
		"--blink-settings=preferredColorScheme="+scheme, fmt.Sprintf("--window-size=%d,1400", width), "--screenshot="+out, "file://"+path)
	if said, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}
