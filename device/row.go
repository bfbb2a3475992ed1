package device

import (
	"fmt"
	"strings"
	"time"

	"spafleet/device/profile"
	"spafleet/resync/rule"
)

// A Row is one model at one firmware with its switches: everything that does
// not differ between two devices of the same make. Rows are shared and must not
// be changed.
type Row struct {
	Model      *Model
	Firmware   Firmware
	Generation int // 1 to 4 (provisioning.md §0.3)
	Factory    *Factory
	Behaviour  Behaviour
	Switches   []Setting // what made the behaviour, in the order of the table
}

// NewRow returns the row of a model and firmware, its newest for "", with the
// given switches turned. Unknown names and values are errors that say what is
// known.
func NewRow(model, firmware string, turned map[string]string) (*Row, error) {
	m, err := FindModel(model)
	if err != nil {
		return nil, err
	}
	f, err := m.findFirmware(firmware)
	if err != nil {
		return nil, err
	}
	return m.row(f, turned)
}

func (m *Model) row(f Firmware, turned map[string]string) (*Row, error) {
	r := &Row{Model: m, Firmware: f, Generation: m.generation(f.Version), Factory: m.Factory()}
	settings, err := settle(r, turned)
	if err != nil {
		return nil, err
	}
	r.Switches = settings
	return r, nil
}

// At returns the row of the same model and switches at another firmware, as
// after an upgrade. The version need not be one that the model is known to run.
func (r *Row) At(version string) (*Row, error) {
	f, err := r.Model.findFirmware(version)
	if err != nil {
		f = Firmware{Version: version, Evidence: Inferred}
	}
	turned := map[string]string{}
	for _, s := range r.Switches {
		if s.Turned {
			turned[s.Name] = s.Value
		}
	}
	return r.Model.row(f, turned)
}

// generation returns the firmware generation. Versions 1.x and 2.x of the
// second are the first; the numbers of the Linux-based units do not compare.
func (m *Model) generation(version string) int {
	f := m.Family
	if f.Generation == 2 && f != &voiceRouter && rule.CompareVersions(version, "3.0.0", false) < 0 {
		return 1
	}
	return f.Generation
}

// brand returns the name that a firmware uses for its maker: 4.x phones still
// said Sipura (call logs: field).
func (r *Row) brand() string {
	if r.Model.Family == &phone9xx && rule.CompareVersions(r.Firmware.Version, "5.0.0", false) < 0 {
		return "Sipura"
	}
	return r.Model.Brand.Value
}

// PN returns the product name, with the hyphen behind SPA that the row's switch
// says. Names that do not begin with SPA have no place for one.
func (r *Row) PN() string {
	bare, ok := strings.CutPrefix(r.Model.PN.Value, "SPA")
	switch bare = strings.TrimPrefix(bare, "-"); {
	case !ok:
		return r.Model.PN.Value
	case r.Behaviour.Hyphen:
		return "SPA-" + bare
	}
	return "SPA" + bare
}

// UserAgent returns what a device sends to HTTP servers.
func (r *Row) UserAgent(mac MAC, serial string) string {
	if r.Model.Family.UA == UAMACSerial {
		return fmt.Sprintf("%s/%s-%s (%s)(%s)", r.brand(), r.PN(), r.Firmware.Version, mac.Upper(), serial)
	}
	return fmt.Sprintf("%s/%s-%s (%s)", r.brand(), r.PN(), r.Firmware.Version, serial)
}

// older reports whether this is first-generation firmware before a version. The
// numbers of other generations do not compare.
func (r *Row) older(version string) bool {
	return r.Generation == 1 && rule.CompareVersions(r.Firmware.Version, version, false) < 0
}

// Speaks reports whether the firmware has a client for a URL's scheme: https came
// with 2.0.6 (documented).
func (r *Row) Speaks(scheme string) bool {
	return scheme == "tftp" || scheme == "http" || scheme == "https" && !r.older("2.0.6")
}

// Lookup returns the parameter of that name, false where the firmware lacks it.
// Before 2.0.11, GPP_D was the last of its kind (documented).
func (r *Row) Lookup(name string) (*Param, bool) {
	p, ok := r.Factory.Lookup(name)
	late := len(name) == 5 && strings.HasPrefix(name, "GPP_") && name[4] >= 'E' && r.older("2.0.11")
	return p, ok && !late
}

// Dialect returns the rule language of the firmware.
func (r *Row) Dialect() rule.Dialect {
	return rule.Dialect{
		NoSubstrings:      r.older("2.0.11"),
		IgnoreSuffix:      r.Behaviour.IgnoreVersionSuffix,
		RefuseOrder:       r.Behaviour.RefuseStringOrder,
		NoNesting:         r.Behaviour.RefuseNesting,
		CommentInQuotes:   r.Behaviour.CommentInQuotes,
		NoEscapes:         r.Behaviour.NoQuoteEscapes,
		OptionalSemicolon: r.Behaviour.OptionalSemicolon,
		AnyCase:           r.Behaviour.AnyRuleCase,
		AnyMacroCase:      r.Behaviour.AnyMacroCase,
	}
}

// Reading returns how the firmware reads files, without what differs by device and
// rule: Key, Keyed, MAC and Aliases are for the caller to add.
func (r *Row) Reading() profile.Options {
	b := &r.Behaviour
	return profile.Options{
		Family: r.Model.Family.Name, Limit: b.ProfileLimit,
		AcceptPlainUnderKey: b.PlainUnderKey, EmptyElementClears: b.EmptyElementClears, Nested: b.NestedSections,
		ApplyBroken: b.ApplyBroken, StrictAmpersand: b.StrictAmpersand, CDATA: b.CDATA,
		EmptyForeign: b.NoFlatProfile, AcceptSource: b.PlainSource,
		CompiledOnly: r.older("2.0.6"), ShortKeys: r.older("2.0"),
	}
}

// Behaviour is a row's switches in the form in which the engine reads them.
type Behaviour struct {
	RandomDelayUnit                                                               time.Duration // of Resync_Random_Delay
	RetryAtOnce                                                                   bool          // Resync_Error_Retry_Delay 0 retries after a second
	AnyChangeReboots                                                              bool
	ResyncAfterParamReboot                                                        bool
	TFTPWait                                                                      time.Duration // per try
	TFTPTries                                                                     int
	Option66Transport                                                             bool // a bare address in option 66 heeds Transport_Protocol
	ProfileLimit                                                                  int  // bytes
	PlainUnderKey                                                                 bool // a plain file is taken under a rule with --key
	EmptyElementClears                                                            bool
	NestedSections                                                                bool // router-configuration blocks apply
	HTTP10                                                                        bool
	Redirects                                                                     Redirects
	AbsoluteRedirects                                                             bool   // a Location without scheme is not followed
	RedirectedPostGets                                                            bool   // after 301 and 302; after 303 every POST does
	PostType                                                                      string // Content-Type of --post, "" for none
	IgnoreVersionSuffix                                                           bool
	ExactDomains                                                                  bool // Restricted_Access_Domains names hosts, not what is below them
	BackoffMarker                                                                 bool // ####n#m# at the start of a file sends the device away
	HTTPAuth                                                                      bool // challenges are answered with --uid and --pwd
	HTTPConnect, HTTPRead                                                         time.Duration
	SyslogPriority                                                                int    // -1: no prefix
	SuccessErr                                                                    bool   // the factory's success message ends with $ERR
	Hyphen                                                                        bool   // $PN is SPA-…, not SPA…
	RulesFromStart                                                                bool   // rules B to D are those of the pass's start
	RuleErr                                                                       string // $ERR of a rule that cannot be read
	RefuseStringOrder, RefuseNesting                                              bool   // of package rule's Dialect
	CommentInQuotes, NoQuoteEscapes, OptionalSemicolon, AnyRuleCase, AnyMacroCase bool   // likewise
	CommandThenRules                                                              bool   // a URL command stands for rule A, and B to D follow
	PlainErrTexts                                                                 bool   // only the two documented texts of a failed file
	FirstAddress                                                                  bool   // of a name
	NextAlternative                                                               bool   // a rule goes on to its next alternative when a file fails
	RebootAfterRule                                                               bool   // not only after the whole sequence
	FactoryAccess                                                                 bool   // a missing ua returns to the factory's access
	ApplyBroken                                                                   bool   // a malformed XML file applies up to its mistake
	StrictAmpersand                                                               bool   // a bare one makes the file malformed
	CDATA                                                                         bool   // sections are text
	NoFlatProfile                                                                 bool   // an XML file without flat-profile is an empty profile
	PlainSource                                                                   bool   // compiler source is taken as it is
}

// Redirects is which redirects a firmware follows.
type Redirects uint8

const (
	NoRedirects    Redirects = iota
	MovedRedirects           // 301 and 302
	AllRedirects             // 303, 307 and 308 too
)

// Follows reports whether an answer's status is a redirect that is followed.
func (r Redirects) Follows(status int) bool {
	switch status {
	case 301, 302:
		return r != NoRedirects
	case 303, 307, 308:
		return r == AllRedirects
	}
	return false
}

// A Setting is a switch with the value it has in a row.
type Setting struct {
	Name     string   `json:"name"`
	Value    string   `json:"value"`
	Choices  string   `json:"choices"`
	Meaning  string   `json:"meaning"`
	Evidence Evidence `json:"evidence"`
	Turned   bool     `json:"turned"` // by the tester
}

// settle reads the switch table for a row and fills its behaviour.
func settle(r *Row, turned map[string]string) ([]Setting, error) {
	settings := make([]Setting, 0, len(switches))
	known := map[string]bool{}
	for _, sw := range switches {
		known[sw.name] = true
		value := sw.value(r)
		s := Setting{sw.name, value.Value, sw.choices, sw.meaning, value.Evidence, false}
		if v, ok := turned[sw.name]; ok {
			s.Value, s.Turned = v, true
		}
		if err := sw.apply(&r.Behaviour, s.Value); err != nil {
			return nil, fmt.Errorf("switch %s: %q is not one of %s", sw.name, s.Value, sw.choices)
		}
		settings = append(settings, s)
	}
	for name := range turned {
		if !known[name] {
			return nil, fmt.Errorf("unknown switch %q%s; 'spafleet models show %s' lists them", name, DidYouMean(name, switchNames()), r.Model.Name)
		}
	}
	return settings, nil
}

func switchNames() []string {
	var names []string
	for _, sw := range switches {
		names = append(names, sw.name)
	}
	return names
}

// ParseAssignments reads NAME=VALUE texts as of --switch and --set.
func ParseAssignments(texts []string) (map[string]string, error) {
	m := map[string]string{}
	for _, t := range texts {
		name, value, ok := strings.Cut(t, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is not NAME=VALUE", t)
		}
		m[name] = value
	}
	return m, nil
}
