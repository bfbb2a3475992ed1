package observed

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/host/yamltext"
)

// Write writes the file without the secrets, in the order of the table of switches. Texts
// and bytes that are too long for a file are cut, and say so. The error names what
// no file can hold: a switch, value or model that is not known, a value that is secret.
func (f *File) Write(to io.Writer, s Secrets) error {
	row, err := model.NewRow(f.Model, f.Firmware, nil)
	if err != nil {
		return err
	}
	if len(f.Facts) > MostFacts {
		return fmt.Errorf("%d facts are more than %d", len(f.Facts), MostFacts)
	}
	f = f.Without(s)
	w := &writer{secrets: s.mask()}
	w.line("%s", format)
	w.line("model: %s", quoted(row.Model.Name))
	w.line("firmware: %s", quoted(row.Firmware.Version))
	w.line("date: %s", f.Date.Format(dateForm))
	w.line("took: %s", measure.Format(f.Took.Round(time.Second)))
	w.line("evidence: field")
	if err := w.findings(row, f.Findings); err != nil {
		return err
	}
	if err := w.facts(f.Facts); err != nil {
		return err
	}
	if what, _, _ := yamltext.Excess(w.String()); what != "" || w.Len() > MostBytes {
		return fmt.Errorf("the file would be too long: it has %d bytes, and %d lines", w.Len(), bytes.Count(w.Bytes(), []byte("\n")))
	}
	_, err = to.Write(w.Bytes())
	return err
}

// A writer gathers a file.
type writer struct {
	bytes.Buffer
	secrets *mask
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// text writes a text below a key; none where it is empty.
func (w *writer) text(key, text string) {
	if text != "" {
		w.line("    %s: %s", key, quoted(cut(text)))
	}
}

// cut shortens a text to what a file may hold.
func cut(text string) string {
	if len(text) <= mostText {
		return text
	}
	end := mostText - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

func (w *writer) findings(row *model.Row, findings []Finding) error {
	places := order(row)
	sorted := slices.SortedStableFunc(slices.Values(findings), func(a, b Finding) int {
		return cmp.Compare(places[a.Switch], places[b.Switch])
	})
	if len(sorted) == 0 {
		return nil
	}
	w.line("switches:")
	for i := range sorted {
		one := &sorted[i]
		if i > 0 && sorted[i-1].Switch == one.Switch {
			return fmt.Errorf("switch %s is found twice", one.Switch)
		}
		if err := one.check(row); err != nil {
			return fmt.Errorf("switch %s: %w", one.Switch, err)
		}
		if err := w.finding(one); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) finding(f *Finding) error {
	values := append([]string{f.Value}, f.OneOf...)
	for i, v := range values {
		if w.secrets.text(v) != v {
			return fmt.Errorf("the value of switch %s is a secret of the phone", f.Switch)
		}
		values[i] = quoted(v)
	}
	w.line("  %s:", f.Switch)
	if f.Settled() {
		w.line("    value: %s", values[0])
	} else if len(f.OneOf) > 0 {
		w.line("    one_of: [%s]", strings.Join(values[1:], ", "))
	}
	w.text("experiment", f.Experiment)
	w.line("    asked: %d", f.Asked)
	if f.Settled() {
		w.line("    agreed: %d", f.Agreed)
	} else {
		w.text("why", f.Why)
	}
	return nil
}

func (w *writer) facts(facts []Fact) error {
	if len(facts) > 0 {
		w.line("facts:")
	}
	for i := range facts {
		if err := w.fact(&facts[i]); err != nil {
			return fmt.Errorf("fact %q of experiment %q: %w", facts[i].What, facts[i].Experiment, err)
		}
	}
	return nil
}

func (w *writer) fact(f *Fact) error {
	raw, err := hex.DecodeString(f.Hex)
	switch {
	case err != nil:
		return fmt.Errorf("its bytes are no hexadecimal digits: %w", err)
	case f.Nanoseconds < 0:
		return fmt.Errorf("its time is below 0")
	case f.Experiment == "" || f.What == "":
		return fmt.Errorf("it needs both names")
	}
	what := f.What
	if len(raw) > mostHex {
		what += fmt.Sprintf(" (the first %d bytes of %d)", mostHex, len(raw))
		raw = raw[:mostHex]
	}
	w.line("  - experiment: %s", quoted(cut(f.Experiment)))
	w.text("what", what)
	if f.Nanoseconds > 0 {
		w.line("    time: %s", timeText(time.Duration(f.Nanoseconds)))
	}
	w.text("text", f.Text)
	w.hex(raw)
	return nil
}

// perLine is how many bytes stand in a line.
const perLine = 32

func (w *writer) hex(raw []byte) {
	if len(raw) > 0 {
		w.line("    hex: |-")
	}
	for line := range slices.Chunk(raw, perLine) {
		w.line("      %x", line)
	}
}

// timeText writes a duration to the nanosecond, as [measure.Duration] reads it.
func timeText(d time.Duration) string {
	if d >= time.Millisecond {
		return d.String()
	}
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64) + "ms"
}

// plain is a text that YAML takes for itself, and that no reader takes for a number, a
// date or a truth.
var plain = regexp.MustCompile(`^[A-Za-z0-9/(][A-Za-z0-9_./()+-]*( [A-Za-z0-9_./()+-]+)*$`)

// words are what readers of YAML take for something else, in small letters.
var words = []string{"yes", "no", "true", "false", "on", "off", "y", "n", "null", "nan", "inf"}

// number begins what a reader may take for one.
var number = regexp.MustCompile(`^[0-9.+-]+([eExXoObB_][0-9a-fA-F_.+-]*)?$`)

// quoted writes a text as YAML that each reader takes for this text.
func quoted(text string) string {
	if plain.MatchString(text) && !number.MatchString(text) && !slices.Contains(words, strings.ToLower(text)) {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
