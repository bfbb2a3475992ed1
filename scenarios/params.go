package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"spafleet/device/hint"
	"spafleet/device/model"
)

// A Param is a value that a scenario names in several places, and that may come from
// outside. It replaces ${NAME} in values and in the paths of files.
type Param struct {
	Name   string
	About  string
	Value  string
	Secret bool   // its value must be in no output
	From   string // what set it: flag, environment or file

	node  *node
	value *node // nil: it has none
	used  bool
	wrong bool // it is a mistake already
}

// Shown returns the value as outputs have it: that of a secret is ***.
func (p *Param) Shown() string {
	if p.Secret {
		return hidden
	}
	return p.Value
}

// environmentParam returns the name of the environment variable that sets a parameter.
func environmentParam(name string) string { return "SPAFLEET_PARAM_" + strings.ToUpper(name) }

// params are the parameters of a file while it is read.
type params struct {
	*source
	list   []*Param
	served bool // the scenario has a server
}

// declared reads what parameters there are.
func (p *params) declared(n *node, path string) {
	if n == nil || !p.is(n, mapping, path, "a map of parameters") {
		return
	}
	p.named(n, path, func(k, value *node, path string) {
		name := strings.Trim(k.text, "abcdefghijklmnopqrstuvwxyz0123456789_")
		if k.text == "" || name != "" || k.text[0] < 'a' || k.text == "server" {
			p.mistake(k, path, "%q is not a parameter's name: lower-case letters, digits and _, and not server", k.text)
			return
		}
		v := &Param{Name: k.text, node: k}
		before := len(p.mistakes)
		p.declaration(v, value, path)
		v.wrong = len(p.mistakes) > before
		p.list = append(p.list, v)
	})
}

// declaration reads the default of a parameter, or a map with it.
func (p *params) declaration(v *Param, n *node, path string) {
	if n.kind == scalar {
		v.value = n
		return
	}
	p.walk(n, path, p.keys(v)...)
}

// keys are those of a parameter that is more than its default.
func (p *params) keys(v *Param) []key {
	return []key{
		{"default", "the value where none comes from outside (none: it must)", value{anyText, func(n *node, path string) {
			if p.is(n, scalar, path, "a text") {
				v.value = n
			}
		}}},
		{"about", "what it is, for people", p.text(&v.About)},
		{"secret", "`true`: it has no default, and no output shows its value (`false`)", p.boolean(&v.Secret)},
	}
}

// settle finds the value of each parameter.
func (p *params) settle(environment []string) {
	for _, v := range p.list {
		text, has := lookup(environment, environmentParam(v.Name))
		switch path := join("params", v.Name); {
		case v.wrong:
		case v.value != nil && v.value.given != "":
			v.Value, v.From = v.value.text, "flag"
		case has && (text != "" || !v.Secret): // a pipeline that lacks a secret hands on an empty one
			v.Value, v.From = text, "environment"
		case v.value == nil || v.value.null:
			err := fmt.Errorf("parameter %q has no value: it comes from outside, as %s or otherwise", v.Name, environmentParam(v.Name))
			p.mistake(v.node, path, "%s", hint.With(err, hint.Param, v.Name))
		case v.Secret:
			p.mistake(v.value, path, "a secret stands in no file: leave the default out")
		default:
			v.Value, v.From = v.value.text, "file"
		}
		if !v.Secret || v.From == "" || v.From == "file" {
			continue
		}
		if len(v.Value) < leastSecret {
			p.mistake(v.node, join("params", v.Name), "a secret has at least %d letters: a shorter one cannot be kept out of texts", leastSecret)
			continue
		}
		p.secrets = append(p.secrets, v.Value)
	}
}

// hide keeps values of secrets out of texts that later changes have replaced.
func (p *params) hide(with []Change) {
	for _, c := range with {
		secret := func(v *Param) bool { return v.Secret && c.Path == join("params", v.Name) }
		if len(c.Value) >= leastSecret && slices.ContainsFunc(p.list, secret) {
			p.secrets = append(p.secrets, c.Value)
		}
	}
}

// leastSecret is the length of the shortest secret that can be found in a text without
// spoiling what is none.
const leastSecret = 4

// lookup finds a variable in an environment of NAME=VALUE.
func lookup(environment []string, name string) (value string, has bool) {
	for _, e := range environment {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value, has = v, true
		}
	}
	return value, has
}

// expand replaces the parameters in a tree.
func (p *params) expand(root *node) {
	p.served = root.get("server") != nil
	for i, k := range root.keys {
		if k.text != "params" {
			p.inside(root.values[i], k.text)
		}
	}
}

// unused says which parameters nothing names.
func (p *params) unused() {
	if p == nil {
		return
	}
	for _, v := range p.list {
		replaced := strings.Contains(string(p.src), "${"+v.Name+"}") // from outside, by something else
		if !v.used && !v.wrong && !replaced {
			p.mistake(v.node, join("params", v.Name), "parameter %q is never used", v.Name)
		}
	}
}

// inside replaces the parameters in a value and what is below it, and in keys that are
// paths of files.
func (p *params) inside(n *node, path string) {
	if n.kind == scalar {
		p.fill(n, path)
	}
	files := path == "files" || strings.HasSuffix(path, ".files")
	for i, v := range n.values {
		if n.kind == list {
			p.inside(v, fmt.Sprintf("%s[%d]", path, i))
			continue
		}
		k := n.keys[i]
		below := join(path, k.text)
		if files {
			p.fill(k, below)
		}
		p.inside(v, below)
	}
}

// fill replaces the parameters in a text. What the server has, and $${, stay for later.
// It reports whether it could.
func (p *params) fill(n *node, path string) bool {
	rest, out, wrong := n.text, strings.Builder{}, false
	for {
		before, after, ok := strings.Cut(rest, "${")
		out.WriteString(before)
		if !ok {
			break
		}
		rest = after
		if strings.HasSuffix(before, "$") {
			out.WriteString("${")
			continue
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			p.mistake(n, path, "${ without }; a literal one is written $${")
			n.kind = refused
			return false
		}
		if strings.HasPrefix(name, "server.") {
			out.WriteString("${")
			continue
		}
		i := slices.IndexFunc(p.list, func(v *Param) bool { return v.Name == name })
		if i < 0 {
			p.mistake(n, path, "unknown ${%s}%s", name, p.known(name))
			n.kind = refused
			return false
		}
		p.list[i].used = true
		wrong = wrong || p.list[i].From == "" // that is a mistake already
		literal := strings.ReplaceAll(p.list[i].Value, "${", "$${")
		out.WriteString(strings.ReplaceAll(literal, "$${server.", "${server."))
		rest = tail
	}
	n.text = out.String()
	if wrong {
		n.kind = refused
	}
	return !wrong
}

// known says what a name could have meant.
func (p *params) known(name string) string {
	var names []string
	for _, v := range p.list {
		names = append(names, "${"+v.Name+"}")
	}
	if p.served {
		names = append(names, "${server.name}", "${server.tftp}", "${server.http}", "${server.syslog}")
	}
	if meant := model.DidYouMean("${"+name+"}", names); meant != "" {
		return meant
	}
	if len(names) == 0 {
		return "; this scenario has neither params nor a server"
	}
	return "; there are " + strings.Join(names, ", ")
}

// settled returns the parameters with their values.
func (p *params) settled() []Param {
	var list []Param
	for _, v := range p.list {
		list = append(list, *v)
	}
	return list
}

// strangers returns the variables of an environment that set no parameter of the file.
func (p *params) strangers(environment []string) (names []string) {
	if len(p.list) == 0 {
		return nil // they are for other scenarios
	}
	for _, e := range environment {
		name, _, _ := strings.Cut(e, "=")
		known := slices.ContainsFunc(p.list, func(v *Param) bool { return environmentParam(v.Name) == name })
		if strings.HasPrefix(name, environmentParam("")) && !known {
			names = append(names, name)
		}
	}
	return names
}
