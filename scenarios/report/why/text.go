package why

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// width is how many columns a terminal has.
const width = 80

// indent is where the text of a step stands.
const indent = 12

// WriteText writes the story for a terminal: a chapter for each boot, resync, upgrade
// and order. Chapters that repeat stand there once.
func (d *Device) WriteText(w io.Writer) error {
	var b strings.Builder
	head := strings.TrimSpace(d.Model + " " + d.Firmware)
	if head != "" {
		head += " · "
	}
	head += "MAC " + d.MAC
	if d.Serial != "" {
		head += " · serial " + d.Serial
	}
	fmt.Fprintf(&b, "%s · device %d\n", head, d.Index)
	chapters := chaptersOf(d.Steps())
	for i := 0; i < len(chapters); {
		long, times := repeats(chapters[i:])
		for _, c := range chapters[i : i+long] {
			c.write(&b)
		}
		if i += long * (times + 1); times > 0 {
			fmt.Fprintf(&b, "\n… the same %d times more, the last at %s\n", times, stamp(chapters[i-long][0].At))
		}
	}
	if d.Cut {
		b.WriteString("\nthe log ends within a line\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// A chapter is a step that begins one, and those up to the next.
type chapter []Step

func chaptersOf(steps []Step) []chapter {
	var list []chapter
	for i, s := range steps {
		if s.begins || i == 0 {
			list = append(list, nil)
		}
		last := &list[len(list)-1]
		*last = append(*last, s)
	}
	return list
}

func (c chapter) like(o chapter) bool {
	return slices.EqualFunc(c, o, func(a, b Step) bool { return a.Kind == b.Kind && a.same == b.same })
}

// longest is how many chapters may repeat together, as a boot and its resync do.
const longest = 4

// repeats returns how many chapters at the beginning of a list repeat, and how often
// they come again. Less than twice is not worth a line.
func repeats(list []chapter) (long, times int) {
	for long = 1; long <= min(longest, len(list)/3); long++ {
		for times = 0; (times+2)*long <= len(list); times++ {
			next := list[(times+1)*long:][:long]
			if !slices.EqualFunc(list[:long], next, chapter.like) {
				break
			}
		}
		if times >= 2 {
			return long, times
		}
	}
	return 1, 0
}

func (c chapter) write(b *strings.Builder) {
	b.WriteByte('\n')
	wrap(b, stamp(c[0].At)+"  ", c[0].Text)
	for _, s := range c[1:] {
		after := ""
		if d := s.At.Sub(c[0].At); d >= time.Millisecond {
			after = "+" + length(d)
		}
		wrap(b, fmt.Sprintf("%*s  ", indent-2, after), s.Text)
	}
}

// wrap writes words in lines that fit a terminal. A word that is longer is broken.
func wrap(b *strings.Builder, head, text string) {
	b.WriteString(head)
	column, first := len([]rune(head)), true
	for _, word := range strings.Fields(text) {
		letters := []rune(word)
		if !first && column+1+len(letters) > width {
			b.WriteString("\n" + strings.Repeat(" ", indent+2))
			column = indent + 2
		} else if !first {
			b.WriteByte(' ')
			column++
		}
		for first = false; column+len(letters) > width; {
			n := width - column
			b.WriteString(string(letters[:n]) + "\n" + strings.Repeat(" ", indent+2))
			letters, column = letters[n:], indent+2
		}
		b.WriteString(string(letters))
		column += len(letters)
	}
	b.WriteByte('\n')
}
