package rule_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"

	"spafleet/device/rule"
)

// A unit is a device as far as rules know it. A parameter it does not have is
// unknown, and so is any secret.
type unit map[string]string

func (u unit) Macro(name string) (string, bool) {
	value, ok := u[name]
	return value, ok
}

func (u unit) Secret(name string) (string, bool) { return u.Macro("secret " + name) }

// newUnit returns the device of the reference vectors.
func newUnit() unit {
	u := unit{
		"MA": "000e08012345", "MAU": "000E08012345", "MAC": "00:0e:08:01:23:45",
		"PN": "SPA-2102", "PSN": "2102", "SN": "FM500K245546",
		"SWVER": "5.2.13", "HWVER": "1.3.5(a)", "IP": "192.168.1.100",
		"CCERT": "Installed", "REGTMR1": "0", "PRVTMR": "700", "PRVST": "0", "UPGCOND": "true",
		"A": "ABCDEF", "D": "x",
	}
	for c := 'A'; c <= 'P'; c++ {
		u.setDefault(string(c))
	}
	for c := 'A'; c <= 'D'; c++ {
		u.setDefault("secret S" + string(c))
	}
	return u
}

func (u unit) setDefault(name string) {
	if _, ok := u[name]; !ok {
		u[name] = ""
	}
}

// A vector is one case of testdata/vectors.txt.
type vector struct {
	name, verb, text, want string
	env                    unit
	dialect                rule.Dialect
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for i, line := range strings.Split(string(data), "\n") {
		switch {
		case line == "" || line[0] == '#':
		case line[0] != ' ':
			all = append(all, vector{name: line, env: newUnit()})
		default:
			if err := all[len(all)-1].read(line[2:]); err != nil {
				t.Fatalf("vectors.txt:%d: %v", i+1, err)
			}
		}
	}
	return all
}

func (v *vector) read(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "rule", "command", "trigger", "expand":
		v.verb, v.text = verb, rest
	case "want":
		v.want = rest
	case "set":
		name, value, _ := strings.Cut(rest, "=")
		if _, ok := v.env[name]; !ok {
			name = "secret " + name
		}
		v.env[name] = value
	case "dialect":
		reflect.ValueOf(&v.dialect).Elem().FieldByName(rest).SetBool(true)
	default:
		return fmt.Errorf("unknown verb %q", verb)
	}
	return nil
}

func (v vector) run() string {
	switch v.verb {
	case "expand":
		return rule.Expand(v.text, v.env, v.dialect)
	case "trigger":
		holds, err := rule.Holds(v.text, v.env, v.dialect)
		return orError(fmt.Sprint(holds), err)
	case "command":
		d, err := rule.Command(v.text, v.env, v.dialect)
		return orError(describe(d, v.env), err)
	}
	d, err := rule.Eval(v.text, v.env, v.dialect)
	return orError(describe(d, v.env), err)
}

func orError(s string, err error) string {
	var syntax *rule.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("error %d %s", syntax.Column, syntax.Msg)
	}
	return s
}

// describe spells a decision out, with the defaults that a device fills in.
func describe(d rule.Decision, env unit) string {
	if d.Skipped() {
		return "skip"
	}
	out := fmt.Sprint(d.Alternative)
	for _, a := range d.Assignments {
		out += fmt.Sprintf(" %s=%q", a.Name, a.Value)
	}
	return out + describeOptions(d.Options) + describeRequest(d, env)
}

func describeOptions(o rule.Options) (out string) {
	if o.HasKey {
		out += fmt.Sprintf(" key=%q", o.Key)
	}
	for _, part := range []struct{ name, value string }{{"uid", o.UID}, {"pwd", o.PWD}} {
		if part.value != "" {
			out += fmt.Sprintf(" %s=%q", part.name, part.value)
		}
	}
	if o.Alias != 0 {
		out += " alias=" + string(o.Alias)
	}
	if o.Content != "" {
		out += fmt.Sprintf(" content=%q", o.Content)
	}
	if o.Delta {
		out += " delta"
	}
	if o.Status {
		out += " status"
	}
	return out
}

func describeRequest(d rule.Decision, env unit) string {
	if !d.HasURL {
		return ""
	}
	u := d.URL
	if u.Scheme == "" {
		u.Scheme = "tftp"
	}
	if u.Host == "" {
		u.Host = "10.0.0.5"
	}
	if u.Port == 0 {
		u.Port = map[string]uint16{"tftp": 69, "http": 80, "https": 443}[u.Scheme]
	}
	method, body := "GET", ""
	if d.Options.Post != 0 {
		method = "POST"
		body = fmt.Sprintf(" body %q", rule.Expand(env[strings.ToUpper(string(d.Options.Post))], env, rule.Dialect{}))
	}
	return fmt.Sprintf(" %s %s://%s:%d%s%s", method, u.Scheme, u.Host, u.Port, u.Path, body)
}

func TestVectors(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range readVectors(t) {
		number, _, _ := strings.Cut(v.name, " ")
		seen[number] = true
		t.Run(v.name, func(t *testing.T) {
			before := maps.Clone(v.env)
			if got := v.run(); got != v.want {
				t.Errorf("%s %s\n got %s\nwant %s", v.verb, v.text, got, v.want)
			}
			if !maps.Equal(before, v.env) {
				t.Error("evaluation changed the device")
			}
		})
	}
	for n := 1; n <= 30; n++ {
		if name := fmt.Sprintf("V%d", n); !seen[name] {
			t.Errorf("%s is missing from vectors.txt", name)
		}
	}
}
