package bundle

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// What a secret looks like in a text: the value of a parameter in a profile, as XML or
// plain; a key or a login of a rule; a login or a query of a URL, or a form.
var (
	secretWord = regexp.MustCompile(`(?i)passw|pwd|secret|token|gpp_s|private_key|\bpass\b|auth_key|apikey|api_key`)
	xmlElement = regexp.MustCompile(`<([A-Za-z_][\w.\-]*)(?:\s[^<>]*)?>(?:<!\[CDATA\[)?([^<]*?)(?:\]\]>)?</`)
	xmlCut     = regexp.MustCompile(`^\s*<[\s\S]*<([A-Za-z_][\w.\-]*)(?:\s[^<>]*)?>(?:<!\[CDATA\[)?([^<]*)\z`) // the beginning of a file
	plainValue = regexp.MustCompile(`(?m)^[ \t]*([A-Za-z_][\w.\-\[\]]*)[ \t]+(?:[a-z!]{2}[ \t]+)?"([^"\n]*)"`)
	bracketed  = regexp.MustCompile(`\[[^\[\]]*--[^\[\]]*(?:\]|\z)`)
	gppMacro   = regexp.MustCompile(`^["']?\$(?:\((?:GPP_)?)?([A-P])\)?["']?$`)
	ruleOption = regexp.MustCompile(`--(key|uid|pwd)[ \t]+("[^"]*"|'[^']*'|[^\s\]]+)`)
	urlLogin   = regexp.MustCompile(`://([^/@\s:"'<>]+)(?::([^/@\s"'<>]*))?@`)
	queryValue = regexp.MustCompile(`(?:^|[?&;])([^=&;?\s"'<>]{1,100})=([^&;\s"'<>]+)`)
	expanded   = regexp.MustCompile(`\{\{.*?\}\}|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Z]+`)
	compared   = regexp.MustCompile(`param\(["']([^"']+)["']\)[^"'\n]{1,20}["']([^"']*)["']`)
	quotedText = regexp.MustCompile(`(secret\(\s*)?["'` + "`" + `]([^"'` + "`" + `]*)["'` + "`" + `]`)
)

// take takes the value of a secret. What is filled in by the program or by a device is
// none, but what stands around it is, and so are texts within an expression.
func (v *Vault) take(value, found string) {
	value = strings.Trim(strings.TrimSpace(value), `"'`)
	places := expanded.FindAllStringIndex(value, -1)
	if places == nil {
		v.Add(value, found)
		v.Add(html.UnescapeString(value), found)
		return
	}
	from := 0
	for _, at := range append(places, []int{len(value), len(value)}) {
		piece := value[from:at[0]]
		v.Add(piece, found)
		v.Add(html.UnescapeString(piece), found)
		from = at[1]
		if inner := value[at[0]:at[1]]; strings.HasPrefix(inner, "{{") {
			for _, m := range quotedText.FindAllStringSubmatch(inner, -1) {
				if m[1] == "" { // else it is a word that a secret follows from
					v.Add(m[2], found)
				}
			}
		}
	}
}

// Text takes the secrets of a text: a file that a server sends, a rule, a URL, a form.
func (v *Vault) Text(text, found string) {
	for _, of := range []*regexp.Regexp{xmlElement, xmlCut, plainValue, compared, queryValue} {
		for _, m := range of.FindAllStringSubmatch(text, -1) {
			if v.isSecret(m[1]) {
				v.take(m[2], found+", "+m[1])
			}
		}
	}
	for _, options := range bracketed.FindAllString(text, -1) {
		for _, m := range ruleOption.FindAllStringSubmatch(options, -1) {
			v.take(m[2], found+", --"+m[1])
			if macro := gppMacro.FindStringSubmatch(m[2]); macro != nil {
				v.keyIn("gpp_" + strings.ToLower(macro[1]))
			}
		}
	}
	for _, m := range urlLogin.FindAllStringSubmatch(text, -1) {
		v.take(m[1], found+", a login")
		v.take(m[2], found+", a login")
	}
}

// JSON takes the secrets of values of JSON, one after the other, by their names or by
// what they look like.
func (v *Vault) JSON(text []byte, found string) {
	for in := json.NewDecoder(bytes.NewReader(text)); ; {
		var value any
		if in.Decode(&value) != nil {
			return
		}
		v.values("", value, found)
	}
}

// ownWords are the keys of what spafleet itself says to a person.
var ownWords = []string{"hint", "notes", "plan"}

func (v *Vault) values(name string, value any, found string) {
	switch value := value.(type) {
	case string:
		v.Value(name, value, found)
	case []any:
		for _, e := range value {
			v.values(name, e, found)
		}
	case map[string]any:
		for k, e := range value {
			if !slices.Contains(ownWords, k) {
				v.values(k, e, found)
			}
		}
		of, _ := value["name"].(string)
		text, _ := value["value"].(string)
		v.Value(of, text, found)
		names, _ := value["rejected"].([]any)
		texts, _ := value["refused"].([]any)
		for i := range min(len(names), len(texts)) {
			of, _ := names[i].(string)
			text, _ := texts[i].(string)
			v.Value(of, text, found)
		}
	}
}

// keyIn notes a parameter that a rule takes a key or a login from. What was looked at
// before is best looked at again.
func (v *Vault) keyIn(name string) {
	if v.keys == nil {
		v.keys = map[string]bool{}
	}
	v.keys[name] = true
}

// Value takes a value by its name: all of it if the name is that of a secret.
func (v *Vault) Value(name, value, found string) {
	if v.isSecret(name) && !strings.HasPrefix(name, "/") { // a path has a file as its value
		v.take(value, found)
	}
	v.Text(value, found)
}

// Scenario takes the secrets of a scenario file.
func (v *Vault) Scenario(text []byte) {
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return // nobody has run it
	}
	for _, d := range file.Docs {
		v.node(d.Body, "", "scenario")
	}
}

// node takes the secrets of a value of the file, below a key.
func (v *Vault) node(n ast.Node, key, path string) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, p := range n.Values {
			v.pair(p, path)
		}
	case *ast.MappingValueNode:
		v.pair(n, path)
	case *ast.SequenceNode:
		for _, e := range n.Values {
			v.node(e, key, path)
		}
	case nil:
	default:
		if path == "scenario.devices" {
			_, _ = v.List([]byte(scalarOf(n))) // the list itself, or the name of a file
		}
		v.Value(key, scalarOf(n), path)
	}
}

func (v *Vault) pair(p *ast.MappingValueNode, path string) {
	key := p.Key.GetToken().Value
	v.Text(key, path)
	if key == "secret" || path == "scenario.params" { // a declaration has no secret
		return
	}
	v.node(p.Value, key, path+"."+key)
}

func scalarOf(n ast.Node) string {
	if l, is := n.(*ast.LiteralNode); is {
		return l.Value.Value
	}
	if n.GetToken() == nil {
		return ""
	}
	return n.GetToken().Value
}

// holds reports whether a scenario still has a secret once its texts are decoded.
func (v *Vault) holds(text []byte) bool {
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return false
	}
	found := false
	var walk func(n ast.Node)
	walk = func(n ast.Node) {
		switch n := n.(type) {
		case *ast.MappingNode:
			for _, p := range n.Values {
				walk(p)
			}
		case *ast.MappingValueNode:
			found = found || v.in(n.Key.GetToken().Value) != ""
			walk(n.Value)
		case *ast.SequenceNode:
			for _, e := range n.Values {
				walk(e)
			}
		case nil:
		default:
			text := scalarOf(n)
			found = found || v.in(text) != "" || v.in(html.UnescapeString(text)) != ""
		}
	}
	for _, d := range file.Docs {
		walk(d.Body)
	}
	return found
}

// ListOf returns the file that a scenario names as the list of its devices, "" for none
// and for a list that stands in the scenario.
func ListOf(scenario []byte) string {
	file, err := parser.ParseBytes(scenario, 0, parser.AllowDuplicateMapKey())
	if err != nil || len(file.Docs) == 0 {
		return ""
	}
	top, _ := file.Docs[0].Body.(*ast.MappingNode)
	if top == nil {
		return ""
	}
	for _, p := range top.Values {
		if p.Key.GetToken().Value == "devices" {
			if name := scalarOf(p.Value); !strings.Contains(strings.TrimSpace(name), "\n") {
				return name
			}
		}
	}
	return ""
}

// List takes the secrets of a list of devices, and returns it without the columns that
// name files of certificates.
func (v *Vault) List(text []byte) ([]byte, error) {
	in := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff")))
	in.FieldsPerRecord, in.LazyQuotes, in.Comma, in.Comment = -1, true, delimiter(text), '#'
	rows, err := in.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var out strings.Builder
	to := csv.NewWriter(&out)
	for n, row := range rows {
		var kept []string
		for i, value := range row {
			name := ""
			if i < len(rows[0]) {
				name = strings.ToLower(strings.TrimSpace(rows[0][i]))
			}
			if name == "certificate" || name == "key" {
				continue
			}
			if n > 0 {
				v.Value(strings.TrimPrefix(name, "param:"), value, "devices, "+name)
			}
			kept = append(kept, value)
		}
		if err := to.Write(kept); err != nil {
			return nil, err
		}
	}
	to.Flush()
	return []byte(out.String()), to.Error()
}

// delimiter returns what separates the columns of a list.
func delimiter(text []byte) rune {
	head := ""
	for line := range strings.Lines(string(text)) {
		if head = line; strings.TrimSpace(line) != "" && line[0] != '#' {
			break
		}
	}
	best := ','
	for _, c := range ";\t" {
		if strings.Count(head, string(c)) > strings.Count(head, string(best)) {
			best = c
		}
	}
	return best
}
