package device

import (
	"fmt"
	"strings"
	"time"

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

// Customizable reports whether the firmware knows remote customization: 5.x and
// later (documented).
func (r *Row) Customizable() bool {
	return r.Generation > 2 || rule.CompareVersions(r.Firmware.Version, "5.0.0", false) >= 0
}

// brand returns the name that a firmware uses for its maker: 4.x phones still
// said Sipura (call logs: field).
func (r *Row) brand() string {
	if r.Model.Family == &phone9xx && rule.CompareVersions(r.Firmware.Version, "5.0.0", false) < 0 {
		return "Sipura"
	}
	return r.Model.Brand.Value
}

// UserAgent returns what a device sends to HTTP servers.
func (r *Row) UserAgent(mac MAC, serial string) string {
	if r.Model.Family.UA == UAMACSerial {
		return fmt.Sprintf("%s/%s-%s (%s)(%s)", r.brand(), r.Model.PN.Value, r.Firmware.Version, mac.Upper(), serial)
	}
	return fmt.Sprintf("%s/%s-%s (%s)", r.brand(), r.Model.PN.Value, r.Firmware.Version, serial)
}

// Dialect returns the rule language of the firmware.
func (r *Row) Dialect() rule.Dialect {
	return rule.Dialect{
		NoSubstrings: r.Generation == 1 && rule.CompareVersions(r.Firmware.Version, "2.0.11", false) < 0,
		IgnoreSuffix: r.Behaviour.IgnoreVersionSuffix,
	}
}

// Behaviour is a row's switches in the form in which the engine reads them.
type Behaviour struct {
	RandomDelayUnit        time.Duration // of Resync_Random_Delay
	RetryAtOnce            bool          // Resync_Error_Retry_Delay 0 retries after a second
	ForcedCountdown        bool          // Forced_Resync_Delay runs after a call, not during it
	TimerFromEnd           bool          // $PRVTMR counts from an attempt's end
	PeriodicFromBoot       bool          // the periodic timer runs before the first success too
	PRVSTTrigger           int           // $PRVST of a resync that a trigger started
	PRVSTNotify            int           // the same, by NOTIFY
	PRVSTUpgrade           int           // the same, after an upgrade attempt
	ExplicitDelay          bool          // an ordered resync waits Resync_Random_Delay too
	RCOpens                bool          // a unit that its customization server does not know becomes Open
	TriggerEdge            bool          // a Resync_Trigger counts when it becomes true, not while it is
	TriggerFloor           time.Duration // least between two resyncs that triggers start
	AnyChangeReboots       bool
	ResyncAfterParamReboot bool
	TFTPWait               time.Duration // per try
	TFTPTries              int
	Option66Transport      bool // a bare address in option 66 heeds Transport_Protocol
	ProfileLimit           int  // bytes
	PlainUnderKey          bool // a plain file is taken under a rule with --key
	EmptyElementClears     bool
	NestedSections         bool // router-configuration blocks apply
	HTTP10                 bool
	FollowRedirects        bool
	IgnoreVersionSuffix    bool
	HTTPConnect, HTTPRead  time.Duration
	SyslogPriority         int // -1: no prefix
}

// PRVST returns the macro's value for a resync of some cause (provisioning.md
// §2.1: documented for power-on, timers and the web; keypad: inferred).
func (b *Behaviour) PRVST(c Cause) int {
	switch c {
	case ByPowerOn:
		return 0
	case ByPeriodic, ByDaily:
		return 1
	case ByRetry:
		return 2
	case ByTrigger:
		return b.PRVSTTrigger
	case ByNotify:
		return b.PRVSTNotify
	case ByUpgrade:
		return b.PRVSTUpgrade
	}
	return -1
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
