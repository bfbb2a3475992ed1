package main

import (
	"io"
	"strings"
	"unicode/utf8"

	"spafleet/host/lines"
)

// The narrowest that a column of text is broken to.
const leastColumn = 12

// writeColumns prints rows whose columns are two blanks apart and fit a width. The last
// column is broken where the others leave too little; a line end in a cell begins a
// new line of it.
func writeColumns(w io.Writer, width int, rows [][]string) {
	last := len(rows[0]) - 1
	widths := make([]int, last+1)
	left := width
	for i := range last {
		for _, row := range rows {
			for line := range strings.SplitSeq(row[i], "\n") {
				widths[i] = max(widths[i], utf8.RuneCountInString(line))
			}
		}
		left -= widths[i] + 2
	}
	widths[last] = max(left, leastColumn)
	var b strings.Builder
	for _, row := range rows {
		writeRow(&b, widths, row)
	}
	io.WriteString(w, b.String())
}

// writeRow prints the lines of a row.
func writeRow(b *strings.Builder, widths []int, row []string) {
	cells := make([][]string, len(row))
	most := 0
	for i, text := range row {
		cells[i] = strings.Split(text, "\n")
		if i == len(row)-1 {
			cells[i] = wrapHard(text, widths[i])
		}
		most = max(most, len(cells[i]))
	}
	for n := range most {
		line := ""
		for i, cell := range cells {
			text := ""
			if n < len(cell) {
				text = cell[n]
			}
			line += text + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// wrapHard breaks a text at its blanks, and words that are too long anywhere.
func wrapHard(text string, width int) (list []string) {
	for _, line := range lines.Wrap(text, width) {
		letters := []rune(line)
		for len(letters) > width {
			list = append(list, string(letters[:width]))
			letters = letters[width:]
		}
		list = append(list, string(letters))
	}
	return list
}
