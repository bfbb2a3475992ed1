package answer_test

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"spafleet/bench/extproc"
	"spafleet/host/golden"
	"spafleet/scenarios/doctor/answer"
	"spafleet/scenarios/doctor/finding"
)

func page(t *testing.T, r *finding.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := answer.WritePage(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestThePageIsThatOfTheGoldenFile(t *testing.T) {
	golden.File(t, "testdata/answer.html", []byte(page(t, sample())))
}

// The page says what the report does, its links lead to places in it, and nothing comes
// from elsewhere or runs.
func TestThePageStandsAlone(t *testing.T) {
	r := sample()
	r.Server = `https://h/<script>alert(1)</script>"`
	r.Findings[1].Detail, r.Findings[1].Evidence, r.Incomplete = "<img src=x>", "</pre><b onclick=x>", "interrupted"
	text := page(t, r)
	node, err := html.Parse(strings.NewReader(text))
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
			if strings.Contains(" script link img iframe object embed base ", " "+n.Data+" ") {
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
	if strings.Contains(text, "@import") || strings.Contains(text, "url(") {
		t.Error("the style asks for a file")
	}
	for id := range links {
		if !ids[id] {
			t.Errorf("a link leads to %s, which is not there", id)
		}
	}
	for _, want := range []string{r.Server, "<img src=x>", "</pre><b onclick=x>", "This is incomplete (interrupted)", "12 of 12 devices would not be provisioned", "tls-version", "SPA504G 7.4.3 and 7.6.2g", "ssl_protocols TLSv1", "the profile names no firmware"} {
		if !strings.Contains(words.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestThePageIsBounded(t *testing.T) {
	if n := len(page(t, large(2000))); n > 1<<20 {
		t.Errorf("the page has %d bytes", n)
	}
	if text := page(t, &finding.Report{}); !strings.Contains(text, "Nothing was asked") {
		t.Error(text)
	}
}

// On a telephone nothing of the page is wider than the window.
func TestChromiumShowsThePage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(page(t, sample())), 0o600); err != nil {
		t.Fatal(err)
	}
	const width = 400
	c := extproc.OpenChromium(t)
	c.Visit("file://" + path)
	shot := c.Shot(width, 3000)
	if wide := c.Eval("document.documentElement.scrollWidth"); wide != strconv.Itoa(width) {
		t.Errorf("the page is %s wide in a window of %d", wide, width)
	}
	picture, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	red := 0
	for y := range picture.Bounds().Dy() {
		if r, g, b, _ := picture.At(width-1, y).RGBA(); r&g&b>>8 != 0xff {
			t.Fatalf("something reaches the edge in line %d", y)
		}
		for x := range picture.Bounds().Dx() {
			if r, g, b, _ := picture.At(x, y).RGBA(); r>>8 > 0xb0 && g>>8 < 0x60 && b>>8 < 0x40 {
				red++
			}
		}
	}
	if red < 1000 { // the verdict's bar alone has more
		t.Errorf("%d pixels show that something breaks", red)
	}
}
