// Package lines breaks texts into the lines of a terminal, and quotes long ones.
package lines

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Width is how many columns a terminal has.
const Width = 80

// Quoted is a value as a message quotes it: of one with more than so many bytes the beginning.
func Quoted(text string, most int) string {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strconv.Quote(text)
}

// Cut shortens a line to a width, with … in its end.
func Cut(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:max(width-1, 0)]) + "…"
}

// Wrap breaks a text at its blanks into lines of at most width letters. A longer word
// stands alone. The lines of an empty text are one, which is empty.
func Wrap(text string, width int) []string { return broken(text, width, width) }

// Hang returns a text behind a head, in lines of at most Width letters. They go on
// under the indent, and each ends with a newline.
func Hang(head, indent, text string) string {
	list := broken(text, Width-utf8.RuneCountInString(head), Width-utf8.RuneCountInString(indent))
	return head + strings.Join(list, "\n"+indent) + "\n"
}

// broken is Wrap with another width for the first line.
func broken(text string, first, width int) []string {
	var list []string
	line, letters, most := "", 0, first
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case line == "":
		case letters+1+n > most:
			list = append(list, line)
			line, letters, most = "", 0, width
		default:
			line += " "
			letters++
		}
		line += word
		letters += n
	}
	return append(list, line)
}
