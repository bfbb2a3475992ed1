package device

import (
	"fmt"
	"net/netip"

	"spafleet/device/model"
	"spafleet/device/phase"
	"spafleet/device/profile"
	"spafleet/device/syslog"
	"spafleet/fsm"
)

// A Kind says what an event is about.
type Kind uint8

// The kinds of events. Their names, as String gives them, are what logs and
// expectations use.
const (
	PowerOn Kind = iota + 1
	PowerOff
	Boot
	ResyncStarted
	ResyncOK
	ResyncFailed
	Fetched
	FetchFailed
	Applied
	UpgradeStarted
	UpgradeOK
	UpgradeFailed
	ReportOK
	ReportFailed
	Web
	IVR
	Syslog
	Leased             // an address by DHCP
	LeaseFailed        // none, or no longer
	Notify             // a NOTIFY was accepted
	NotifyChallenged   // one without credentials was asked for them: the first half of most
	NotifyFailed       // one was refused
	Registered         // a REGISTER was granted
	Unregistered       // a registration was given up, or lost
	RegistrationFailed // a REGISTER failed
	Subscribed         // a SUBSCRIBE to the state of a line's mailbox was granted
	SubscriptionFailed // such a SUBSCRIBE failed
	// Wire and ServerLog are what others see of the device: a tap on its line, and
	// the built-in server. They exist only in a fleet that is asked for them, and do
	// not count: their N is that of the device's next event.
	Wire      // one connection or transfer, when it is over
	ServerLog // one line of the server's log
	Moved     // a move of the lifecycle: its name is that of the move
	// Late is no act of the device: for this machine it had to wait. Each attempt
	// has one as it starts, which Took may say came in time, and one more for each
	// wait for a descriptor or a port. Its N is that of the device's next event.
	// Event logs and expectations leave it out.
	Late
	// The kinds that follow say why a device does what it does. They are told where
	// something asks for them (fleet.Config.Reasons), have the N of the device's next
	// event, and expectations leave them out.
	Decided // a rule was evaluated
	Timer   // what the device waits for until its next timer, once it has nothing else to do
	Waits   // something is due, and waits for what the text says
	numKinds
)

var kindNames = [numKinds]string{"", "power_on", "power_off", "boot", "resync_started", "resync_ok", "resync_failed",
	"fetch", "fetch_failed", "applied", "upgrade_started", "upgrade_ok", "upgrade_failed", "report_ok", "report_failed", "web", "ivr", "syslog", "leased", "lease_failed", "notify", "notify_challenged", "notify_failed",
	"registered", "unregistered", "registration_failed", "subscribed", "subscription_failed", "wire", "server_log", "moved", "late",
	"rule", "timer", "waits"}

// String returns the kind's name.
func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Counted reports whether events of the kind take a number of the device's count: who
// watches a device, or asks for its reasons, changes nothing.
func (k Kind) Counted() bool { return k <= Moved && k != Wire && k != ServerLog }

// Reason reports whether the kind says why a device does what it does.
func (k Kind) Reason() bool { return k > Late }

// KindNames returns the names of what devices do, lifecycle moves included.
func KindNames() []string {
	var names []string
	names = append(names, kindNames[1:Moved]...)
	for _, e := range fsm.Events() {
		names = append(names, e.String())
	}
	return names
}

// An Event is something that happened to a device, the one stream that metrics,
// logs, reports and expectations read. (At, Dev, N) orders events, the same for
// any number of loops.
type Event struct {
	At     int64 // fleet time, nanoseconds since the Unix epoch
	Dev    Index
	N      uint32 // the device's own count
	Kind   Kind
	Cause  model.Cause       // of resync_*: what started it; of notify; of *registered, subscribed and their failures: power_on, periodic for a refresh, retry
	Move   fsm.Event         // of a move
	State  fsm.State         // after the event
	Via    Via               // of customized
	Reason Reason            // of boot
	Result Result            // of resync_*, fetch_failed, upgrade_*, unregistered, registration_failed and subscription_failed
	Reboot model.RebootClass // of applied, with reasons: what the changes ask for
	Err    string            // $ERR of a failure, the device's wording; of rule: the mistake in it; of notify_failed: why it was refused; of unregistered, registration_failed, subscription_failed: the status, dns or timeout
	From   string            // of wire: who broke it off, device or server, "" where it went well; of upgrade_ok: the version before
	Text   string            // of syslog, server_log: the line; of web, ivr: what was asked; of notify*: the event that it names; of *registered, subscribed and their failures: the server; of upgrade_ok: the version; of boot: which parameters of a file differed; of leased: address, server and time; of lease_failed, rule, timer, waits: why
	Log    syslog.Priority   // of syslog: the line's facility and severity
	Count  int               // of applied: values changed; of rule: the alternative that was taken, 0 for none; of notify*: the status answered, 0: no answer; of *registered, subscribed and their failures: the line
	Took   int64             // of resync_ok, resync_failed, upgrade_ok, upgrade_failed: fleet time since it was due, nanoseconds; of registered, subscribed and their failures: since the first request was sent; of late: wall time; of timer: until it runs out, -1 for never
	File   *File             // of fetch, fetch_failed, applied and resync_*: the (last) file; of rule: which rule; nil where there was none
}

// Name returns the event's name: its kind, or the name of its move.
func (e *Event) Name() string {
	if e.Kind == Moved {
		return e.Move.String()
	}
	return e.Kind.String()
}

// Slowness reports whether a machine that is too slow to run the device can have
// caused this failure: the time was up, or the server closed a connection on
// which nothing had been said. It cannot cause a refusal, or a file of no use.
func (e *Event) Slowness() bool {
	switch e.Result {
	case Timeout, NoDNS, Interrupted, Backoff:
		return true
	case NoConnect:
		return e.File != nil && e.File.Took.FirstByte > 0
	}
	return false
}

// A File is one transfer as its device saw it. It is shared between events and
// must not be changed.
type File struct {
	Rule       byte   // A to D; 'U' for Upgrade_Rule, 'R' for Report_Rule, 'u' for a URL command; 0 for an extra file
	What       string // profile, image, report, ca or customization; of an extra file its kind, as in model.ExtraFile
	Param      string // of an extra file: the parameter that names it
	Scheme     string
	Host       string
	Server     netip.AddrPort
	Path       string
	Repeat     int // how often the device had asked for it before, at once, after transfers that failed
	Status     int // HTTP status or 200/404 for TFTP; 0: none came
	Bytes      int
	Result     Result
	Phase      phase.Phase // where it failed; 0 where it did not
	Wait       int64       // of result timeout: the wait that ran out, nanoseconds
	Refusal    int         // the code of a TFTP server's ERROR, 1 for a missing file, in phase status
	Said       string      // the first printable characters of what the server sent in place of the file
	TLSError   int         // OpenSSL's number for the server's certificate that was refused, 50 for a wrong name, else 0
	Alert      uint8       // the fatal alert of a TLS connection that failed, 0 for none
	Protection profile.Protection
	Unknown    []string // parameters of the file that the model lacks
	Rejected   []string // parameters whose value in the file was not taken
	Refused    []string // the beginnings of those values, in the same order
	Partly     string   // which part of the file counts, if not all of it does: "up to line 7: " and why
	Hint       string   // for a person: why a file that came could not be used, or not all of it
	Took       Phases
	onWire
}

// onWire is what goes over the line beside the file itself.
type onWire struct {
	Sent   int // bytes of a body that the device sent
	Resent int // packets of TFTP that were sent again
	// Secrets is how many passwords, keys and other credentials of the file and of the
	// request could be read on the line. Those of the file count only where a fleet is
	// asked for them.
	Secrets int
}

// Answered reports whether a server said anything, even if it was of no use.
func (f *File) Answered() bool {
	return f.Status != 0 || f.Bytes > 0 || f.Result == OK || f.Result == TLSFailed
}

// Phases are the durations of a transfer's parts in wall time, nanoseconds.
type Phases struct {
	DNS, Connect, TLS, FirstByte, Body, Decode, Apply int64
}

// Whole returns the sum of the phases up to the last byte.
func (p Phases) Whole() int64 { return p.DNS + p.Connect + p.TLS + p.FirstByte + p.Body }

// A Result classes how a transfer or resync ended.
type Result uint8

const (
	OK Result = iota
	NotFound
	Corrupt
	Decrypt
	NoDNS
	NoConnect
	Timeout
	TLSFailed
	BadStatus
	BadScheme
	BadRule
	Interrupted
	Restricted // a server outside Restricted_Access_Domains
	Backoff    // the server sent a back-off mark
	numResults
)

var resultNames = [numResults]string{"ok", "not_found", "corrupt", "decrypt", "dns", "connect", "timeout", "tls", "status", "scheme", "rule", "interrupted",
	"restricted", "backoff"}

// String returns the result as metrics name it.
func (r Result) String() string { return resultNames[r] }
