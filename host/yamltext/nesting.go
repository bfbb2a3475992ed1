// Package yamltext looks at the text of a YAML file before a parser gets it: whether it
// is text, and whether it has more structure than is good for the parser. Begin with
// [Clean].
package yamltext

import "strings"

// What a file may have of structure. The YAML parser's memory and time grow with the
// square of both, so they are counted before it runs.
const (
	mostNesting = 64     // collections in one another
	mostMarks   = 20_000 // lines, keys and elements that are not within a block text
)

// A nesting follows the structure of a YAML text, line by line, without building
// anything. Of texts that YAML refuses it may count too much.
type nesting struct {
	blocks  []block // the open block collections
	flow    int     // open brackets and braces
	tags    int     // of this line: tags and anchors before a value
	quote   byte    // of a quoted text that is not closed yet; 0: none
	text    bool    // within a block text
	above   int     // the column that the lines of a block text are right of
	marks   int
	start   bool // a value may begin here
	dash    bool // nothing has come yet behind a dash of this line
	bare    bool // the line above ended so
	word    int  // column at which the last plain or quoted text began
	deepest int  // the largest depth so far
}

// A block is a collection that is written line by line, from a column on.
type block struct {
	col  int
	list bool // of dashes, not of keys
}

func (n *nesting) depth() int { return len(n.blocks) + n.flow + n.tags }

// Excess returns what is too much of a text, and at which line and column; "" where
// all is within the bounds.
func Excess(text string) (what string, line, col int) {
	var n nesting
	for l := range strings.Lines(text) {
		line++
		if col := n.scan(strings.TrimRight(l, "\n")); col > 0 {
			return "nested too deep: more than 64 maps and lists in one another", line, col
		}
		if n.marks > mostMarks {
			return "more than 20,000 lines, keys and elements", line, 1
		}
	}
	return "", 0, 0
}

// Count returns how many maps and lists of a text are in one another at most, and how many
// lines, keys and elements it has.
func Count(text string) (deepest, parts int) {
	var n nesting
	for l := range strings.Lines(text) {
		n.scan(strings.TrimRight(l, "\n"))
	}
	return n.deepest, n.marks
}

// scan follows a line, and returns the column at which it nests too deep, 0 for none.
func (n *nesting) scan(l string) (col int) {
	indent := len(l) - len(strings.TrimLeft(l, " "))
	if n.skips(l, indent) {
		return 0
	}
	n.marks++
	n.tags = 0
	n.bare, n.dash = n.dash, false
	if n.quote == 0 && n.flow == 0 {
		n.close(indent + 1)
		n.start = true
	}
	for i := indent; i >= 0 && i < len(l); {
		i = n.step(l, i)
		if n.deepest = max(n.deepest, n.depth()); n.deepest > mostNesting {
			return max(i, 1)
		}
	}
	return 0
}

// skips reports whether a line is of a block text, empty, or a comment.
func (n *nesting) skips(l string, indent int) bool {
	switch {
	case n.quote != 0:
		return false
	case indent == len(l):
		return true
	case n.text && indent > n.above:
		return true
	}
	n.text = false
	if l[indent] == '#' {
		n.marks++
		return true
	}
	return false
}

// open begins a block collection at a column, or goes on with the one that is there. A
// list may stand in the column of the key that it belongs to. The parser also takes the
// other way round, and a key below an empty dash as its element.
func (n *nesting) open(col int, list bool) {
	n.close(col + 1)
	b := block{col, list}
	switch k := len(n.blocks); {
	case k > 0 && n.blocks[k-1] == b:
	case n.bare && !list:
		n.blocks = append(n.blocks, b)
	case k > 1 && n.blocks[k-2] == b && n.blocks[k-1].col == col:
		n.blocks = n.blocks[:k-1]
	default:
		n.blocks = append(n.blocks, b)
	}
}

// close ends the block collections that begin at a column or to the right of it.
func (n *nesting) close(col int) {
	for len(n.blocks) > 0 && n.blocks[len(n.blocks)-1].col >= col {
		n.blocks = n.blocks[:len(n.blocks)-1]
	}
}

// step follows what is at i, and returns where the next begins; -1: the line is over.
func (n *nesting) step(l string, i int) int {
	c := l[i]
	switch {
	case n.quote != 0:
		return n.quoted(l, i)
	case c == ' ' || c == '\t':
		return i + 1
	case c == '#' && (i == 0 || l[i-1] == ' ' || l[i-1] == '\t'):
		return -1
	case c == ':' && ends(l, i+1, n.flow > 0):
		n.key(i)
		return i + 1
	case n.flow > 0 && strings.IndexByte("[]{},", c) >= 0:
		n.inFlow(c)
		return i + 1
	case n.start:
		return n.begins(l, i)
	}
	return i + 1
}

// key follows a colon behind a key, or one that is an indicator itself.
func (n *nesting) key(i int) {
	n.marks++
	if n.flow == 0 {
		if n.start {
			n.word = i
		}
		n.open(n.word, false)
	}
	n.start = true
}

func (n *nesting) inFlow(c byte) {
	n.marks++
	switch c {
	case '[', '{':
		n.flow++
	case ']', '}':
		n.flow--
	}
	n.start = c != ']' && c != '}'
}

// begins follows the beginning of a value.
func (n *nesting) begins(l string, i int) int {
	n.dash = l[i] == '-'
	switch c := l[i]; {
	case (c == '-' || c == '?') && ends(l, i+1, false):
		n.marks++
		if n.flow == 0 {
			n.open(i, c == '-')
		} else {
			n.tags++
		}
		return i + 1
	case c == '[' || c == '{':
		n.inFlow(c)
		return i + 1
	case c == '&' || c == '!' || c == '*':
		n.marks++
		n.tags++
		for i < len(l) && l[i] != ' ' && (n.flow == 0 || strings.IndexByte("[]{},", l[i]) < 0) {
			i++
		}
		return i
	case (c == '|' || c == '>') && n.flow == 0:
		n.text, n.above = true, 0
		if k := len(n.blocks); k > 0 {
			n.above = n.blocks[k-1].col
		}
		return -1
	case c == '"' || c == '\'':
		n.quote = c
	}
	n.word, n.start = i, false
	return i + 1
}

// quoted follows a quoted text to its end, or to the end of the line.
func (n *nesting) quoted(l string, i int) int {
	for ; i < len(l); i++ {
		switch {
		case l[i] == '\\' && n.quote == '"':
			i++
		case l[i] != n.quote:
		case n.quote == '\'' && strings.HasPrefix(l[i+1:], "'"):
			i++
		default:
			n.quote = 0
			return i + 1
		}
	}
	return -1
}

// ends reports whether an indicator is one by what follows it.
func ends(l string, i int, flow bool) bool {
	return i >= len(l) || l[i] == ' ' || l[i] == '\t' || flow && strings.IndexByte("[]{},", l[i]) >= 0
}
