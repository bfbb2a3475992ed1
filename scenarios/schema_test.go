package scenarios_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"

	"spafleet/host/golden"
	"spafleet/scenarios"
)

// TestSchemaIsPublished holds the file that editors use to the tables.
func TestSchemaIsPublished(t *testing.T) {
	golden.File(t, "scenario.schema.json", scenarios.Schema())
}

// A documented key is one of the schema.
type documented struct{ name, about string }

// ordered returns a member of an object of JSON in which order counts, nil for none.
func ordered(o any, path ...string) any {
	for _, name := range path {
		members, _ := o.(yaml.MapSlice)
		i := slices.IndexFunc(members, func(m yaml.MapItem) bool { return m.Key == name })
		if i < 0 {
			return nil
		}
		o = members[i].Value
	}
	return o
}

// orderedSchema is the schema with its keys in order; nil where it is no JSON.
var orderedSchema = sync.OnceValue(func() any {
	var schema yaml.MapSlice
	if yaml.UnmarshalWithOptions(scenarios.Schema(), &schema, yaml.UseOrderedMap()) != nil {
		return nil
	}
	return schema
})

// keysOf returns the keys of a map of the schema, in order: scenario is the whole file.
func keysOf(t *testing.T, title string) []documented {
	t.Helper()
	path := []string{"definitions", title, "properties"}
	if title == "scenario" {
		path = path[2:]
	}
	members, _ := ordered(orderedSchema(), path...).(yaml.MapSlice)
	if members == nil {
		t.Fatalf("the schema has no %q", title)
	}
	var keys []documented
	for _, m := range members {
		about, markdown := ordered(m.Value, "markdownDescription").(string)
		if !markdown {
			about, _ = ordered(m.Value, "description").(string)
		}
		keys = append(keys, documented{m.Key.(string), about})
	}
	return keys
}

var keysMark = regexp.MustCompile(`<!-- keys of ([a-z]+)(?:: ([a-z0-9_ ]+))? -->\n`)

// TestDocumentHasTheKeys makes the tables of docs/scenario.md of the keys that the
// readers take.
func TestDocumentHasTheKeys(t *testing.T) {
	const page = "../docs/scenario.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, mark := range keysMark.FindAllStringSubmatch(string(text), -1) {
		keys := keysOf(t, mark[1])
		if mark[2] != "" {
			keys = only(t, keys, strings.Fields(mark[2]))
		}
		golden.Section(t, page, mark[0], "<!-- /keys -->", keysTable(keys))
	}
}

// What a step can do, and what a map of the server takes, stands in the document.
func TestDocumentHasEachKeyOfStepsAndServers(t *testing.T) {
	text, err := os.ReadFile("../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, title := range []string{"scenario", "limits", "group", "lease", "server", "file", "auth", "sip", "https", "target", "step", "fault", "bug", "cure"} {
		told := map[string]bool{}
		for _, mark := range keysMark.FindAllStringSubmatch(string(text), -1) {
			for _, k := range keysOf(t, mark[1]) {
				if mark[1] == title && (mark[2] == "" || slices.Contains(strings.Fields(mark[2]), k.name)) {
					told[k.name] = true
				}
			}
		}
		for _, k := range keysOf(t, title) {
			if !told[k.name] {
				t.Errorf("docs/scenario.md has no row for %s of %s", k.name, title)
			}
		}
	}
}

// only returns the keys of these names, in the order of the names.
func only(t *testing.T, keys []documented, names []string) (list []documented) {
	t.Helper()
	for _, name := range names {
		i := slices.IndexFunc(keys, func(k documented) bool { return k.name == name })
		if i < 0 {
			t.Fatalf("there is no key %q", name)
		}
		list = append(list, keys[i])
	}
	return list
}

// keysTable is a table in Markdown. Keys that mean the same are one row.
func keysTable(keys []documented) string {
	b := strings.Builder{}
	b.WriteString("| key | meaning (default) |\n|---|---|\n")
	for i := 0; i < len(keys); {
		names := "`" + keys[i].name + "`"
		next := i + 1
		for ; next < len(keys) && keys[next].about == keys[i].about; next++ {
			names += ", `" + keys[next].name + "`"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", names, strings.ReplaceAll(keys[i].about, "|", `\|`))
		i = next
	}
	return b.String()
}
