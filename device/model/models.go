package model

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync"

	"spafleet/device/hint"
	"spafleet/device/rule"
)

// UAShape is how a device names itself to HTTP servers.
type UAShape uint8

const (
	UASerial    UAShape = iota // brand/$PN-$SWVER (serial)
	UAMACSerial                // brand/$PN-$SWVER (MAC)(serial)
)

// A Family is models that share their behaviour. Its facts hold for each of its
// models whose own row is silent, there as inferences.
type Family struct {
	Name       string
	Generation int  // 1 to 4, provisioning.md §0.3; a 1.x or 2.x firmware of generation 2 is 1
	Brand      Fact // in the User-Agent: Sipura, Linksys, Cisco
	UA         UAShape
	Router     bool   // has a LAN and a WAN side
	Phone      bool   // has a display and a keypad menu of its own
	HWVersion  Fact   // $HWVER
	HostName   Fact   // DHCP option 12 while HostName is empty
	OUI        Fact   // first three bytes of the MAC addresses of its units
	Limit      int    // most bytes of a profile (profile-formats.md §1.9: inferred)
	Boot       starts // how long its starts take
	Newest     Fact   // firmware of a model of which none was seen
	TLS        string // which models it is alike in trust, a row of package certs
}

// starts are how long a family's units take to start, each until their firmware
// can resync.
type starts struct {
	cold  Fact // from power, or a cold reboot
	warm  Fact // from a warm reboot, which keeps the DHCP lease
	flash Fact // of writing a new firmware, before the cold start that follows
}

// A Firmware is a version that a model is known to run.
type Firmware struct {
	Version  string   `json:"version"`
	Evidence Evidence `json:"evidence"`
}

// A Constraint says that a firmware may be installed only over another one or a
// later one.
type Constraint struct {
	From     string   `json:"from"` // this version and later
	Needs    string   `json:"needs"`
	Evidence Evidence `json:"evidence"`
}

// MaxLanes is how many models one maker may have.
const MaxLanes = 32

// A Model is a row of the model table.
type Model struct {
	Name         string
	Family       *Family
	PN           Fact // $PN
	PSN          Fact // $PSN
	Lines        int
	FXO          int
	OUI          Fact // first three bytes of its MAC addresses, as one or more texts of six digits
	SeriesOUI    Fact // the same, of models alike: its units may have these too; empty: none
	SerialPrefix Fact
	HW           Fact
	Brand        Fact
	DefaultRule  Fact
	Option60     Fact
	Image        Fact   // name of a firmware file, as servers have it
	Magic        Fact   // the 16 characters that its firmware images begin with
	Catalogue    Fact   // factory parameter set that its own is derived from
	Additions    string // set of parameters that it has beside, a file of catalogue; empty: none
	Firmwares    []Firmware
	Constraints  []Constraint
	// Lane is its part of the maker's address prefixes and serial numbers, below
	// [MaxLanes] and no other model's of the same maker. It is fixed once and for
	// all: from it come the MAC addresses and serial numbers of its devices.
	Lane int

	own, series []prefix // OUI and SeriesOUI
}

// Maker returns whose address prefixes and serial numbers a model has.
func (m *Model) Maker() string {
	if m.Brand.Value == "Cisco" {
		return "Cisco"
	}
	return "Linksys"
}

// Newest returns the newest firmware that was seen, or where none was, the
// newest that is inferred.
func (m *Model) Newest() Firmware {
	best := m.Firmwares[0]
	for _, f := range m.Firmwares[1:] {
		if better(f, best) {
			best = f
		}
	}
	return best
}

func better(a, b Firmware) bool {
	seen := func(f Firmware) bool { return f.Evidence != Inferred }
	if seen(a) != seen(b) {
		return seen(a)
	}
	return rule.CompareVersions(a.Version, b.Version, false) > 0
}

// Factory returns the model's factory parameters, with the defaults of its latest
// firmware; see [Factory.At].
func (m *Model) Factory() *Factory { return catalogue().model[m.Name] }

// All yields the models in the order of the table. They must not be changed.
func All() iter.Seq[*Model] {
	return func(yield func(*Model) bool) {
		for i := range models {
			if !yield(&models[i]) {
				return
			}
		}
	}
}

// FindModel returns the model of that name. Case does not count, and $PN is
// taken too. The error names the nearest model.
func FindModel(name string) (*Model, error) {
	if m := modelCalled(name); m != nil {
		return m, nil
	}
	var names []string
	for m := range All() {
		names = append(names, m.Name)
	}
	return nil, hint.With(fmt.Errorf("unknown model %q%s", name, DidYouMean(name, names)), hint.Models, "")
}

// modelCalled returns the model of a name or a $PN, nil for none.
func modelCalled(name string) *Model {
	for m := range All() {
		if strings.EqualFold(m.Name, name) || strings.EqualFold(m.PN.Value, name) {
			return m
		}
	}
	return nil
}

// findFirmware returns the model's firmware of that version, its newest for "". A
// version that the table lacks is taken, as inferred, where it can be read.
func (m *Model) findFirmware(version string) (Firmware, error) {
	if version == "" {
		return m.Newest(), nil
	}
	if f, ok := m.knownFirmware(version); ok {
		return f, nil
	}
	if readableVersion.MatchString(version) {
		return Firmware{version, Inferred}, nil
	}
	var names []string
	for _, f := range m.Firmwares {
		names = append(names, f.Version)
	}
	return Firmware{}, fmt.Errorf("firmware %q of %s cannot be read%s; versions look like %s",
		version, m.Name, DidYouMean(version, names), m.Newest().Version)
}

// readableVersion is three numbers and, of some, a letter or more in or without
// parentheses.
var readableVersion = regexp.MustCompile(`^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,6}[0-9A-Za-z._()-]{0,20}$`)

func (m *Model) knownFirmware(version string) (Firmware, bool) {
	for _, f := range m.Firmwares {
		if f.Version == version {
			return f, true
		}
	}
	return Firmware{}, false
}

// relative returns the known firmware that is nearest to a version: the last one
// before it, else the first.
func (m *Model) relative(version string) Firmware {
	sorted := slices.SortedFunc(slices.Values(m.Firmwares), func(a, b Firmware) int { return rule.CompareVersions(a.Version, b.Version, false) })
	best := sorted[0]
	for _, f := range sorted {
		if rule.CompareVersions(f.Version, version, false) <= 0 {
			best = f
		}
	}
	return best
}

// models finishes the table: what a row lacks comes from its family.
func finish(rows []Model) []Model {
	for i := range rows {
		m := &rows[i]
		f := m.Family
		m.Brand = m.Brand.or(f.Brand)
		m.PN = m.PN.or(inferred(m.Name))
		m.PSN = m.PSN.or(inferred(strings.TrimPrefix(strings.TrimPrefix(m.PN.Value, "SPA-"), "SPA")))
		m.withPrefixes()
		m.HW = m.HW.or(f.HWVersion)
		m.DefaultRule = m.DefaultRule.or(inferred("/spa$PSN.cfg"))
		m.Magic = m.Magic.or(inferred(magicOf(m.PSN.Value)))
		if m.SerialPrefix.Value == "" && m.Maker() == "Cisco" {
			m.SerialPrefix = inferred("CCQ")
		}
		if len(m.Firmwares) == 0 {
			m.Firmwares = []Firmware{{f.Newest.Value, Inferred}}
		}
	}
	return rows
}

// magicOf guesses the beginning of a model's firmware images, after that of the SPA3102.
func magicOf(name string) string {
	if len(name) > 4 {
		name = name[len(name)-4:]
	}
	return fmt.Sprintf("SpA%-4s FiRmWaRe", name)
}

// TakesImage reports whether the model may take a firmware image that begins so. Of a
// model whose own beginning is only inferred, nothing says that it refuses one that is
// of no other model.
func (m *Model) TakesImage(magic string) bool {
	switch {
	case magic == m.Magic.Value:
		return true
	case m.Magic.Evidence != Inferred:
		return false
	}
	for other := range All() {
		if other.Magic.Value == magic {
			return false
		}
	}
	return true
}

// is9xx reports whether a model is one of the SPA9xx phones, without its forerunners.
func (m *Model) is9xx() bool { return m.Family == &phone9xx && strings.HasPrefix(m.Name, "SPA9") }

// DidYouMean returns `; did you mean "x"?` for the nearest of the choices, or
// nothing where none is near. A choice of which the word is more than the first
// half is nearer than any other.
func DidYouMean(word string, choices []string) string {
	at := nearest(word, choices, len(word)/3+1)
	if at == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", at)
}

// nearest returns the nearest of the choices that is not more than most letters away,
// in small or capital ones; "" for none.
func nearest(word string, choices []string, most int) string {
	best, at := most+1, ""
	word = strings.ToLower(word)
	for _, c := range choices {
		begun := len(c) > len(word) && 2*len(word) > len(c) && strings.EqualFold(c[:len(word)], word)
		if d := len(c) - len(word); !begun && max(d, -d) >= best {
			continue
		}
		d := 0
		if !begun {
			d = distance(word, strings.ToLower(c))
		}
		if d < best {
			best, at = d, c
		}
	}
	return at
}

// distance is the number of letters to add, drop or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// versions makes firmware of one evidence.
func versions(e Evidence, list ...string) []Firmware {
	out := make([]Firmware, len(list))
	for i, v := range list {
		out[i] = Firmware{v, e}
	}
	return out
}

// seen and recalled join the two columns of the model table.
func seen(list ...string) []Firmware { return versions(Field, list...) }

func andRecalled(seen []Firmware, list ...string) []Firmware {
	return slices.Concat(seen, versions(Inferred, list...))
}

// phone7 is the version list of the SPA30x/50x series: seen for the series, not
// proven on each of its models.
var phone7 = sync.OnceValue(func() []Firmware {
	return seen("7.4.3a", "7.4.4", "7.4.6", "7.4.7", "7.4.8a", "7.4.9", "7.4.9a", "7.4.9c", "7.5.1a", "7.5.2", "7.5.2b", "7.5.3", "7.5.4", "7.5.5",
		"7.5.5b", "7.5.6(XU)", "7.5.6a", "7.5.6b", "7.5.7", "7.5.7s", "7.6.0", "7.6.1", "7.6.2", "7.6.2SR1", "7.6.2SR2", "7.6.2SR3",
		"7.6.2SR4", "7.6.2SR5", "7.6.2SR6", "7.6.2SR7", "7.6.2b", "7.6.2c", "7.6.2f", "7.6.2g")
})
