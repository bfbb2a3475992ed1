package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"spafleet/host/lines"
)

// A desk is where the person sits: questions and progress go to the error stream, answers
// come from the input.
type desk struct {
	w     io.Writer
	yes   bool        // to all questions; nobody is there to unplug
	lines chan string // of the input; nil: nobody answers
}

// newDesk reads answers where the input is a terminal or a pipe.
func newDesk(s streams, yes bool) *desk {
	d := &desk{w: s.err, yes: yes}
	if !yes {
		d.lines = make(chan string)
		go d.read(s.in) // ends with the input, or with the program
	}
	return d
}

func (d *desk) read(in io.Reader) {
	defer close(d.lines)
	for r := bufio.NewScanner(in); r.Scan(); {
		d.lines <- r.Text()
	}
}

// Say implements probe.Person.
func (d *desk) Say(text string) {
	text = oneLine(text)
	blanks := strings.Repeat(" ", len(text)-len(strings.TrimLeft(text, " ")))
	head := time.Now().Format("15:04:05") + "  " + blanks
	fmt.Fprint(d.w, lines.Hang(head, strings.Repeat(" ", len(head)), text))
}

// Agree implements probe.Person.
func (d *desk) Agree(ctx context.Context, question string) bool {
	if d.yes {
		d.Say(question + " yes (--yes)")
		return true
	}
	d.ask(question + " [y/N]")
	answer, ok := d.answer(ctx)
	if !ok {
		fmt.Fprintln(d.w, "no answer: give --yes where nobody can answer")
	}
	return ok && strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y")
}

// ask shows a question, with the cursor behind it.
func (d *desk) ask(question string) {
	fmt.Fprint(d.w, strings.Join(lines.Wrap(question, lines.Width-4), "\n")+" ")
}

func (d *desk) answer(ctx context.Context) (string, bool) {
	select {
	case line, ok := <-d.lines:
		return line, ok
	case <-ctx.Done():
		return "", false
	}
}

// Resync implements probe.Person.
func (d *desk) Resync(_ context.Context, url string) error {
	fmt.Fprintf(d.w, "Open this in a browser, with the phone's address for PHONE:\n\n  http://PHONE/admin/resync?%s\n\n", url)
	return nil
}

// Power implements probe.Person.
func (d *desk) Power(ctx context.Context) (time.Time, bool) {
	if d.yes {
		return time.Time{}, false
	}
	d.ask("Unplug the phone, wait five seconds, plug it in, and press Enter in that moment (s and Enter: leave this out)")
	answer, ok := d.answer(ctx)
	return time.Now(), ok && !strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "s")
}
