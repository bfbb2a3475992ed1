package rule

// Looked returns how many bytes all entrances together look at in a text.
func Looked(text string, env Env, d Dialect) int {
	n := 0
	for _, enter := range []func(*parser){
		func(p *parser) { eval(p, 0) },
		func(p *parser) { alternatives(p) },
		func(p *parser) { command(p) },
		func(p *parser) { trigger(p) },
	} {
		p := newParser(text, env, d)
		enter(p)
		n += p.looked
	}
	return n
}
