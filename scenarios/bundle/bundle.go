// Package bundle keeps one device's failure in one file, which another person can
// replay: the scenario with its files, the seed, what the device did, and the report.
//
// A bundle is a ZIP archive. What is secret in the run is in none of its bytes: a
// [Vault] puts stand-ins in its place. What somebody else made is not trusted: [Read]
// has limits and reads no file, and names in a bundle lead nowhere.
package bundle

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"spafleet/device"
)

// Format is the version of the form of a bundle.
const Format = 1

// A Bundle is one device's failure. The texts of one that is written have no secrets.
type Bundle struct {
	About    About
	Scenario []byte            // the scenario file; nil: the flags describe the fleet
	Files    map[string][]byte // what it names below its folder, by path
	List     []byte            // the list of the devices; nil: there is none
	Events   []byte            // of the device, as an event log has them
	Report   []byte            // of the run, as JSON
}

// About is what a bundle is of, in the form of its JSON.
type About struct {
	Format   int       `json:"format"`
	Program  string    `json:"program"` // version of the spafleet that wrote it
	Name     string    `json:"name"`    // of the scenario
	Seed     uint64    `json:"seed"`
	Clock    string    `json:"clock"`            // of the run
	Start    time.Time `json:"fleet_start"`      // the fleet's date at the start
	Duration float64   `json:"duration_seconds"` // of the run, by the clock of the fleet
	Devices  int       `json:"devices"`          // of the whole fleet
	Device   Device    `json:"device"`
	Failure  Failure   `json:"failure"`
	Flags    []Flag    `json:"flags"` // of 'spafleet run', beside the scenario
	// Recorded says that the servers were not spafleet's own: what they answered to this
	// device stands in for them.
	Recorded bool `json:"recorded"`
	// Params are what the device was set to at the end of a recorded run, in the place
	// of the files that its servers sent.
	Params map[string]string `json:"params,omitempty"`
	// StandIns stand for what is secret, by where that was found first: the first of them.
	StandIns []StandIn `json:"stand_ins"`
	Secrets  int       `json:"secrets"`          // how many have one
	Notes    []string  `json:"notes"`            // what the bundle lacks
	Refusal  string    `json:"cannot,omitempty"` // why it cannot be replayed; "": it can
}

// A Device is the one that a bundle is about.
type Device struct {
	Index    device.Index `json:"index"` // in the whole fleet
	MAC      string       `json:"mac"`
	Serial   string       `json:"serial"`
	Group    string       `json:"group"`
	Model    string       `json:"model"`
	Firmware string       `json:"firmware"`
}

// A Failure is how the device failed.
type Failure struct {
	Unmet []string `json:"unmet"` // names of what was expected and did not hold for it
	Why   string   `json:"why"`   // in words
	Last  string   `json:"last"`  // of [Failures]; "": nothing did
}

// Lines say in words how the device failed.
func (f *Failure) Lines() []string {
	var list []string
	for _, name := range f.Unmet {
		list = append(list, "not met: "+name)
	}
	if len(list) == 0 {
		return []string{f.Why}
	}
	return append(list, "the device then: "+f.Why)
}

// A Flag is one of 'spafleet run'.
type Flag struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A StandIn stands for a secret of the same length.
type StandIn struct {
	For   string `json:"for"`
	Value string `json:"value"`
}

// Limits of a bundle.
const (
	MostBytes  = 16 << 20 // of the archive
	mostWhole  = 48 << 20 // of all that is in it
	mostParts  = 300
	mostAbout  = 1 << 20
	mostFlags  = 500
	mostParams = 5000

	mostStandIns = 100 // that are told
)

// Parts of the archive.
const (
	aboutPart    = "bundle.json"
	scenarioPart = "scenario.yaml"
	listPart     = "devices.csv"
	eventsPart   = "events.jsonl"
	reportPart   = "report.json"
	readmePart   = "README.txt"
	filesFolder  = "files/"
)

// IsBundle reports whether a file begins as a bundle does.
func IsBundle(text []byte) bool { return bytes.HasPrefix(text, []byte("PK\x03\x04")) }

// Hide puts stand-ins in the place of secrets, in all parts. A scenario that has one in
// a form in which it cannot be replaced is left out.
func (b *Bundle) Hide(v *Vault) error {
	for _, text := range []*[]byte{&b.Scenario, &b.List} {
		if *text != nil {
			*text = []byte(v.Hide(string(*text)))
		}
	}
	b.Events, b.Report = v.HideJSON(b.Events), v.HideJSON(b.Report)
	files := map[string][]byte{}
	for name, text := range b.Files {
		files[v.Hide(name)] = []byte(v.Hide(string(text)))
	}
	b.Files = files
	if b.Scenario != nil && v.holds(b.Scenario) {
		b.Scenario, b.Files = nil, nil
		b.About.Refusal = "the scenario has a secret that cannot be replaced in it, so it is not in the bundle"
	}
	text, err := json.Marshal(b.About)
	if err != nil {
		return err
	}
	stands := v.StandIns()
	if err := json.Unmarshal(v.HideJSON(text), &b.About); err != nil {
		return err
	}
	b.About.StandIns, b.About.Secrets = stands[:min(len(stands), mostStandIns)], len(stands)
	return nil
}

// parts are what the archive has, by name.
func (b *Bundle) parts() (map[string][]byte, error) {
	about, err := json.MarshalIndent(b.About, "", "  ")
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{aboutPart: about, eventsPart: b.Events, reportPart: b.Report, readmePart: []byte(b.readme())}
	if b.Scenario != nil {
		all[scenarioPart] = b.Scenario
	}
	if b.List != nil {
		all[listPart] = b.List
	}
	for name, text := range b.Files {
		all[filesFolder+name] = text
	}
	return all, nil
}

// Write writes a bundle. One that is too large is an error, and so is a secret of the
// vault that is still in it: then nothing is written.
func (b *Bundle) Write(w io.Writer, v *Vault) error {
	all, err := b.parts()
	if err != nil {
		return err
	}
	whole := 0
	for name, text := range all {
		whole += len(text)
		if what := v.left(name, text); what != "" {
			return fmt.Errorf("%s would still have the secret of %s", name, what)
		}
	}
	var archive bytes.Buffer
	to := zip.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		part, err := to.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err == nil {
			_, err = part.Write(all[name])
		}
		if err != nil {
			return err
		}
	}
	if err := to.Close(); err != nil {
		return err
	}
	if whole > mostWhole || archive.Len() > MostBytes || len(all) > mostParts {
		return fmt.Errorf("the bundle would have %d bytes in %d parts, more than is read of one", whole, len(all))
	}
	if _, err := Read(archive.Bytes()); err != nil {
		return fmt.Errorf("nobody could read the bundle: %w", err)
	}
	_, err = w.Write(archive.Bytes())
	return err
}

// left returns where a secret was found that a part still has, "" for none. The words that
// every bundle has are none.
func (v *Vault) left(name string, text []byte) string {
	switch name {
	case readmePart: // of what the other parts say
		return ""
	case aboutPart, eventsPart, reportPart:
		return v.inJSON(text)
	}
	name, _ = strings.CutPrefix(name, filesFolder)
	if name == scenarioPart || name == listPart {
		name = ""
	}
	return v.in(name + "\n" + string(text))
}

// errNone says that a file is no bundle.
var errNone = errors.New("this is no bundle of 'spafleet run --bundles'")

// Read reads a bundle that anybody may have made. It takes no more memory than a
// bundle of the largest size.
func Read(text []byte) (*Bundle, error) {
	if len(text) > MostBytes || !IsBundle(text) {
		return nil, errNone
	}
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNone, err)
	}
	if len(archive.File) > mostParts {
		return nil, fmt.Errorf("%w: it has %d parts", errNone, len(archive.File))
	}
	b := &Bundle{Files: map[string][]byte{}}
	places := map[string]*[]byte{scenarioPart: &b.Scenario, listPart: &b.List, eventsPart: &b.Events, reportPart: &b.Report, aboutPart: new([]byte), readmePart: new([]byte)}
	seen, left := map[string]bool{}, mostWhole
	for _, f := range archive.File {
		name, below := strings.CutPrefix(f.Name, filesFolder)
		to := places[f.Name]
		if seen[f.Name] || to == nil && !(below && fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, "\\:\x00")) {
			return nil, fmt.Errorf("%w: it has a part %.100q, or has it twice", errNone, f.Name)
		}
		seen[f.Name] = true
		part, err := readPart(f, left)
		if err != nil {
			return nil, fmt.Errorf("%w: %.100q: %w", errNone, f.Name, err)
		}
		if left -= len(part); to != nil {
			*to = part
		} else {
			b.Files[name] = part
		}
	}
	if escapes.Match(b.Events) || hasControls(string(b.Events)) {
		return nil, fmt.Errorf("%w: its events have control characters", errNone)
	}
	return b, b.understand(*places[aboutPart])
}

// escapes are control characters as JSON has them: a terminal would obey them.
var escapes = regexp.MustCompile(`(?i)(?:^|[^\\])(?:\\\\)*\\(?:u00(?:[01]|7f|[89])|b|f)`)

// hasControls reports whether a text has control characters but for line ends.
func hasControls(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) })
}

// readPart reads a part of at most so many bytes, whatever it says of its size.
func readPart(f *zip.File, most int) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, int64(most)+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > most:
		return nil, fmt.Errorf("all parts together have more than %d bytes", mostWhole)
	}
	return text, nil
}

// understand reads what the bundle is of.
func (b *Bundle) understand(text []byte) error {
	if len(text) > mostAbout {
		return fmt.Errorf("%w: %s has %d bytes", errNone, aboutPart, len(text))
	}
	if err := json.Unmarshal(text, &b.About); err != nil {
		return fmt.Errorf("%w: %s: %w", errNone, aboutPart, err)
	}
	a := &b.About
	switch decoded, err := json.Marshal(a); {
	case err != nil || escapes.Match(decoded) || hasControls(string(decoded)):
		return fmt.Errorf("%w: %s has control characters", errNone, aboutPart)
	case a.Format != Format:
		return fmt.Errorf("the bundle has format %d, and this spafleet reads format %d", a.Format, Format)
	case a.Devices < 1 || a.Devices > device.MaxDevices || int(a.Device.Index) >= a.Devices:
		return fmt.Errorf("%w: it is of device %d of %d", errNone, a.Device.Index, a.Devices)
	case !(a.Duration >= 0 && a.Duration < 1e9) || a.Start.Year() < 1990 || a.Start.Year() > 2200:
		return fmt.Errorf("%w: its time is not one", errNone)
	case len(a.Flags) > mostFlags || len(a.Params) > mostParams:
		return fmt.Errorf("%w: it has %d flags and %d parameters", errNone, len(a.Flags), len(a.Params))
	}
	return nil
}

// readme says for a person what a bundle is.
func (b *Bundle) readme() string {
	a := &b.About
	var t strings.Builder
	fmt.Fprintf(&t, "A failure of one device of a fleet, written by spafleet %s.\n\n", a.Program)
	fmt.Fprintf(&t, "scenario  %s, seed %d, clock %s\n", a.Name, a.Seed, a.Clock)
	fmt.Fprintf(&t, "device    %d of %d: %s %s, MAC %s, serial %s\n", a.Device.Index, a.Devices, a.Device.Model, a.Device.Firmware, a.Device.MAC, a.Device.Serial)
	for i, line := range a.Failure.Lines() {
		fmt.Fprintf(&t, "%-10s%s\n", []string{"failure", ""}[min(i, 1)], line)
	}
	t.WriteString("\nspafleet run THIS-FILE replays it in simulated time, without sockets.\nspafleet why THIS-FILE tells what the device did.\n")
	if a.Refusal != "" {
		fmt.Fprintf(&t, "\nIt cannot be replayed: %s.\n", a.Refusal)
	}
	for _, n := range a.Notes {
		fmt.Fprintf(&t, "\n* %s\n", n)
	}
	if a.Secrets > 0 {
		fmt.Fprintf(&t, "\nSecrets are not in this file. %d stand-ins of the same length are in their places.\n", a.Secrets)
	}
	return t.String()
}
