package device

import (
	"net/netip"
	"strconv"

	"spafleet/device/model"
	"spafleet/device/rule"
)

// A Unit is a device's identity: what stays the same whatever it is provisioned
// with. It is computed, not stored; see [NewUnit].
type Unit struct {
	Index  Index
	Row    *model.Row
	MAC    model.MAC
	Serial string
	IP     netip.Addr // its own address
	CCERT  string     // what $CCERT says of its certificate; "" reads as Not Installed
}

// NewUnit returns the identity of a fleet's device.
func NewUnit(r *model.Row, seed uint64, i Index, ip netip.Addr) Unit {
	return Unit{Index: i, Row: r, MAC: MACOf(r.Model, seed, i), Serial: serialOf(r.Model, seed, i), IP: ip}
}

// Certificate returns the text of $CCERT and of the admin pages.
func (u *Unit) Certificate() string {
	if u.CCERT == "" {
		return "Not Installed"
	}
	return u.CCERT
}

// UserAgent returns what the device sends to HTTP servers.
func (u *Unit) UserAgent() string { return u.Row.UserAgent(u.MAC, u.Serial) }

// A Situation is what the macros say about the moment: timers in seconds, why
// this resync runs, and during a transfer, which one it is (provisioning.md §4).
type Situation struct {
	PRVST      int       // -1 explicit, 0 power-up, 1 periodic, 2 retry
	PRVTMR     int       // since the last resync attempt
	UPGTMR     int       // since the last upgrade attempt
	REGTMR     [2]int    // since a line lost its registration, 0 while registered
	UPGST      int       // 1 first attempt, 2 retry
	UPGERR     string    // $ERR of the previous upgrade attempt
	Customized bool      // by remote customization
	Place      *Transfer // nil outside of a transfer
}

// A Transfer names the file that a log message speaks of.
type Transfer struct {
	Scheme string
	Serv   string // server as in the URL
	ServIP netip.Addr
	Port   uint16
	Path   string
	Err    string
}

// Env answers the macros of a rule for one device at one moment. It implements
// [rule.Env].
type Env struct {
	Unit      *Unit
	Params    Params
	Situation *Situation
}

var _ rule.Env = Env{}

// Macro returns the value of $name, false for a name the firmware lacks.
func (e Env) Macro(name string) (string, bool) {
	if len(name) == 1 {
		return e.gpp(name[0])
	}
	if v, ok := e.fixed(name); ok {
		return v, true
	}
	if v, ok := e.moment(name); ok {
		return v, true
	}
	return e.userID(name)
}

// Secret returns GPP_SA to GPP_SD.
func (e Env) Secret(name string) (string, bool) {
	if len(name) != 2 || name[0] != 'S' || name[1] < 'A' || name[1] > 'D' {
		return "", false
	}
	return e.Params.Lookup("GPP_" + name)
}

const gppNames = "GPP_AGPP_BGPP_CGPP_DGPP_EGPP_FGPP_GGPP_HGPP_IGPP_JGPP_KGPP_LGPP_MGPP_NGPP_OGPP_P"

// gpp returns $A to $P; firmware before 2.0.11 had four (documented).
func (e Env) gpp(letter byte) (string, bool) {
	last := byte('P')
	if e.Unit.Row.Older("2.0.11") {
		last = 'D'
	}
	if letter < 'A' || letter > last {
		return "", false
	}
	at := int(letter-'A') * 5
	return e.Params.Lookup(gppNames[at : at+5])
}

// fixed returns macros that say what the device is.
func (e Env) fixed(name string) (string, bool) {
	u := e.Unit
	switch name {
	case "MA":
		return u.MAC.String(), true
	case "MAU":
		return u.MAC.Upper(), true
	case "MAC":
		return u.MAC.Colons(), true
	case "PN":
		return u.Row.PN(), true
	case "PSN":
		return u.Row.Model.PSN.Value, true
	case "SN":
		return u.Serial, true
	case "SWVER":
		return u.Row.Firmware.Version, true
	case "HWVER":
		return u.Row.Model.HW.Value, true
	case "IP", "EXTIP":
		return u.IP.String(), true
	case "CCERT":
		return u.Certificate(), true
	case "UPGCOND":
		return "true", true
	}
	return "", false
}

// moment returns macros that say how things stand.
func (e Env) moment(name string) (string, bool) {
	s := e.Situation
	if s == nil {
		s = &Situation{}
	}
	switch name {
	case "PRVST":
		return strconv.Itoa(s.PRVST), true
	case "PRVTMR":
		return strconv.Itoa(s.PRVTMR), true
	case "UPGTMR":
		return strconv.Itoa(s.UPGTMR), true
	case "REGTMR1":
		return strconv.Itoa(s.REGTMR[0]), true
	case "REGTMR2":
		return strconv.Itoa(s.REGTMR[1]), true
	case "UPGST":
		return strconv.Itoa(max(s.UPGST, 1)), true
	case "UPGERR":
		return s.UPGERR, true
	case "ISCUST":
		if s.Customized {
			return "1", true
		}
		return "0", true
	}
	return s.Place.macro(name)
}

// macro returns the macros of a transfer, empty between transfers.
func (t *Transfer) macro(name string) (string, bool) {
	if t == nil {
		t = &Transfer{}
	}
	switch name {
	case "SCHEME", "METH":
		return t.Scheme, true
	case "SERV":
		return t.Serv, true
	case "SERVIP":
		if !t.ServIP.IsValid() {
			return "", true
		}
		return t.ServIP.String(), true
	case "PORT":
		if t.Port == 0 {
			return "", true
		}
		return strconv.Itoa(int(t.Port)), true
	case "PATH":
		return t.Path, true
	case "ERR":
		return t.Err, true
	}
	return "", false
}

// userID returns $UID1 and so on, from 2.0.11 (documented).
func (e Env) userID(name string) (string, bool) {
	if len(name) < 4 || name[:3] != "UID" || e.Unit.Row.Older("2.0.11") {
		return "", false
	}
	return e.Params.Lookup("User_ID_" + name[3:] + "_")
}
