package tally

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"strconv"
	"sync"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/phase"
)

// An EventLog writes events as they come, each a line of JSON. What stands in a
// line is what the device did and said: never a socket's error, a free port or a
// measured time, so that two runs can be compared. It is safe for concurrent use.
type EventLog struct {
	// Redact replaces what no output may show in a line of JSON; nil: nothing.
	Redact func(line string) string

	// Unit says who a device is, for its first line; nil: nobody asks.
	Unit func(device.Index) device.Unit

	mac func(device.Index) model.MAC
	mu  sync.Mutex
	to  io.Writer
	out []byte // what is not written yet
	err error
	// What several events in a row have in common is written once.
	at     int64
	atText []byte
	dev    device.Index
	who    []byte
}

// NewEventLog returns a log to w. MAC says whose an index is.
func NewEventLog(w io.Writer, mac func(device.Index) model.MAC) *EventLog {
	return &EventLog{mac: mac, to: w, at: -1, dev: ^device.Index(0)}
}

// Tell writes events. It keeps nothing of the slice.
func (l *EventLog) Tell(events []device.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	for i := range events {
		if events[i].Kind != device.Late { // measured, and not what the device did
			from := len(l.out)
			l.out = l.appendEvent(l.out, &events[i])
			if l.Redact != nil {
				l.out = append(l.out[:from], l.Redact(string(l.out[from:]))...)
			}
		}
	}
	if len(l.out) >= mostHeld {
		l.write()
	}
}

// mostHeld is how many bytes are gathered before they are written.
const mostHeld = 256 << 10

func (l *EventLog) write() {
	_, l.err = l.to.Write(l.out)
	l.out = l.out[:0]
}

// Flush writes out what is kept, and returns what went wrong first.
func (l *EventLog) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil && len(l.out) > 0 {
		l.write()
	}
	return l.err
}

func (l *EventLog) appendEvent(b []byte, e *device.Event) []byte {
	l.turnTo(e)
	b = append(b, l.atText...)
	b = append(b, l.who...)
	if e.Kind != device.ServerLog { // which no device counts
		b = append(b, `,"n":`...)
		b = strconv.AppendUint(b, uint64(e.N), 10)
	}
	b = append(b, `,"kind":"`...)
	b = append(b, e.Name()...)
	b = append(b, `","state":"`...)
	b = append(b, e.State.String()...)
	b = append(b, '"')
	b = appendText(b, "cause", e.Cause.String())
	b = appendText(b, "via", e.Via.String())
	if e.Kind == device.Boot {
		b = appendText(b, "reason", e.Reason.String())
	}
	if e.Result != device.OK {
		b = appendText(b, "result", e.Result.String())
	}
	b = appendText(b, "err", e.Err)
	b = appendText(b, "from", e.From)
	b = appendText(b, "text", e.Text)
	if e.Kind != device.Timer {
		b = appendNumber(b, "took_ns", e.Took)
	}
	switch e.Kind {
	case device.Syslog:
		b = append(b, `,"facility":`...)
		b = strconv.AppendInt(b, int64(e.Log.Facility()), 10)
		b = append(b, `,"severity":`...)
		b = strconv.AppendInt(b, int64(e.Log.Severity()), 10)
	case device.PowerOn:
		b = l.appendUnit(b, e.Dev)
	case device.Timer:
		b = appendNext(b, e)
	case device.Applied:
		b = appendApplied(b, e)
	case device.Notify, device.NotifyChallenged, device.NotifyFailed:
		b = appendNumber(b, "status", int64(e.Count))
	case device.Registered, device.Unregistered, device.RegistrationFailed, device.Subscribed, device.SubscriptionFailed:
		b = appendNumber(b, "line", int64(e.Count))
	case device.Decided:
		b = append(b, `,"alternative":`...)
		b = strconv.AppendInt(b, int64(e.Count), 10)
		b = appendFile(b, e.File)
	case device.ResyncOK, device.ResyncFailed, device.UpgradeOK, device.UpgradeFailed: // the line of the file stands before
	default:
		if e.File != nil {
			b = appendFile(b, e.File)
		}
	}
	return append(b, "}\n"...)
}

// appendUnit adds who a device is.
func (l *EventLog) appendUnit(b []byte, dev device.Index) []byte {
	if l.Unit == nil {
		return b
	}
	u := l.Unit(dev)
	b = appendText(b, "model", u.Row.Model.Name)
	b = appendText(b, "firmware", u.Row.Firmware.Version)
	return appendText(b, "serial", u.Serial)
}

// appendApplied adds what a file has changed, and what of it was not taken.
func appendApplied(b []byte, e *device.Event) []byte {
	b = append(b, `,"changed":`...)
	b = strconv.AppendInt(b, int64(e.Count), 10)
	b = appendText(b, "reboot", e.Reboot.String())
	b = appendText(b, "partly", e.File.Partly)
	b = appendTexts(b, "unknown", e.File.Unknown)
	b = appendTexts(b, "rejected", e.File.Rejected)
	return appendTexts(b, "refused", e.File.Refused)
}

// appendNext adds when a timer runs out; nothing for one that never does.
func appendNext(b []byte, e *device.Event) []byte {
	if e.Took < 0 {
		return b
	}
	b = append(b, `,"next":"`...)
	return append(time.Unix(0, e.At+e.Took).UTC().AppendFormat(b, time.RFC3339Nano), '"')
}

// turnTo gets the beginning of a line ready.
func (l *EventLog) turnTo(e *device.Event) {
	if l.at != e.At {
		l.at = e.At
		l.atText = append(l.atText[:0], `{"at":"`...)
		l.atText = time.Unix(0, e.At).UTC().AppendFormat(l.atText, time.RFC3339Nano)
	}
	if l.dev != e.Dev {
		l.dev = e.Dev
		mac := l.mac(e.Dev)
		l.who = append(l.who[:0], `","dev":`...)
		l.who = strconv.AppendUint(l.who, uint64(e.Dev), 10)
		l.who = append(l.who, `,"mac":"`...)
		l.who = hex.AppendEncode(l.who, mac[:])
		l.who = append(l.who, '"')
	}
}

// appendFile adds a transfer without server and durations.
func appendFile(b []byte, f *device.File) []byte {
	if f.Rule != 0 {
		b = appendText(b, "rule", string(rune(f.Rule)))
	}
	b = appendText(b, "what", f.What)
	b = appendText(b, "param", f.Param)
	b = appendText(b, "scheme", f.Scheme)
	b = appendText(b, "host", f.Host)
	b = appendText(b, "path", f.Path)
	b = appendNumber(b, "repeat", int64(f.Repeat))
	b = appendNumber(b, "status", int64(f.Status))
	b = appendNumber(b, "bytes", int64(f.Bytes))
	b = appendText(b, "phase", f.Phase.String())
	b = appendNumber(b, "wait_ns", f.Wait)
	if f.Phase == phase.Status && f.Scheme == "tftp" || f.Refusal != 0 {
		b = append(b, `,"tftp_error":`...)
		b = strconv.AppendInt(b, int64(f.Refusal), 10)
	}
	b = appendText(b, "said", f.Said)
	b = appendNumber(b, "tls_error", int64(f.TLSError))
	b = appendNumber(b, "alert", int64(f.Alert))
	if f.Protection != 0 {
		b = appendText(b, "protection", f.Protection.String())
	}
	b = appendNumber(b, "secrets", int64(f.Secrets))
	return appendText(b, "hint", f.Hint)
}

func appendNumber(b []byte, name string, n int64) []byte {
	if n == 0 {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	return strconv.AppendInt(b, n, 10)
}

func appendText(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	return appendQuoted(b, text)
}

func appendTexts(b []byte, name string, texts []string) []byte {
	if len(texts) == 0 {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":[`...)
	for i, t := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, t)
	}
	return append(b, ']')
}

// appendQuoted adds a JSON string.
func appendQuoted(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text) // of a string: cannot fail
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}
