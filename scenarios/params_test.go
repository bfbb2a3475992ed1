package scenarios_test

import (
	"slices"
	"strings"
	"testing"

	"spafleet/device/hint"
	"spafleet/scenarios"
)

const town = `params:
  homes: 10k
  rule: {default: "http://${server.http}/$MA.xml", about: where a device finds its file}
  password: {secret: true, about: of the page}
fleet:
  town: {model: SPA942, count: "${homes}", set: {Profile_Rule: "[--uid a --pwd ${password}] ${rule}", GPP_A: "$${homes}"}}
server:
  files:
    /${homes}.xml: "{{ mac }} ${homes} $${x}"
duration: 10m
expect:
  - {all: 'param("GPP_B") == "${homes}" || synced', by: 5m}
`

func change(t *testing.T, texts ...string) (list []scenarios.Change) {
	t.Helper()
	for _, text := range texts {
		c, err := scenarios.ParseChange(text, "--with")
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

// A flag is stronger than the environment, and that than the file.
func TestParametersComeFromTheStrongest(t *testing.T) {
	f := scenarios.File{Name: "town.yaml", Text: []byte(town)}
	f.With = change(t, "params.password=sesame")
	f.Environment = []string{"SPAFLEET_PARAM_HOMES=20", "SPAFLEET_PARAM_PASSWORD=other", "SPAFLEET_PARAM_HOME=1", "PATH=/bin"}
	s, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	g := s.Fleet[0]
	want := []string{"[--uid a --pwd sesame] http://${server.http}/$MA.xml", "$${homes}"}
	if got := []string{g.Set[0].Value, g.Set[1].Value}; g.Count != 20 || !slices.Equal(got, want) {
		t.Errorf("%d devices, %q, want %q", g.Count, got, want)
	}
	if e := s.Server.Files["/20.xml"]; e.Body != "{{ mac }} 20 $${x}" {
		t.Errorf("the server has %+v", s.Server.Files)
	}
	if e := s.Expect[0].Expr; e != `param("GPP_B") == "20" || synced` {
		t.Error(e)
	}
	var from []string
	for _, p := range s.Params {
		from = append(from, p.Name+" "+p.From)
	}
	if want := []string{"homes environment", "rule file", "password flag"}; !slices.Equal(from, want) {
		t.Errorf("%q, want %q", from, want)
	}
	if len(s.Warnings) != 1 || !strings.HasPrefix(s.Warnings[0], "SPAFLEET_PARAM_HOME is set") {
		t.Errorf("warnings %q", s.Warnings)
	}
	if text := s.Redact("--pwd sesame, %73esame"); text != "--pwd ***, %73esame" {
		t.Error(text)
	}
}

// What has no value says how it gets one, and once.
func TestAParameterWithoutAValueIsAMistake(t *testing.T) {
	_, err := scenarios.Load("town.yaml", []byte(town))
	if err == nil || strings.Count(err.Error(), "town.yaml:") != 1 || !strings.Contains(err.Error(), "SPAFLEET_PARAM_PASSWORD") {
		t.Errorf("%v", err)
	}
	if h := hint.In(err); len(h) != 1 || h[0].Kind != hint.Param || h[0].Of != "password" {
		t.Errorf("hints %v", h)
	}
}

// Neither a mistake nor an excerpt shows a secret.
func TestNoMistakeShowsASecret(t *testing.T) {
	f := scenarios.File{Name: "town.yaml", Text: []byte(strings.Replace(town, `count: "${homes}"`, `count: "${password}${homes}"`, 1)), With: change(t, "params.password=sesame", "seed=sesame")}
	_, err := f.Load()
	if err == nil || strings.Contains(err.Error(), "sesame") || strings.Count(err.Error(), "***") != 2 {
		t.Errorf("%v", err)
	}
}

// Any field can be changed from outside: maps merge, null removes, the rest replaces.
func TestAnyFieldCanBeChangedFromOutside(t *testing.T) {
	const file = `
fleet:
  town: {model: SPA942, count: 3, set: {GPP_A: a, GPP_B: b}}
  other: {model: SPA942}
server:
  files:
    /a.xml: {body: old, size: 1KB}
    /b.cfg: text
timeline:
  - {name: dark, power_off: all, for: 1m}
  - {at: 5m, reboot: all}
duration: 10m
`
	_, err := scenarios.File{Name: "a.yaml", Text: []byte(file), With: change(t,
		"fleet.town.count=500", "fleet.other=null", "fleet.town.set.GPP_A=null", "fleet.town.set.GPP_C=[--key $A] x = y",
		"server.files./a.xml.body=new", `server.files."/c.d/e=f"={status: 404}`, "server.files./b.cfg={body: b, size: 2KB}",
		"timeline.dark.for=2m", "timeline.1={at: 6m}", `expect=[{all: synced, by: 5m}]`, `name="null"`)}.Load()
	if err == nil {
		t.Fatal("a list that is none was taken")
	}
	if want := "--with fleet.town.set.GPP_C: "; !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "a text that begins with [ stands in quotes") {
		t.Errorf("%v, want %s…", err, want)
	}
	s, err := scenarios.File{Name: "a.yaml", Text: []byte(file), With: change(t,
		"fleet.town.count=500", "fleet.other=null", "fleet.town.set.GPP_A=null", "fleet.town.set.GPP_C='[--key $A] x = y'",
		"server.files./a.xml.body=new", `server.files."/c.d/e=f"={status: 404}`, "server.files./b.cfg={body: b, size: 2KB}",
		"timeline.dark.for=2m", "timeline.1={at: 6m}", `expect=[{all: synced, by: 5m}]`, `name="null"`)}.Load()
	if err != nil {
		t.Fatal(err)
	}
	g := s.Fleet[0]
	if len(s.Fleet) != 1 || g.Count != 500 || len(g.Set) != 2 || g.Set[0].Name != "GPP_B" || g.Set[1].Value != "[--key $A] x = y" {
		t.Errorf("fleet %+v", s.Fleet)
	}
	files := s.Server.Files
	if len(files) != 3 || files["/a.xml"].Body != "new" || files["/a.xml"].Size != 1024 || files["/b.cfg"].Size != 2048 || files["/c.d/e=f"].Status != 404 {
		t.Errorf("files %+v", files)
	}
	if s.Timeline[0].For.Minutes() != 2 || s.Timeline[1].Action != "reboot" || s.Timeline[1].At.Plus.Minutes() != 6 || len(s.Expect) != 1 || s.Name != "null" {
		t.Errorf("%+v", s)
	}
}

// A change that is wrong is named as it was given: it stands in no line.
func TestAWrongChangeIsNamedAsItWasGiven(t *testing.T) {
	for change, want := range map[string]string{
		"fleet.town.count=some":        `--with fleet.town.count: "some" is not a count`,
		"fleet.twon.count=5":           `--with fleet.twon.count: a group has a model or a mix`,
		"fleet.town.modle=SPA942":      `--with fleet.town.modle: unknown key "modle"; did you mean "model"?`,
		"fleet.town={modle: SPA942}":   `--with fleet.town: unknown key "modle"`,
		"fleet.city=null":              `--with fleet.city: there is no "city" to remove`,
		"expect.3.by=5m":               `--with expect.3.by: "3" is no element of this list of 1`,
		`fleet."town.count=5`:          `"fleet.\"town.count=5" is not PATH=VALUE`,
		"params.x=5":                   `--with params.x: no parameter is called "x"`,
		"fleet..count=5":               `--with fleet..count: a key is missing in the path ".count"`,
		"fleet.town.set.GPP_A={a: b}":  `--with fleet.town.set.GPP_A: this is a map, not a text`,
		"fleet.town.set.Profile_Rul=x": `--with fleet.town.set.Profile_Rul: unknown device parameter "Profile_Rul" of SPA942: perhaps misspelt; did you mean "Profile_Rule"?`,
	} {
		_, err := scenarios.ParseChange(change, "--with")
		if err == nil {
			c, _ := scenarios.ParseChange(change, "--with")
			_, err = scenarios.File{Name: "a.yaml", Text: []byte("fleet: {town: {model: SPA942}}\nexpect: [{all: synced, by: 1m}]\nserver: {files: {}}\n"), With: []scenarios.Change{c}}.Load()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", change, err, want)
		}
	}
}
