package scenarios

import (
	"errors"
	"strings"
	"unicode/utf8"

	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/scenarios/expression"
)

// IsProfile reports whether a file of the server is meant to be a profile.
func (s *Server) IsProfile(path string) bool { return isProfile(s.Files[path].Body) }

func isProfile(body string) bool {
	text := strings.TrimSpace(strings.TrimPrefix(body, "\ufeff"))
	if strings.HasPrefix(text, "<?") {
		_, text, _ = strings.Cut(text, "?>")
		text = strings.TrimSpace(text)
	}
	return strings.HasPrefix(text, "<flat-profile")
}

// checkBody refuses a profile that no device of the fleet takes. In the scenario of a bug
// it may be what the bug is about.
func checkBody(c *checker, n *node, body, key string) {
	if c.Scenario.Bug != nil || !isProfile(body) || len(c.Groups) == 0 {
		return
	}
	sample := []byte(c.Scenario.Sample(body, "127.0.0.1", "1"))
	var first *profile.Error
	tried := map[*model.Row]bool{}
	for i := range c.Groups {
		row := c.Groups[i].Row
		if tried[row] {
			continue
		}
		tried[row] = true
		var refused *profile.Error
		if _, err := profile.Decode(sample, row.Reading()); !errors.As(err, &refused) {
			return
		}
		if first == nil {
			first = refused
		}
	}
	at := n
	if line := lineOf(body, first.Line); line != nil {
		at = c.part(n, line)
	}
	c.mistake(at, key, "every device of this fleet refuses this file: %s", strings.TrimSpace(strings.Join([]string{first.Text, first.Hint}, "; ")))
}

// lineOf returns the part of a text that is one of its lines, without the blanks around
// it; nil where it has no such line.
func lineOf(text string, number int) *expression.Mistake {
	lines := strings.SplitAfter(text, "\n")
	if number < 1 || number > len(lines) || strings.TrimSpace(lines[number-1]) == "" {
		return nil
	}
	line := lines[number-1]
	before := strings.Join(lines[:number-1], "") + line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	from := utf8.RuneCountInString(before)
	return &expression.Mistake{Within: text, From: from, To: from + utf8.RuneCountInString(strings.TrimSpace(line))}
}
