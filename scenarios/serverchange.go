package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// changeable are the keys of the server that a step may change while it runs.
var changeable = []string{"files", "https", "auth", "latency"}

// serverChange reads what a step merges into the server.
func serverChange(s *source, n *node, path string) *node {
	if !s.is(n, mapping, path, "a map") {
		return nil
	}
	for _, k := range n.keys {
		if k.kind != refused && !slices.Contains(changeable, k.text) {
			s.mistake(k, path, "%s cannot change while the server runs; a step may change %s", k.text, strings.Join(changeable, ", "))
		}
	}
	return n
}

// ServerAfter returns the server as it is once some steps have changed it, in this
// order. The error is [Mistakes].
func (p *Plan) ServerAfter(steps []int) (*Server, error) {
	src := p.Scenario.file.again()
	server := serverAfter(p, src, steps)
	if len(src.mistakes) > 0 {
		return nil, src.sorted()
	}
	return server, nil
}

// serverAfter reads the server with the changes of some steps, and notes what is wrong
// in it with the source.
func serverAfter(p *Plan, src *source, steps []int) *Server {
	s := *p.Scenario
	root := src.root().get("server")
	for _, i := range steps {
		root = merge(root, s.Timeline[i].change)
	}
	r := &reader{src}
	s.Server = r.server(root, "server")
	c := &checker{&Plan{Scenario: &s, source: src, Kinds: p.Kinds, Names: p.Names}, src}
	c.files()
	c.listeners()
	if a, b := len(s.Server.HTTPS), len(p.Scenario.Server.HTTPS); a != b && len(src.mistakes) == 0 {
		src.mistake(root.at("https"), "server.https", "the server has %d listeners with HTTPS, and a step cannot make them %d", b, a)
	}
	return s.Server
}

// checkServerChanges checks the steps that change the server, each after those before it
// in the file. Where they happen in another order, the run says what does not fit.
func checkServerChanges(c *checker) {
	var before []int
	for i := range c.Scenario.Timeline {
		step := &c.Scenario.Timeline[i]
		if step.change == nil {
			continue
		}
		path := fmt.Sprintf("timeline[%d].server", i)
		if c.Scenario.Server == nil {
			c.mistake(step.change, path, "this changes the built-in server, and the scenario has none")
			continue
		}
		if len(c.mistakes) > 0 {
			return // the server may be wrong by itself
		}
		src := c.Scenario.file.again()
		before = append(before, i)
		serverAfter(c.Plan, src, before)
		if step.For > 0 {
			before = before[:len(before)-1]
		}
		for _, m := range src.mistakes {
			m.Path = path + strings.TrimPrefix(m.Path, "server")
			c.mistakes = append(c.mistakes, m)
		}
	}
}
