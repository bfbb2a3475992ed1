package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxText is the most characters of a value. The web pages of four models stop
// there (field); that longer values of a file are cut is inferred.
const maxText = 2047

// Take returns how a device stores a value that a profile, a rule or a page
// gives this parameter, and whether it takes it at all: one that it does not
// take leaves the old value in place and the rest of the file in force
// (provisioning.md §5.5: inferred). Two spellings of one value are stored alike,
// so that they are no change; the factory's own default is stored as it is.
// What no document forbids is taken.
func (p *Param) Take(value string) (stored string, ok bool) {
	if value == p.Default {
		return value, true
	}
	t := p.dataType
	if t == nil {
		t = dataTypeOf(p)
	}
	return t.take(p, value)
}

// DataType returns the kind of value that a parameter takes, in the words of
// the maker's guides where they have one, and how sure the rule is.
func (p *Param) DataType() Fact {
	t := p.dataType
	if t == nil {
		t = dataTypeOf(p)
	}
	return Fact{Value: t.name, Evidence: t.evidence}
}

// typeTexts say what parameters of a type take.
var typeTexts = map[string]string{
	"Bool":       "Yes or No",
	"Schedule":   "seconds, as in 3600 or 30,60+10",
	"Port":       "a port, 0 to 65535",
	"Uns16":      "a whole number, 0 to 65535",
	"Uns32":      "a whole number",
	"Uns8":       "a byte in hexadecimal",
	"Uns8 or IP": "a number, 0 to 255, or an IP address",
	"Time3":      "seconds with up to three decimals",
	"PwrLevel":   "a number with one decimal",
	"IP":         "an IP address",
	"IP or FQDN": "an IP address or a name",
	"ActCode":    "a star code, up to 7 characters",
	"UserID":     "up to 63 characters",
	"Phone":      "up to 39 characters",
	"ToneScript": "up to 127 characters",
	"CadScript":  "up to 127 characters",
}

// Takes says in words what a parameter takes, and how sure that is.
func (p *Param) Takes() string {
	kind := p.DataType()
	text := typeTexts[kind.Value]
	switch {
	case kind.Value == "Choice":
		text = "one of " + strings.Join(p.Options, ", ")
	case text == "":
		text = kind.Value
	}
	return fmt.Sprintf("%s (%s)", text, kind.Evidence)
}

// A dataType is a row of the table below.
type dataType struct {
	column   string            // of the catalogue; empty: any
	of       func(*Param) bool // nil: all of the column
	name     string
	evidence Evidence // of the rule; which parameters fall under it is the catalogue's guess
	take     func(p *Param, value string) (string, bool)
}

// dataTypes says what devices take; the first row that fits a parameter holds.
// The limits are those of provisioning.md §5.5, the words for booleans and the
// choices of profile-formats.md §1.5. Everywhere, that a value outside of them is
// passed over, is inferred.
var dataTypes = [...]dataType{
	{"bool", nil, "Bool", Documented, takeBool},
	{"choice", nil, "Choice", Field, takeChoice},

	// Lists of seconds, each with a random part (§1.6: documented); + and - are
	// in the firmware's alphabet (field). Blank is off.
	{"uint", named("Resync_Periodic", "Resync_Error_Retry_Delay", "Upgrade_Error_Retry_Delay"), "Schedule", Documented, takeSchedule},
	{"uint", isPort, "Port", Documented, unsigned(1<<16 - 1)},
	{"uint-or-empty", isPort, "Port", Documented, orEmpty(unsigned(1<<16 - 1))},
	{"uint", named("Resync_At_Random_Delay"), "Uns16", Documented, unsigned(1<<16 - 1)}, // §1.1
	// Of these the device shows the last number of an address; that a whole
	// address is taken is inferred.
	{"uint", suffixed("_IP_Address"), "Uns8 or IP", Inferred, either(unsigned(255), takeIP)},
	// The catalogue calls them whole because their defaults are.
	{"uint", isTimer, "Time3", Inferred, decimal(3, false)},
	{"uint", nil, "Uns32", Inferred, unsigned(1<<32 - 1)},
	{"uint-or-empty", nil, "Uns32", Inferred, orEmpty(unsigned(1<<32 - 1))},
	{"hex", nil, "Uns8", Inferred, takeHex},                // the type of service is a byte
	{"int", nil, "PwrLevel", Documented, decimal(1, true)}, // gains and levels in dB
	{"float", nil, "Time3", Documented, decimal(3, false)}, // that n is 3: inferred

	// A server's name where the guide says address: an RC template's DNS servers
	// may be names (documented).
	{"ip", suffixed("_DNS"), "IP or FQDN", Documented, either(takeIP, atMost(63))},
	{"ip", nil, "IP", Documented, orEmpty(takeIP)},

	{"string", isActCode, "ActCode", Documented, atMost(7)},
	{"string", isUserID, "UserID", Documented, atMost(63)},
	{"string", isPhone, "Phone", Documented, atMost(39)},
	{"tone", nil, "ToneScript", Documented, atMost(127)},
	{"cadence", nil, "CadScript", Documented, atMost(127)},

	// Rules, messages, dial plans, keys and all other text: cut at the length of
	// a page's field. A limit of GPP_A and its like is unknown (Q17), and so is
	// one of passwords in files: 255 is that of the page's field.
	{"rule", nil, "ProvisioningRuleSyntax", Field, takeText},
	{"dialplan", nil, "DialPlanScript", Field, takeText},
	{"", nil, "Str2047", Field, takeText},
}

// dataTypeOf finds the row of a parameter; the last fits all.
func dataTypeOf(p *Param) *dataType {
	i := slices.IndexFunc(dataTypes[:], func(t dataType) bool {
		return (t.column == "" || t.column == p.Type) && (t.of == nil || t.of(p))
	})
	return &dataTypes[i]
}

func named(names ...string) func(*Param) bool {
	return func(p *Param) bool { return slices.Contains(names, p.Name) }
}

func suffixed(end string) func(*Param) bool {
	return func(p *Param) bool { return strings.HasSuffix(p.Name, end) }
}

// stem returns a parameter's name without the number of its line.
func stem(name string) string {
	if at := strings.LastIndexByte(strings.TrimSuffix(name, "_"), '_'); strings.HasSuffix(name, "_") && at > 0 {
		return name[:at]
	}
	return name
}

func isPort(p *Param) bool {
	name := stem(p.Name)
	return strings.HasSuffix(name, "_Port") || strings.HasSuffix(name, "_Port_Min") || strings.HasSuffix(name, "_Port_Max") || name == "Starting_Port"
}

// isTimer goes by the section of the pages: the values of those are in seconds.
func isTimer(p *Param) bool {
	return strings.HasSuffix(p.Group, "_Timer_Values__sec_") || strings.HasSuffix(stem(p.Name), "_Splash_Len")
}

func isActCode(p *Param) bool {
	return strings.HasSuffix(p.Name, "_Act_Code") || strings.HasSuffix(p.Name, "_Deact_Code")
}

func isUserID(p *Param) bool { return stem(p.Name) == "User_ID" }

// isPhone holds for where calls are forwarded to on the analog units; on phones
// such a value may be longer and name a server.
func isPhone(p *Param) bool {
	return strings.HasPrefix(p.Name, "Cfwd_") && strings.HasSuffix(stem(p.Name), "_Dest") && strings.HasPrefix(p.Group, "User_")
}

// Flags that the firmware reads as on and off (profile-formats.md §1.5:
// documented). Any other text is neither.
var boolWords = map[string]bool{
	"Yes": true, "yes": true, "Enable": true, "enable": true, "1": true,
	"No": false, "no": false, "Disable": false, "disable": false, "0": false,
}

// ParseBool reads one of the words that the firmware takes for on and off; ok is
// false for any other text.
func ParseBool(word string) (on, ok bool) {
	on, ok = boolWords[word]
	return on, ok
}

// What is stored has the spelling of the
// default, which for all known sets is that of exports: Yes and No (field).
func takeBool(p *Param, value string) (string, bool) {
	on, ok := boolWords[value]
	switch {
	case !ok:
		return "", false
	case p.Default != "" && boolWords[p.Default] == on:
		return p.Default, true
	case on:
		return "Yes", true
	}
	return "No", true
}

// takeChoice takes an option as it is written, and the default even where the
// options lack it.
func takeChoice(p *Param, value string) (string, bool) {
	return value, value == p.Default || slices.Contains(p.Options, value)
}

func takeSchedule(_ *Param, value string) (string, bool) {
	for i := range len(value) {
		if c := value[i]; (c < '0' || c > '9') && c != ',' && c != '+' && c != '-' && c != ' ' {
			return "", false
		}
	}
	return cut(value), true
}

func orEmpty(take func(*Param, string) (string, bool)) func(*Param, string) (string, bool) {
	return func(p *Param, value string) (string, bool) {
		if value == "" {
			return "", true
		}
		return take(p, value)
	}
}

func either(a, b func(*Param, string) (string, bool)) func(*Param, string) (string, bool) {
	return func(p *Param, value string) (string, bool) {
		if stored, ok := a(p, value); ok {
			return stored, true
		}
		return b(p, value)
	}
}

// takeIP takes an address of four numbers, and stores it as it is written.
func takeIP(_ *Param, value string) (string, bool) {
	rest, more := value, true
	for range 4 {
		var part string
		if !more {
			return "", false
		}
		part, rest, more = strings.Cut(rest, ".")
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || n > 255 || !allDigits(part) {
			return "", false
		}
	}
	return value, !more
}

// atMost takes texts of a documented length.
func atMost(n int) func(*Param, string) (string, bool) {
	return func(_ *Param, value string) (string, bool) { return value, len(value) <= n }
}

func takeText(_ *Param, value string) (string, bool) { return cut(value), true }

func cut(value string) string { return value[:min(len(value), maxText)] }
