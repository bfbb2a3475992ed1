package answer

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"spafleet/device/measure"
	"spafleet/host/lines"
	"spafleet/scenarios/doctor/finding"
	"spafleet/scenarios/report"
)

// What text shows of long lists; JSON has all.
const (
	mostNamed = 8 // models in a list
	mostWays  = 4 // of a problem
	mostRows  = 40
)

// WriteText writes a report for a terminal of 80 columns: a table of devices and areas,
// each problem with its cure, and what was not asked.
func WriteText(w io.Writer, r *finding.Report) error {
	s := newSheet(r)
	var b strings.Builder
	b.WriteString(lines.Hang("", "", shown(r.Server)))
	b.WriteString(lines.Hang("", "", s.circumstances()))
	b.WriteString("\n" + lines.Hang(sign(Verdict(r))+" ", "  ", s.sentence()))
	if text := s.unfinished(); text != "" {
		b.WriteString(lines.Hang("– ", "  ", text))
	}
	s.writeTable(&b)
	for i := range s.problems {
		s.writeProblem(&b, &s.problems[i])
	}
	s.writeGaps(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// sign is the symbol of a verdict.
func sign(verdict string) string {
	return map[string]fare{Breaks: breaks, Incomplete: unasked, Warns: warns, OK: fine}[verdict].Symbol()
}

// circumstances says what asked, when and how long.
func (s *sheet) circumstances() string {
	text := "asked by " + measure.Counted(len(s.crew), "device")
	stand := 0
	for _, d := range s.crew {
		stand += d.Stands
	}
	if stand > 0 {
		text += fmt.Sprintf(", which stand for %d of a list,", stand)
	}
	return fmt.Sprintf("%s in %s at %s", text, report.Seconds(time.Duration(s.Took).Seconds()), s.Began.UTC().Format(time.RFC3339))
}

// writeTable writes a row for devices that fare alike, with their names above it.
func (s *sheet) writeTable(b *strings.Builder) {
	if len(s.areas) == 0 {
		return
	}
	widths := make([]int, len(s.areas))
	for i, a := range s.areas {
		widths[i] = utf8.RuneCountInString(a.name)
		for _, r := range s.rows[:min(len(s.rows), mostRows)] {
			widths[i] = max(widths[i], 2+len(r.cells[i].word()))
		}
	}
	b.WriteByte('\n')
	cells := func(text func(i int) string) {
		line := ""
		for i := range s.areas {
			line += fmt.Sprintf("  %-*s", widths[i], text(i))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	cells(func(i int) string { return s.areas[i].name })
	for _, r := range s.rows[:min(len(s.rows), mostRows)] {
		b.WriteString(lines.Hang("", "  ", s.rowName(r)))
		cells(func(i int) string { return r.cells[i].fare.Symbol() + " " + r.cells[i].word() })
	}
	if more := len(s.rows) - mostRows; more > 0 {
		fmt.Fprintf(b, "and %d more rows; --json has all\n", more)
	}
}

// rowName names the devices of a row, all of them where that is possible.
func (s *sheet) rowName(r row) string {
	text := s.names(r.devices, 3*mostNamed)
	if n := len(r.devices.list); n > 3 && n < len(s.crew) {
		text += fmt.Sprintf(" (%d)", n)
	}
	return text
}

const inset = "  "

// writeProblem tells a problem: the devices, what was seen, and the cures.
func (s *sheet) writeProblem(b *strings.Builder, p *problem) {
	fmt.Fprintf(b, "\n%s %s %s\n", p.fare.Symbol(), shown(p.check.ID), s.strikes(p))
	labelled(b, "wanted", p.check.Title)
	for i, w := range p.ways {
		if i == mostWays {
			fmt.Fprintf(b, "%sand in %d more ways; --json has all\n", inset, len(p.ways)-i)
			break
		}
		b.WriteString(lines.Hang(inset, inset+inset, s.names(w.devices, mostNamed)))
		b.WriteString(lines.Hang(inset+inset, inset+inset, shown(w.detail)))
		for _, e := range w.evidence {
			labelled(b, "seen", shown(e))
		}
		labelled(b, "known", shown(w.basis))
		labelled(b, "hint", shown(w.hint))
	}
	if len(p.check.Cures) > 0 {
		b.WriteString(inset + "cure\n")
	}
	for _, c := range p.check.Cures {
		if c.Server == "" {
			b.WriteString(lines.Hang(inset+inset, inset+inset, c.Text))
			continue
		}
		labelled(b, c.Server, c.Text)
	}
}

// strikes says how many devices a problem strikes, and how.
func (s *sheet) strikes(p *problem) string {
	how := map[fare]string{breaks: "breaks", warns: "troubles", note: "concerns"}[p.fare]
	return fmt.Sprintf("%s %d of %s", how, len(p.devices.list), measure.Counted(len(s.crew), "device"))
}

// labelled writes a text behind a label; nothing for no text.
func labelled(b *strings.Builder, label, text string) {
	if text != "" {
		b.WriteString(lines.Hang(fmt.Sprintf("%s%-9s", inset+inset, label), strings.Repeat(" ", 13), text))
	}
}

// writeGaps says what was not asked.
func (s *sheet) writeGaps(b *strings.Builder) {
	if len(s.gaps) == 0 {
		return
	}
	b.WriteString("\n– not asked\n")
	for i, g := range s.gaps {
		if i == mostRows {
			fmt.Fprintf(b, "%sand for %d more reasons; --json has all\n", inset, len(s.gaps)-i)
			return
		}
		text := g.names() + ": " + shown(g.why)
		if n := len(g.devices.list); n > 0 && n < len(s.crew) {
			text += " (" + s.names(g.devices, mostNamed) + ")"
		}
		b.WriteString(lines.Hang(inset, inset+inset, text))
	}
}

// shown is a text that came from elsewhere: where it would disturb a terminal, its
// letters are replaced.
func shown(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, text)
}
