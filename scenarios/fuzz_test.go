package scenarios

import (
	"errors"
	"strings"
	"testing"

	"spafleet/host/yamltext"
)

// checkMistakes holds that each mistake has its place.
func checkMistakes(t *testing.T, err error) {
	t.Helper()
	var all Mistakes
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("not mistakes: %v", err)
	}
	for _, m := range all {
		if m.Line < 1 || m.Col < 1 || m.Msg == "" || m.Excerpt == "" {
			t.Errorf("no place: %+v", m)
		}
	}
}

// FuzzParse turns any bytes into the tree of a file, or says what is wrong. No tree is
// much deeper, or has more keys and elements, than was counted before YAML was parsed.
// Much: the parser takes some texts that are no YAML, as "...-", in its own way, and the
// count is there to bound what it may need.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, src []byte) {
		s := &source{name: "fuzz.yaml"}
		var root *node
		if s.take(src); len(s.mistakes) == 0 {
			root = s.parse()
		}
		if root == nil || len(s.mistakes) > 0 {
			checkMistakes(t, s.sorted())
		}
		if root == nil {
			return
		}
		tree := outline{lines: strings.Count(string(s.src), "\n") + 1}
		deepest, parts := yamltext.Count(string(s.src))
		if tree.follow(t, root, 0); tree.deepest > deepest+2 || tree.parts > parts {
			t.Errorf("%d deep with %d keys and elements; counted before: %d and %d", tree.deepest, tree.parts, deepest, parts)
		}
	})
}

// An outline is what a text has of structure.
type outline struct{ lines, deepest, parts int }

// follow follows a tree, each of whose nodes has a place in the file.
func (o *outline) follow(t *testing.T, n *node, depth int) {
	if n.line < 1 || n.line > o.lines || n.col < 1 {
		t.Errorf("%s at %d:%d of %d lines", n.kind, n.line, n.col, o.lines)
	}
	if n.kind == mapping && len(n.keys) != len(n.values) {
		t.Errorf("%d keys, %d values", len(n.keys), len(n.values))
	}
	if len(n.values) > 0 {
		depth++
	}
	o.deepest = max(o.deepest, depth)
	o.parts += len(n.values)
	for _, k := range n.keys {
		o.follow(t, k, depth)
	}
	for _, v := range n.values {
		o.follow(t, v, depth)
	}
}

const fuzzDay = "fleet: {a: {model: SPA942}}\nserver: {files: {/a: x}}\nduration: 1h\n"

// fuzzFiles have each key of the format, and one expression at most: it costs more
// than the rest.
var fuzzFiles = []string{
	"fleet: {a: {count: 2, mix: {SPA2102 5.2.10: 60%, SPA942 6.1.5(a): 40%}, lease: {66: x}, cert: none, rc: x, powered: false}}\nduration: 1h\nclock: {mode: 2x, start: 2015-01-01}\ntarget: {tftp: h, hosts: [h]}\nlimits: {rate: 40/s, outstanding: 3, lateness: 1s}\n",
	"fleet: {a: {model: SPA942, firmware: 6.1.5(a), lease: none, switches: {redirects: follow}, set: {GPP_A: b}}}\nduration: 1m\nserver: {files: {/a$MA.cfg: {body: '<flat-profile><GPP_A>{{ index }}</GPP_A></flat-profile>', key: k, gzip: true, bound: true}, /b: {status: 302, location: /a}}}\nthresholds: {resyncs: count > 1}\n",
	"fleet: {a: {model: SPA2102}}\nduration: 1m\nserver: {name: h, latency: 10ms..20ms, https: {port: 443, ca: sipura1, cn: h, san: [h], valid: 2010-01-01..2020-01-01, hash: md5, versions: [tls1.0], ciphers: [RC4-SHA], client: match, roots: [sipura-client-1]}, files: {/a: x}}\n",
	fuzzDay + "timeline:\n- {name: off, at: 10m, power_off: all, for: 1m}\n- {at: off + 1m, set: {of: a, values: {GPP_A: b}}}\n- {at: end, reboot: all}\n",
	fuzzDay + "timeline:\n- {resync: {of: 30% of a where index == 1, url: http://h/x}, rate: 1/s..9/s, over: 1m}\n",
	fuzzDay + "timeline:\n- {name: no, at: 1s, fault: {of: a, match: tftp /a, nth: 1-2, lose: block 1}}\n- {at: 2s, clear: no}\n",
	fuzzDay + "timeline:\n- {fault: {match: http, nth: 2-, per: fleet, status: 503}, for: 1m}\n",
	fuzzDay + "timeline:\n- {when: {at_least: 1, where: state == \"SP-CUST\"}, by: 10m, reboot: all}\n",
	fuzzDay + "expect:\n- {name: x, all: synced, by: 1m}\n",
	fuzzDay + "expect:\n- {at_least: 90%, where: index > 0, of: a, at: end, from: start}\n",
	fuzzDay + "expect:\n- {never: event.kind == \"boot\", from: 1s}\n",
}

// FuzzPlan reads and checks files with one value or key changed: another text, none,
// or a list or map of it.
func FuzzPlan(f *testing.F) {
	type file struct {
		src   []byte
		root  *node
		parts []*node
	}
	var files []file
	for i, text := range fuzzFiles {
		one := file{src: []byte(text)}
		s := &source{name: "fuzz.yaml", src: one.src}
		if one.root = s.parse(); one.root == nil {
			f.Fatal(s.sorted())
		}
		one.parts = one.root.parts(nil)
		files = append(files, one)
		if _, err := Load("fuzz.yaml", one.src); err != nil {
			f.Error(err)
		}
		for form := range uint8(5) {
			f.Add(uint8(i), uint16(i)+uint16(form), "all", form)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint16, text string, form uint8) {
		one := files[int(which)%len(files)]
		n := one.parts[int(at)%len(one.parts)]
		before := *n
		defer func() { *n = before }()
		n.change(text, form)
		r := &reader{&source{name: "fuzz.yaml", src: one.src}}
		scenario, err := r.read(one.root, false)
		if (scenario == nil) == (err == nil) {
			t.Errorf("scenario %v, error %v", scenario, err)
		}
		if err != nil {
			checkMistakes(t, err)
		}
	})
}

// parts returns a node and all below it.
func (n *node) parts(list []*node) []*node {
	list = append(list, n)
	for _, k := range n.keys {
		list = k.parts(list)
	}
	for _, v := range n.values {
		list = v.parts(list)
	}
	return list
}

// change makes a node another one at the same place.
func (n *node) change(text string, form uint8) {
	inner := &node{line: n.line, col: n.col, width: n.width, text: text}
	*n = *inner
	switch form % 8 {
	case 1:
		n.kind, n.text, n.values = list, "", []*node{inner}
	case 2:
		n.kind, n.text, n.keys, n.values = mapping, "", []*node{inner}, []*node{inner}
	case 3:
		n.kind, n.text = refused, ""
	case 4:
		n.kind, n.text = mapping, ""
	}
}
