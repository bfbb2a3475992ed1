package page_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"spafleet/bench/extproc"
)

// axe is the version of axe-core whose rules hold. It is fetched from npm, and not part of
// the program.
const axe = "axe-core@4.14.1"

// Each page has one main part and one heading of the first level, says what each field and
// table column is, and skips no level of headings. With SPAFLEET_SLOW, axe-core looks for
// more, in light and in dark, on a desk and on a telephone.
func TestPagesAreForEveryone(t *testing.T) {
	for name, write := range every() {
		if strings.HasPrefix(name, "live") {
			continue
		}
		node, err := html.Parse(strings.NewReader(text(t, write)))
		if err != nil {
			t.Fatal(err)
		}
		for _, why := range barriers(node) {
			t.Errorf("%s: %s", name, why)
		}
	}
	if os.Getenv("SPAFLEET_SLOW") != "" {
		lookWithAxe(t)
	}
}

func barriers(page *html.Node) (list []string) {
	count, level, labelled := map[string]int{}, 0, map[string]bool{}
	for n := range page.Descendants() {
		if n.Type == html.ElementNode && n.Data == "label" {
			labelled[attributes(n)["for"]] = true
		}
	}
	for n := range page.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		of := attributes(n)
		if !within(n, "svg") {
			count[n.Data]++
		}
		switch n.Data {
		case "h1", "h2", "h3":
			if now := int(n.Data[1] - '0'); now > level+1 {
				list = append(list, "a heading skips a level: "+n.Data)
			} else {
				level = now
			}
		case "th":
			if of["scope"] == "" {
				list = append(list, "a heading of a table has no scope")
			}
		case "input", "select":
			if of["type"] != "hidden" && of["aria-label"] == "" && !labelled[of["id"]] && !within(n, "label") {
				list = append(list, "a field has no label: "+of["name"])
			}
		case "svg":
			if !within(n, "svg") && (of["role"] != "img" || of["aria-label"] == "") {
				list = append(list, "a picture has no words")
			}
		}
	}
	for _, one := range []string{"main", "h1", "title"} {
		if count[one] != 1 {
			list = append(list, "not one "+one)
		}
	}
	return list
}

func within(n *html.Node, name string) bool {
	for p := range n.Ancestors() {
		if p.Data == name {
			return true
		}
	}
	return false
}

// lookWithAxe runs axe-core on each page.
func lookWithAxe(t *testing.T) {
	dir := t.TempDir()
	install := exec.Command(extproc.Need(t, "npm", "npm"), "install", "--prefix", dir, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", axe)
	if said, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	rules, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	s, c := newStage(t), extproc.OpenChromium(t)
	c.Visit(s.URL + "/message")
	c.Eval(string(rules) + `; document.querySelector('h1').remove(); document.querySelector('main').append(document.createElement('input'))`)
	if n := lookAt(t.Logf, c, "a page that is wrong"); n < 2 {
		t.Errorf("axe-core finds %d mistakes in a page that has two", n)
	}
	for name := range every() {
		if strings.HasPrefix(name, "live") {
			continue
		}
		for _, width := range []int{400, 1400} {
			for _, scheme := range []string{"light", "dark"} {
				prefer(c, scheme)
				resize(c, width, 900)
				c.Visit(s.URL + "/" + name)
				c.Eval(`document.querySelectorAll('details').forEach(d => { d.open = true })`)
				c.Eval(string(rules) + "; 0")
				lookAt(t.Errorf, c, name+" "+scheme)
			}
		}
	}
}

// lookAt returns how much axe-core finds, and tells it.
func lookAt(tell func(string, ...any), c *extproc.Chromium, where string) int {
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML, FailureSummary string }
	}
	told := c.Eval(`axe.run(document).then(r => JSON.stringify(r.violations))`)
	if err := json.Unmarshal([]byte(told), &found); err != nil {
		tell("%v: %.200s", err, told)
	}
	for _, v := range found {
		tell("%s: %s (%s), %d times: %s\n%.200s", where, v.Help, v.Impact, len(v.Nodes), v.Nodes[0].HTML, v.Nodes[0].FailureSummary)
	}
	return len(found)
}
