package page_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"spafleet/bench/extproc"
	"spafleet/device/observed"
	"spafleet/host/golden"
	"spafleet/scenarios/probe/page"
)

// sample is a file with all that one can have: switches that differ, agree and are not
// settled, rounds of waits, moments, bytes and texts.
func sample() *observed.File {
	f := &observed.File{Model: "SPA942", Firmware: "6.1.5(a)", Date: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Took: 12*time.Minute + 30*time.Second}
	f.Findings = []observed.Finding{
		{Switch: "redirects", OneOf: []string{"follow", "moved"}, Experiment: "http-redirects", Asked: 2, Why: "the phone did not come back within 2m"},
		{Switch: "tftp_wait", Value: "3s", Experiment: "tftp-silence", Asked: 2, Agreed: 2},
		{Switch: "tftp_tries", Value: "5", Experiment: "tftp-silence", Asked: 2, Agreed: 2},
		{Switch: "tftp_options", Value: "timeout_tsize", Experiment: "tftp-silence", Asked: 4, Agreed: 3},
		{Switch: "http_version", Value: "1.1", Experiment: "http-request", Asked: 4, Agreed: 4},
		{Switch: "bare_less_than", Experiment: "bare-less-than", Why: "it was not asked for"},
	}
	add := func(experiment, what string, d time.Duration) {
		f.Facts = append(f.Facts, observed.Fact{Experiment: experiment, What: what, Nanoseconds: int64(d)})
	}
	request := append([]byte("\x00\x01/p/spa942.cfg\x00octet\x00timeout\x0010\x00tsize\x000\x00"), 0xff)
	for round := range 2 {
		f.Facts = append(f.Facts, observed.Fact{Experiment: "tftp-silence", What: "request", Hex: hex.EncodeToString(request)})
		for i := range 4 {
			add("tftp-silence", "sent again after", 3*time.Second+time.Duration(i*7+round*11)*time.Millisecond)
		}
	}
	f.Facts = append(f.Facts, observed.Fact{Experiment: "http-request", What: "User-Agent", Text: "Linksys/SPA942-6.1.5(a) (xxxxxxxxxxxx)"})
	add("http-request", "to the first byte", 114*time.Microsecond)
	add("retries", "asked at", 30*time.Second)
	add("retries", "asked at", 90*time.Second)
	add("retries", "asked at", 95*time.Second)
	add("retries", "asked at", 15*time.Minute)
	return f
}

func question(experiment string) string {
	return map[string]string{"tftp-silence": "How long and how often does the phone ask a TFTP server that says nothing?"}[experiment]
}

func written(t *testing.T, f *observed.File) string {
	t.Helper()
	var b bytes.Buffer
	if err := page.Write(&b, f, question); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestThePageIsThatOfTheGoldenFile(t *testing.T) {
	golden.File(t, "testdata/page.html", []byte(written(t, sample())))
}

// The page says what the file does, its links lead to places in it, and nothing comes from
// elsewhere or runs.
func TestThePageStandsAlone(t *testing.T) {
	f := sample()
	f.Findings[0].Why = "<script>alert(1)</script>"
	f.Facts = append(f.Facts, observed.Fact{Experiment: `x" onload=y`, What: `"><img src=x>`, Text: "</dl><b onclick=x>"},
		observed.Fact{Experiment: `x" onload=y`, What: `"><img src=x>`, Nanoseconds: 1e9}, observed.Fact{Experiment: `x" onload=y`, What: `"><img src=x>`, Nanoseconds: 1e9})
	node, err := html.Parse(strings.NewReader(written(t, f)))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Builder{}
	ids, links := map[string]bool{}, map[string]bool{}
	for n := range node.Descendants() {
		switch n.Type {
		case html.TextNode:
			words.WriteString(n.Data + " ")
		case html.ElementNode:
			if strings.Contains(" script link img iframe object embed base b ", " "+n.Data+" ") && (n.Data != "b" || n.Parent.Data != "div") {
				t.Errorf("the page has an element %s", n.Data)
			}
			for _, a := range n.Attr {
				switch {
				case a.Key == "id":
					ids[a.Val] = true
				case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
					links[a.Val[1:]] = true
				case a.Key == "src" || a.Key == "href" || strings.HasPrefix(a.Key, "on"):
					t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
				}
			}
		}
	}
	for id := range links {
		if !ids[id] {
			t.Errorf("a link leads to %s, which is not there", id)
		}
	}
	if len(links) != 2 {
		t.Errorf("links to %v, want those of the two experiments that settled something and have facts", links)
	}
	for _, want := range []string{"SPA942, firmware 6.1.5(a)", "<script>alert(1)</script>", "</dl><b onclick=x>", "asked 4 times, 3 so", "asked twice, always so", "follow, moved",
		"0010  6f 63 74", "octet.timeout.10", "3.011s", "114µs", "How long and how often", "tftp_tries = 5", "22 November 2026 in 12m30s"} {
		if !strings.Contains(words.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// What differs comes first; a value that is written otherwise does not.
func TestWhatDiffersComesFirst(t *testing.T) {
	text := written(t, sample())
	last := -1
	for _, want := range []string{"not as our table says</strong>", "<h2>Not as our table says</h2>", "<code>tftp_options</code>", "<h2>As our table says</h2>", "<h2>Not settled</h2>", "<code>redirects</code>", "<h2>Not asked</h2>", "<h2>What was seen</h2>"} {
		at := strings.Index(text, want)
		if at <= last {
			t.Errorf("%q stands at %d, behind %d", want, at, last)
		}
		last = at
	}
	f := sample()
	f.Findings = []observed.Finding{{Switch: "tftp_wait", Value: "3000ms", Experiment: "x", Asked: 1, Agreed: 1}}
	if text := written(t, f); !strings.Contains(text, `<section class="verdict ok">`) || !strings.Contains(text, "1 switch settled: 0 not as in our table, 1 as there.") {
		t.Error("3000ms is not 3s")
	}
}

// Waits add up, moments do not; rounds stand below one another, to one scale.
func TestTimesAreDrawn(t *testing.T) {
	text := written(t, sample())
	if n := strings.Count(text, `<svg class="times"`); n != 2 {
		t.Errorf("%d pictures, want one of the waits and one of the moments", n)
	}
	if n := strings.Count(text, `<circle`); n != 2*5+4 {
		t.Errorf("%d points", n)
	}
	for _, want := range []string{"<title>12.04s after the first, 3.021s after the one before</title>", "<title>12.09s after the first, 3.032s after the one before</title>",
		"<title>at 30s</title>", "<title>at 15m0s, 13m25s after the one before</title>", `>10m</text>`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
}

func TestThePageIsBounded(t *testing.T) {
	f := sample()
	long := hex.EncodeToString(bytes.Repeat([]byte{0xab}, 8<<10))
	for i := range observed.MostFacts {
		f.Facts = append(f.Facts, observed.Fact{Experiment: fmt.Sprint("x", i%3), What: "bytes", Hex: long}, observed.Fact{Experiment: fmt.Sprint("y", i%2), What: "wait", Nanoseconds: int64(i + 1)})
	}
	if n := len(written(t, f)); n > 2<<20 {
		t.Errorf("the page has %d bytes", n)
	}
	if text := written(t, &observed.File{}); !strings.Contains(text, "nothing settled") {
		t.Error(text)
	}
}

// At the width of a telephone nothing is wider than the window, and what differs is marked.
func TestChromiumShowsThePage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(written(t, sample())), 0o600); err != nil {
		t.Fatal(err)
	}
	c := extproc.OpenChromium(t)
	c.Visit("file://" + path)
	for _, tt := range []struct {
		width           int
		scheme          string
		back, mark, dot color.RGBA
	}{
		{400, "light", color.RGBA{0xff, 0xff, 0xff, 0xff}, color.RGBA{0x8a, 0x61, 0x00, 0xff}, color.RGBA{0x05, 0x50, 0xae, 0xff}},
		{1200, "light", color.RGBA{0xff, 0xff, 0xff, 0xff}, color.RGBA{0x8a, 0x61, 0x00, 0xff}, color.RGBA{0x05, 0x50, 0xae, 0xff}},
		{1200, "dark", color.RGBA{0x12, 0x16, 0x1b, 0xff}, color.RGBA{0xe0, 0xb3, 0x41, 0xff}, color.RGBA{0x79, 0xb8, 0xff, 0xff}},
	} {
		width := tt.width
		c.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": tt.scheme}}}, nil)
		shot := c.Shot(width, 2400)
		if wide := c.Eval("document.documentElement.scrollWidth"); wide != strconv.Itoa(width) {
			t.Errorf("the page is %s wide in a window of %d", wide, width)
		}
		picture, err := png.Decode(bytes.NewReader(shot))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[color.RGBA]int{}
		for y := range picture.Bounds().Dy() {
			for x := range picture.Bounds().Dx() {
				seen[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)]++
			}
		}
		if seen[tt.mark] < 500 || seen[tt.dot] < 14*30 || 2*seen[tt.back] < width*2400 {
			t.Errorf("%s at %d: %d pixels mark what differs, %d are points, %d empty", tt.scheme, width, seen[tt.mark], seen[tt.dot], seen[tt.back])
		}
	}
}
