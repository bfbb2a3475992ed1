package scenarios_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"spafleet/scenarios"
)

// compiledSchema compiles the schema with a library that editors and this program do
// not use.
func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(scenarios.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("scenario.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("scenario.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// A found file is one of the repository that may be a scenario.
type found struct {
	name string
	text []byte
}

// eachScenario tells all files of the repository that the reader takes: files, members
// of the scripts of tests, and what the pages show.
func eachScenario(t *testing.T, tell func(found)) {
	t.Helper()
	take := func(name, folder string, text []byte) {
		if _, err := (scenarios.File{Name: name, Text: text, Folder: folder, Environment: []string{"SPAFLEET_PARAM_PASSWORD=sesame-7"}}).Load(); err == nil {
			tell(found{name, text})
		} else if strings.Contains(name, "every-key") {
			t.Errorf("%s: %v", name, err)
		}
	}
	shown := regexp.MustCompile("(?s)\n```yaml\n(.*?)```")
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", "bin", "fuzz"}, d.Name()) {
			return fs.SkipDir
		}
		ending := filepath.Ext(path)
		if d.IsDir() || !slices.Contains([]string{".yaml", ".txt", ".txtar", ".md"}, ending) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		switch ending {
		case ".yaml":
			take(path, filepath.Dir(path), text)
		case ".md":
			for i, block := range shown.FindAllSubmatch(text, -1) {
				take(fmt.Sprintf("%s block %d", path, i+1), "", block[1])
			}
		default:
			for _, f := range txtar.Parse(text).Files {
				if strings.HasSuffix(f.Name, ".yaml") {
					take(path+" "+f.Name, "", f.Data)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// plainYAML reads YAML as an editor does: with numbers, truths and nothings.
func plainYAML(text []byte) (v any, err error) {
	err = yaml.Unmarshal(text, &v)
	return v, err
}

// What the reader takes fits the schema, and every key of the schema is one that the
// reader takes: some file has it.
func TestSchemaFitsWhatTheReaderTakes(t *testing.T) {
	schema := compiledSchema(t)
	var raw map[string]any
	if err := yaml.Unmarshal(scenarios.Schema(), &raw); err != nil {
		t.Fatal(err)
	}
	u := usage{root: raw, used: map[string]bool{}}
	files := 0
	eachScenario(t, func(f found) {
		files++
		v, err := plainYAML(f.text)
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
			return
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		u.look("scenario", raw, v)
	})
	if files < 100 {
		t.Errorf("only %d scenarios were found", files)
	}
	known := u.known()
	for _, key := range known {
		if !u.used[key] {
			t.Errorf("no file that the reader takes has the key %s: add it to testdata/every-key.yaml", key)
		}
	}
	if len(u.undescribed) > 0 {
		t.Errorf("nothing says what these keys mean: %q", u.undescribed)
	}
	if len(known) < 150 {
		t.Errorf("only %d keys are known", len(known))
	}
}

// usage is which keys of a schema files have.
type usage struct {
	root        map[string]any
	used        map[string]bool
	undescribed []string
}

// resolve returns what a schema refers to, and how that is called.
func (u *usage) resolve(at string, schema any) (string, map[string]any) {
	s, _ := schema.(map[string]any)
	ref, _ := s["$ref"].(string)
	if ref == "" {
		return at, s
	}
	title := strings.ReplaceAll(strings.TrimPrefix(ref, "#/definitions/"), "%20", " ")
	definition, _ := u.root["definitions"].(map[string]any)[title].(map[string]any)
	return title, definition
}

// look notes the keys of a value.
func (u *usage) look(at string, schema, v any) {
	at, s := u.resolve(at, schema)
	if s == nil {
		return
	}
	branches, _ := s["anyOf"].([]any)
	for _, b := range branches {
		u.look(at, b, v)
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			u.look(at, s["items"], item)
		}
	case map[string]any:
		properties, _ := s["properties"].(map[string]any)
		patterns, _ := s["patternProperties"].(map[string]any)
		for k, value := range v {
			if property, ok := properties[k]; ok {
				u.used[at+"."+k] = true
				u.look(at+"."+k, property, value)
			}
			for pattern, property := range patterns {
				if regexp.MustCompile(pattern).MatchString(k) {
					u.look(at+".*", property, value)
				}
			}
		}
	}
}

// known returns all keys of the schema, but names of the tables of models, and what is
// there a second time for changes.
func (u *usage) known() []string {
	var list []string
	var visit func(at string, schema any)
	visit = func(at string, schema any) {
		s, _ := schema.(map[string]any)
		if s == nil || s["$ref"] != nil {
			return
		}
		properties, _ := s["properties"].(map[string]any)
		for k, property := range properties {
			if p, _ := property.(map[string]any); p["description"] == "" || p["description"] == nil {
				u.undescribed = append(u.undescribed, at+"."+k)
			}
			list = append(list, at+"."+k)
			visit(at+"."+k, property)
		}
		branches, _ := s["anyOf"].([]any)
		for _, b := range branches {
			visit(at, b)
		}
		visit(at, s["items"])
	}
	visit("scenario", u.root)
	for title, definition := range u.root["definitions"].(map[string]any) {
		if !slices.Contains([]string{"parameters", "switches", "mix"}, title) && !strings.HasSuffix(title, " change") {
			visit(title, definition)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Mistakes that a schema can see: unknown keys, wrong words, what is no number, map or
// list, or has another form.
var seenBySchema = regexp.MustCompile(`unknown key|unknown metric|unknown model|this is a (text|map|list), not|this is not in this spafleet|is not one of|is neither|is not a (clock|count|share|size|rate|duration|limit|number|date|group's name|parameter's name|bandwidth|code)|needs a unit|ordinals|are not packets|a path begins with|hosts is needed|a bug needs|says how in words`)

// inText are places of texts, in which only the reader sees such mistakes: lists of
// devices, expressions, selectors, paths of web pages.
var inText = regexp.MustCompile(`^devices$|\.(all|none|always|never|where|power_off|web\.path)$|\.cures\[`)

// onlyRead are mistakes that look so, and that a schema does not see: zeros, a word that
// is kept for something else, what is missing in two places.
var onlyRead = regexp.MustCompile(`^"(p\(0\)<1s|0x|server)" is not|another side`)

// TestSchemaRefusesMistakes compares the places of mistakes that a schema can see with
// those that the schema refuses.
func TestSchemaRefusesMistakes(t *testing.T) {
	schema := compiledSchema(t)
	names, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := plainYAML(text)
		if err != nil {
			continue // it is no YAML
		}
		var refused []string
		if err := schema.Validate(v); err != nil {
			refused = places(err.(*jsonschema.ValidationError))
		}
		for _, m := range mistakes(t, filepath.Base(name), text) {
			if !seenBySchema.MatchString(m.Msg) || onlyRead.MatchString(m.Msg) || inText.MatchString(m.Path) {
				continue
			}
			seen++
			place := place(m.Path)
			if !slices.ContainsFunc(refused, func(at string) bool { return at == place || strings.HasPrefix(at, place+"/") }) {
				t.Errorf("%s:%d: %s: %s: the schema refuses only %q", name, m.Line, m.Path, m.Msg, refused)
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d mistakes are such that a schema sees them", seen)
	}
}

var segments = regexp.MustCompile(`[./\[\]]+`)

// place writes the path of a mistake, the reader's or the schema's.
func place(path string) string { return strings.Trim(segments.ReplaceAllString(path, "/"), "/") }

// places returns where the innermost mistakes are.
func places(err *jsonschema.ValidationError) []string {
	if len(err.Causes) == 0 {
		at := strings.Join(err.InstanceLocation, "/")
		list := []string{place(at)}
		if unknown, ok := err.ErrorKind.(*kind.AdditionalProperties); ok {
			for _, name := range unknown.Properties {
				list = append(list, place(at+"/"+name))
			}
		}
		return list
	}
	var list []string
	for _, cause := range err.Causes {
		list = append(list, places(cause)...)
	}
	return list
}

// The examples of a message are such as its pattern takes.
func TestSchemaGivesExamplesThatFit(t *testing.T) {
	var raw any
	if err := yaml.Unmarshal(scenarios.Schema(), &raw); err != nil {
		t.Fatal(err)
	}
	seen := 0
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				visit(item)
			}
		case map[string]any:
			if message, ok := v["patternErrorMessage"].(string); ok {
				pattern := regexp.MustCompile(v["pattern"].(string))
				for example := range strings.SplitSeq(strings.TrimPrefix(message, "this does not look like "), " or ") {
					if seen++; !pattern.MatchString(example) {
						t.Errorf("%q does not match %s", example, pattern)
					}
				}
			}
			for _, item := range v {
				visit(item)
			}
		}
	}
	visit(raw)
	if seen < 50 {
		t.Errorf("only %d examples", seen)
	}
}
