package rule

// A Note is something in a rule that is no mistake, but that can hardly be meant.
type Note struct {
	Kind        NoteKind
	Alternative int    // from 1; 0: of the whole rule
	Text        string // what it is about, as it is written
}

// A NoteKind says what is odd.
type NoteKind uint8

// The kinds of notes.
const (
	TextHasNoOrder   NoteKind = iota + 1 // Text is a comparison of text with lt, le, gt or ge: false (documented)
	UnlikeTypes                          // Text is a comparison of text with a number or version: false (inferred)
	DottedVersion                        // Text is a comparison with a version that has a dot in front of its suffix
	NeverTrue                            // Text is a comparison of constants that is false
	AlwaysTaken                          // the alternative has no condition, and others follow
	EmptyAlternative                     // the alternative asks for nothing, and others follow
	UnknownMacro                         // Text stays in the rule as it is written
	SecretOutsideKey                     // Text is a secret, which expands in the value of --key alone
	EmptyKey                             // --key has an empty value at present
	UnknownOption                        // Text is an option that means nothing
)

// Notes returns what is odd in a rule, whatever its macros stand for: a comparison is
// named only if no value could make it true. The error is that of [Alternatives].
func Notes(text string, env Env, d Dialect) ([]Note, error) {
	p := newParser(text, env, d)
	if p.blank() {
		return nil, nil
	}
	p.notes = &notes{}
	for n := 1; ; n++ {
		p.notes.alternative = n
		a, err := p.alternative()
		if err != nil {
			return nil, err
		}
		if a.Options.HasKey && a.Options.Key == "" {
			p.notes.add(EmptyKey, "--key")
		}
		if !p.at('|') {
			break
		}
		p.pos++
		switch {
		case a.clause.compares:
		case !a.HasURL && len(a.Assignments) == 0:
			p.notes.add(EmptyAlternative, "")
		default:
			p.notes.add(AlwaysTaken, "")
		}
	}
	p.notes.macros(p)
	return p.notes.list, nil
}

// notes are what a parser notices. Other readers of a rule keep none.
type notes struct {
	list        []Note
	alternative int
	keys        [][2]int // where values of --key stand
}

func (n *notes) add(kind NoteKind, text string) {
	n.list = append(n.list, Note{kind, n.alternative, text})
}

// macros notes names that do not expand.
func (n *notes) macros(p *parser) {
	n.alternative = 0
	seen := map[string]bool{}
	note := func(kind NoteKind, written string) {
		if !seen[written] {
			seen[written] = true
			n.add(kind, written)
		}
	}
	for _, ref := range references(p.source, p.d) {
		if _, ok := ref.macro(p.env); !ok && !ref.isSecret() {
			note(UnknownMacro, p.source[ref.from:ref.to])
		}
	}
	for _, s := range p.spans {
		if s.isSecret() && !n.inKey(s) {
			note(SecretOutsideKey, p.source[s.from:s.to])
		}
	}
}

func (n *notes) inKey(s span) bool {
	for _, k := range n.keys {
		if k[0] <= s.start && s.end <= k[1] {
			return true
		}
	}
	return false
}

// A side is one side of a comparison: text[start:end].
type side struct {
	value
	start, end int
}

// compares notes a comparison that no value can make true. A nil notes keeps nothing.
func (n *notes) compares(p *parser, left side, op relation, right side) {
	if n == nil {
		return
	}
	whole := p.text[left.start:right.end]
	if source, _, ok := p.sourceOf(left.start, right.end); ok {
		whole = source
	}
	l, r := left.settled(p), right.settled(p)
	switch {
	case left.dotted(p) || right.dotted(p):
		n.add(DottedVersion, oneLine(whole))
	case op != equal && op != less|greater && (l && left.kind == isText || r && right.kind == isText):
		n.add(TextHasNoOrder, oneLine(whole))
	case l && r && (left.kind == isText) != (right.kind == isText):
		n.add(UnlikeTypes, oneLine(whole))
	case left.constant(p) && right.constant(p) && !left.compare(op, right.value, p.d.IgnoreSuffix):
		n.add(NeverTrue, oneLine(whole))
	}
}

// ofOneType are the macros whose values are all of one type.
var ofOneType = map[string]bool{"SWVER": true, "HWVER": true, "PRVST": true, "PRVTMR": true, "UPGST": true, "UPGTMR": true, "REGTMR1": true, "REGTMR2": true}

// settled reports whether a side has the type that it has now, whatever its macros
// stand for.
func (s side) settled(p *parser) bool {
	if s.quoted || s.constant(p) {
		return true
	}
	spans := p.within(s.start, s.end)
	if s.start == s.end {
		return len(spans) == 0 // $SWVER is meant, if no macro without content was written
	}
	return len(spans) > 0 && spans[0].start == s.start && spans[0].end == s.end && ofOneType[spans[0].name]
}

// dotted reports whether a side is written as a version with a dot in front of its suffix.
func (s side) dotted(p *parser) bool {
	return !s.quoted && s.start < s.end && dotBeforeSuffix(p.text[s.start:s.end]) > 0
}

// constant reports whether no macro is in a side.
func (s side) constant(p *parser) bool {
	return s.start < s.end && len(p.within(s.start, s.end-1)) == 0
}
