package expression

import (
	"fmt"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// A Mistake is what is wrong in an expression, and which part of a text it is about.
type Mistake struct {
	Within   string // the text that holds the part: the expression, or what it stands in
	From, To int    // in letters; both 0: all of it
	text     string
}

// Error says what is wrong, without its place.
func (m *Mistake) Error() string { return m.text }

// Part returns the letters that the mistake is about, "" for all of the text.
func (m *Mistake) Part() string { return string([]rune(m.Within)[m.From:m.To]) }

// Inside returns the mistake of an expression that begins at a byte of a longer text.
func (m *Mistake) Inside(text string, at int) *Mistake {
	before, inside := utf8.RuneCountInString(text[:at]), *m
	if inside.To == 0 {
		inside.To = utf8.RuneCountInString(m.Within)
	}
	inside.Within, inside.From, inside.To = text, before+inside.From, before+inside.To
	return &inside
}

// mistake returns a mistake about a part of an expression, all of it where the place
// is none.
func mistake(code string, at file.Location, format string, args ...any) *Mistake {
	m := &Mistake{Within: code, From: at.From, To: at.To, text: fmt.Sprintf(format, args...)}
	if letters := utf8.RuneCountInString(code); m.From < 0 || m.To > letters || m.From >= m.To {
		m.From, m.To = 0, 0
	}
	return m
}

// span returns the part of an expression that a node was read from.
func span(code string, n ast.Node) file.Location {
	e := &extent{from: n.Location().From, to: n.Location().To}
	ast.Walk(&n, e)
	letters := []rune(code)
	switch n.(type) {
	case *ast.CallNode, *ast.BuiltinNode:
		if e.to < len(letters) && letters[e.to] == '(' { // it has no values
			e.to++
		}
	}
	return balanced(letters, e.from, e.to)
}

// textOf returns the text that a node was read from.
func textOf(code string, n ast.Node) string {
	at, letters := span(code, n), []rune(code)
	if at.To > len(letters) || at.From >= at.To {
		return "this"
	}
	if text := letters[at.From:at.To]; len(text) > mostNamed {
		return string(text[:mostNamed]) + "…"
	}
	return string(letters[at.From:at.To])
}

// mostNamed is how many letters of an expression a mistake repeats.
const mostNamed = 40

// An extent is the first and last letter of what is visited.
type extent struct{ from, to int }

// Visit implements ast.Visitor.
func (e *extent) Visit(n *ast.Node) {
	at := (*n).Location()
	if at.To > 0 {
		e.from, e.to = min(e.from, at.From), max(e.to, at.To)
	}
}

// balanced widens a part until each bracket in it has its other half: nodes have the
// places of their names and operators, without the brackets around.
func balanced(letters []rune, from, to int) file.Location {
	to = min(to, len(letters))
	open, missing := brackets(letters[min(from, to):to])
	for ; missing > 0 && from > 0; from-- {
		if isOpening(letters[from-1]) {
			missing--
		}
	}
	for open > 0 && to < len(letters) {
		to++
		open, _ = brackets(letters[from:to])
	}
	return file.Location{From: from, To: to}
}

// brackets counts those that are open at the end of a text, and those that were never
// opened.
func brackets(letters []rune) (open, missing int) {
	var quote rune
	for i := 0; i < len(letters); i++ {
		switch c := letters[i]; {
		case quote != 0 && c == '\\' && quote != '`':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case isOpening(c):
			open++
		case c == ')' || c == ']' || c == '}':
			if open == 0 {
				missing++
			} else {
				open--
			}
		}
	}
	return open, missing
}

func isOpening(c rune) bool { return c == '(' || c == '[' || c == '{' }
