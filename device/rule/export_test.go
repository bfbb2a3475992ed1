package rule

// Looked returns how many bytes all entrances together look at in a text.
func Looked(text string, env Env, d Dialect) int {
	n := 0
	for _, enter := range []func(*parser){
		func(p *parser) { p.eval(0) },
		func(p *parser) { p.alternatives() },
		func(p *parser) { p.command() },
		func(p *parser) { p.trigger() },
	} {
		p := newParser(text, env, d)
		enter(p)
		n += p.looked
	}
	return n
}
