// Package finding is what the doctor found out about a provisioning server: a table of
// checks, and a report of how each device fared in them. Begin at [Report] and [Checks].
package finding

import (
	"fmt"
	"strconv"
	"time"
)

// Format is the version of a report's JSON. Within it a key never changes its meaning.
const Format = 1

// A Severity says what a finding that is not OK comes to.
type Severity int

// The severities, from the least.
const (
	Note   Severity = iota // worth knowing
	Warns                  // devices of this model are provisioned, but something will trouble them
	Breaks                 // a device of this model would not be provisioned
)

var severities = [...]string{"note", "warns", "breaks"}

// String returns the word that JSON has.
func (s Severity) String() string {
	if s < 0 || int(s) >= len(severities) {
		return "severity " + strconv.Itoa(int(s))
	}
	return severities[s]
}

// MarshalText returns the word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, word := range severities {
		if word == string(text) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("unknown severity %.40q", text)
}

// A Finding is what one check came to with one model and firmware. A check that was not
// made has none: it is among the [Report.Unasked].
type Finding struct {
	Model    string   `json:"model"`
	Firmware string   `json:"firmware"`
	Check    string   `json:"check"` // ID of one of the Checks
	OK       bool     `json:"ok"`
	Severity Severity `json:"severity"`           // means nothing where OK
	Detail   string   `json:"detail"`             // a plain sentence: what was seen, and what it means for this model
	Evidence string   `json:"evidence,omitempty"` // what the server sent, see Sent
	Basis    string   `json:"basis,omitempty"`    // how it is known that this firmware acts so: documented, field or inferred, and the switch it rests on
	Hint     string   `json:"hint,omitempty"`     // a cure for this very finding, beside those of the check
}

// A Device is one that was sent to the server.
type Device struct {
	Model    string `json:"model"`
	Firmware string `json:"firmware"`
	URL      string `json:"url,omitempty"`    // that it asked for first, macros expanded
	Stands   int    `json:"stands,omitempty"` // how many devices of a list it stands for; 0 where there is no list
}

// Name returns the model and the firmware.
func (d Device) Name() string { return d.Model + " " + d.Firmware }

// An Unasked is a check that was not made.
type Unasked struct {
	Check    string `json:"check"`
	Model    string `json:"model,omitempty"`    // empty: with no model
	Firmware string `json:"firmware,omitempty"` // empty: with no firmware of the model
	Why      string `json:"why"`
}

// A Report is all that was seen. It says nothing about checks that it has no finding of.
type Report struct {
	Format     int       `json:"format"`
	Server     string    `json:"server"` // the URL or host, as it was given
	Began      time.Time `json:"began"`
	Took       Seconds   `json:"took_seconds"`
	Incomplete string    `json:"incomplete,omitempty"` // why it is not whole, as "interrupted"
	Devices    []Device  `json:"devices"`
	Findings   []Finding `json:"findings"`
	Unasked    []Unasked `json:"unasked"`
}

// Seconds is a duration that JSON has in seconds.
type Seconds time.Duration

// MarshalJSON writes milliseconds as decimals.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, time.Duration(s).Seconds(), 'f', 3, 64), nil
}

// UnmarshalJSON reads seconds.
func (s *Seconds) UnmarshalJSON(text []byte) error {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(f >= 0 && f < 1e9) {
		return fmt.Errorf("%.40q is no number of seconds", text)
	}
	*s = Seconds(f * float64(time.Second))
	return nil
}

// Worst returns the worst severity of all findings that are not OK, false where all are.
func (r *Report) Worst() (worst Severity, found bool) {
	for i := range r.Findings {
		if f := &r.Findings[i]; !f.OK {
			worst, found = max(worst, f.Severity), true
		}
	}
	return worst, found
}

// MostSent bounds the evidence of a finding, in bytes.
const MostSent = 200

// Sent returns what a server sent as evidence: quoted, and no longer than MostSent. What
// is left out is counted.
func Sent(text string) string {
	most := MostSent - len(` and 9223372036854775807 more bytes`)
	if quoted := strconv.QuoteToASCII(text[:min(len(text), most+1)]); len(text) <= most && len(quoted) <= MostSent {
		return quoted
	}
	n := min(len(text), most)
	for len(strconv.QuoteToASCII(text[:n])) > most {
		n--
	}
	return fmt.Sprintf("%s and %d more bytes", strconv.QuoteToASCII(text[:n]), len(text)-n)
}
