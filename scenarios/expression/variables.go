package expression

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"spafleet/device"
	"spafleet/device/rule"
)

// Who says which device it is.
type Who struct {
	Index    int               `expr:"index"`
	Group    string            `expr:"group"`
	Model    string            `expr:"model"`
	Family   string            `expr:"family"`
	PN       string            `expr:"pn"`
	Firmware string            `expr:"firmware"`
	MAC      string            `expr:"mac"`
	Serial   string            `expr:"serial"`
	Address  string            `expr:"address"`
	Since    func(string) bool `expr:"since"`
	Before   func(string) bool `expr:"before"`
}

// DeviceVars are the names of an expression about one device.
type DeviceVars struct {
	Who
	State    string              `expr:"state"`
	Powered  bool                `expr:"powered"`
	Synced   bool                `expr:"synced"`
	OffHook  bool                `expr:"off_hook"`
	Lines    int                 `expr:"registered"` // lines that are registered
	Reboots  int                 `expr:"reboots"`
	Err      string              `expr:"err"`
	Resyncs  Outcomes            `expr:"resyncs"`
	Upgrades Outcomes            `expr:"upgrades"`
	Fetches  Outcomes            `expr:"fetches"`
	Params   Elements            `expr:"params"`
	Cert     Cert                `expr:"cert"`
	Elapsed  time.Duration       `expr:"elapsed"`
	Uptime   time.Duration       `expr:"uptime"`      // since its firmware started; 0 without power and while it boots
	Next     time.Duration       `expr:"next_resync"` // [NoTimer]: none is set
	Param    func(string) string `expr:"param"`
	Events   func(string) int    `expr:"events"`
	Last     func(string) Event  `expr:"last"`
	Secret   func(string) string `expr:"secret"`
}

// Outcomes counts what succeeded and what failed.
type Outcomes struct {
	OK     int `expr:"ok"`
	Failed int `expr:"failed"`
}

// Elements counts the elements of applied profiles that a device did not know, or whose
// values it did not take.
type Elements struct {
	Unknown  int `expr:"unknown"`
	Rejected int `expr:"rejected"`
}

// A Cert is the client certificate of a device.
type Cert struct {
	Status string `expr:"status"` // as $CCERT has it
}

// NoTimer stands for the time until something that is not to come.
const NoTimer = -time.Second

// EventVars are those of an expression about one event, of always and never.
type EventVars struct {
	DeviceVars
	Event Event `expr:"event"`
}

// SeenVars are those of an expression about what an operator sees of a device: who it
// is, and the events of [SeenKinds].
type SeenVars struct {
	Who
	Elapsed time.Duration      `expr:"elapsed"`
	Events  func(string) int   `expr:"events"`
	Last    func(string) Event `expr:"last"`
	Event   Event              `expr:"event"`
}

// SeenKinds are the kinds of events that an operator sees.
var SeenKinds = []string{device.Syslog.String(), device.Wire.String(), device.ServerLog.String()}

// Seen returns what an operator sees of a device at an event.
func (v *DeviceVars) Seen(e Event) SeenVars {
	return SeenVars{Who: v.Who, Elapsed: v.Elapsed, Events: v.Events, Last: v.Last, Event: e}
}

// RequestVars are those of a {{ }} in what the server sends.
type RequestVars struct {
	DeviceVars
	Key        string `expr:"key"`
	Dir        string `expr:"dir"`
	NextKey    string `expr:"next_key"`
	NextDir    string `expr:"next_dir"`
	Generation int    `expr:"generation"`
}

// An Event is an event as expressions see it.
type Event struct {
	Kind    string        `expr:"kind"`
	At      time.Duration `expr:"at"` // since the scenario began
	Took    time.Duration `expr:"took"`
	Cause   string        `expr:"cause"`
	Via     string        `expr:"via"`
	Err     string        `expr:"err"`
	Result  string        `expr:"result"`
	Partly  string        `expr:"partly"`
	Changed int           `expr:"changed"`
	Line    int           `expr:"line"`
	State   string        `expr:"state"`
	From    string        `expr:"from"`
	To      string        `expr:"to"`
	Text    string        `expr:"text"`
	// Of syslog: those of the line, 16 and 6 where it is for Syslog_Server too.
	Facility int `expr:"facility"`
	Severity int `expr:"severity"`
	File
}

// A File is the transfer of an event.
type File struct {
	Rule       string   `expr:"rule"`
	What       string   `expr:"what"`
	Scheme     string   `expr:"scheme"`
	Host       string   `expr:"host"`
	Port       int      `expr:"port"`
	Path       string   `expr:"path"`
	Status     int      `expr:"status"`
	Bytes      int      `expr:"bytes"`
	Phase      string   `expr:"phase"`
	TFTPError  int      `expr:"tftp_error"`
	Said       string   `expr:"said"`
	TLSError   int      `expr:"tls_error"` // OpenSSL's number
	Alert      int      `expr:"alert"`
	Protection []string `expr:"protection"`
	Secrets    int      `expr:"secrets"` // readable on the line
}

// EventOf returns an event as expressions see it. Start is when the scenario
// began.
func EventOf(e *device.Event, start int64) Event {
	h := Event{
		Kind: e.Name(), At: time.Duration(e.At - start), Took: time.Duration(e.Took), Cause: e.Cause.String(), Via: e.Via.String(),
		Err: e.Err, Result: e.Result.String(), Changed: e.Count, State: e.State.String(), Text: e.Text, From: e.From,
	}
	switch e.Kind {
	case device.UpgradeOK:
		h.To = e.Text
	case device.Syslog:
		h.Facility, h.Severity = e.Log.Facility(), e.Log.Severity()
	case device.Notify, device.NotifyChallenged, device.NotifyFailed:
		h.Changed, h.Status = 0, e.Count
	case device.Registered, device.Unregistered, device.RegistrationFailed, device.Subscribed, device.SubscriptionFailed:
		h.Changed, h.Line = 0, e.Count
	}
	if f := e.File; f != nil {
		h.What, h.Scheme, h.Host, h.Path = f.What, f.Scheme, f.Host, f.Path
		h.Port, h.Status, h.Bytes, h.Protection = int(f.Server.Port()), f.Status, f.Bytes, f.Protection.Names()
		h.Partly, h.Secrets = f.Partly, f.Secrets
		h.TLSError, h.Alert, h.Phase, h.TFTPError, h.Said = f.TLSError, int(f.Alert), f.Phase.String(), f.Refusal, f.Said
		switch f.Rule {
		case 0: // a parameter names the file
		case 'u':
			h.Rule = "url"
		default:
			h.Rule = string(rune(f.Rule))
		}
	}
	return h
}

// Identify fills in the names that say which device this is.
func (v *DeviceVars) Identify(u *device.Unit, group string, seed uint64) {
	m := u.Row.Model
	v.Group, v.Model, v.Family, v.PN, v.Firmware = group, m.Name, m.Family.Name, u.Row.PN(), u.Row.Firmware.Version
	v.MAC, v.Serial, v.Address = u.MAC.String(), u.Serial, u.IP.String()
	suffix := u.Row.Behaviour.Rules.IgnoreSuffix
	v.Since = func(version string) bool { return rule.CompareVersions(v.Firmware, version, suffix) >= 0 }
	v.Before = func(version string) bool { return rule.CompareVersions(v.Firmware, version, suffix) < 0 }
	v.Secret = func(word string) string { return Secret(seed, v.MAC, word) }
}

// Look fills in who a device is, and what can be seen of it.
func (v *DeviceVars) Look(d *device.View, group string, seed uint64) {
	v.Identify(&d.Unit, group, seed)
	v.State, v.Powered, v.OffHook, v.Lines = d.State.String(), d.Powered, d.InUse, d.Registered
	v.Cert.Status = d.Unit.Certificate()
	v.Uptime, v.Next = 0, Until(d.Due, d.Now)
	if d.Answers() {
		v.Uptime = time.Duration(max(d.Now-d.Booted, 0))
	}
	v.Param = func(name string) string {
		value, _ := d.Params.Lookup(name)
		return value
	}
}

// Until returns how long it is from a moment of fleet time to a timer; a timer of 0 is
// none.
func Until(timer, at int64) time.Duration {
	if timer == 0 {
		return NoTimer
	}
	return time.Duration(max(timer-at, 0))
}

// Stranger returns the names for a request of no device of the fleet: the index is
// -1, and there are neither parameters nor events.
func Stranger(mac, serial, pn string, seed uint64) DeviceVars {
	never := func(string) bool { return false }
	return DeviceVars{
		Who:    Who{Index: -1, MAC: mac, Serial: serial, PN: pn, Since: never, Before: never},
		Next:   NoTimer,
		Param:  func(string) string { return "" },
		Events: func(string) int { return 0 },
		Last:   func(string) Event { return Event{} },
		Secret: func(word string) string { return Secret(seed, mac, word) },
	}
}

// Secret returns 64 hexadecimal digits that follow from seed, device and word.
func Secret(seed uint64, mac, word string) string {
	sum := sha256.Sum256([]byte(strconv.FormatUint(seed, 10) + "\x00" + mac + "\x00" + word))
	return hex.EncodeToString(sum[:])
}
