package answer

import (
	"encoding/json"
	"fmt"
	"io"

	"spafleet/device/measure"
	"spafleet/scenarios/doctor/finding"
)

// The verdicts: some device would not be provisioned; not all was asked, and what was
// breaks none; devices would be provisioned, but with trouble; nothing was found that
// would break one.
const (
	Breaks     = "breaks"
	Incomplete = "incomplete"
	Warns      = "warns"
	OK         = "ok"
)

// Verdict returns what a report comes to.
func Verdict(r *finding.Report) string {
	worst, found := r.Worst()
	switch {
	case found && worst >= finding.Breaks:
		return Breaks
	case r.Incomplete != "" || len(r.Findings) == 0 || short(r) > 0:
		return Incomplete
	case found && worst == finding.Warns:
		return Warns
	}
	return OK
}

// short counts the devices that did not get as far as their file, though nothing was
// found that breaks them: such as where the maker's certificate is needed to go on.
func short(r *finding.Report) int {
	far := map[string]bool{}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Check == "file-found" || fareOf(f) == breaks {
			far[finding.Device{Model: f.Model, Firmware: f.Firmware}.Name()] = true
		}
	}
	n := 0
	for _, d := range r.Devices {
		if !far[d.Name()] {
			n++
		}
	}
	return n
}

// sentence says what a report comes to, and no more than was seen.
func (s *sheet) sentence() string {
	if s.unreached() {
		return "No device reached this server, so nothing else was asked."
	}
	n, stand := s.count(breaks)
	text := ""
	switch Verdict(s.Report) {
	case Breaks:
		text = fmt.Sprintf("%d of %s would not be provisioned by this server", n, measure.Counted(len(s.crew), "device"))
		if stand > 0 {
			text += fmt.Sprintf("; they stand for %d of the list", stand)
		}
	case Incomplete:
		switch {
		case len(s.Findings) == 0:
			text = "Nothing was asked, so this says nothing about the server"
		case s.Incomplete == "":
			text = fmt.Sprintf("What was asked would break no device, but %d of %s did not get as far as the file", short(s.Report), measure.Counted(len(s.crew), "device"))
		default:
			text = "What was asked so far would break no device; the rest is not known"
		}
	case Warns:
		n, _ := s.count(warns)
		text = fmt.Sprintf("Nothing that was asked would break a device; %d of %s would have trouble", n, measure.Counted(len(s.crew), "device"))
	case OK:
		text = "Nothing that was asked would break a device"
	}
	return text + "."
}

// unreached reports whether no device got an answer of any kind.
func (s *sheet) unreached() bool {
	for place := range s.crew {
		if len(s.fared[place]) != 1 || s.fared[place]["reachable"] != breaks {
			return false
		}
	}
	return len(s.crew) > 0
}

// unfinished says why a report is not whole; "" for one that is.
func (s *sheet) unfinished() string {
	if s.Incomplete == "" {
		return ""
	}
	asked := 0
	for place := range s.crew {
		if s.worst[place] != unasked {
			asked++
		}
	}
	return fmt.Sprintf("This is incomplete (%s): it is what was seen with %d of %s.", s.Incomplete, asked, measure.Counted(len(s.crew), "device"))
}

// A document is the JSON of a report.
type document struct {
	Verdict string `json:"verdict"`
	Exit    int    `json:"exit"`
	*finding.Report
}

// WriteJSON writes a report as one JSON object, with its verdict and the exit code of
// the program.
func WriteJSON(w io.Writer, r *finding.Report, exit int) error {
	whole := *r
	whole.Format = finding.Format
	whole.Devices, whole.Findings, whole.Unasked = orEmpty(r.Devices), orEmpty(r.Findings), orEmpty(r.Unasked)
	return writeJSON(w, document{Verdict(r), exit, &whole})
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// orEmpty is a list that JSON has as [], not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Read reads a report that WriteJSON wrote.
func Read(text []byte) (*finding.Report, error) {
	r := &finding.Report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("it is not a report of 'spafleet doctor --json': %w", err)
	}
	if r.Format != finding.Format {
		return nil, fmt.Errorf("it is not a report of 'spafleet doctor --json' in format %d, which this spafleet reads: its format is %d", finding.Format, r.Format)
	}
	return r, nil
}
