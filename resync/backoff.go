package resync

import (
	"bytes"
	"strconv"
	"time"

	"spafleet/device"
)

// backoff reads the mark ####n#m# at the start of a file, by which a server seems
// to tell a device to stay away (texts of a late firmware; that n are seconds
// from now is inferred, what m means is unknown).
func backoff(body []byte) (time.Duration, bool) {
	rest, ok := bytes.CutPrefix(body, []byte("####"))
	if !ok {
		return 0, false
	}
	first, rest, ends := bytes.Cut(rest[:min(len(rest), 24)], []byte("#"))
	second, _, closed := bytes.Cut(rest, []byte("#"))
	n, err := strconv.ParseUint(string(first), 10, 31)
	_, err2 := strconv.ParseUint(string(second), 10, 31)
	return time.Duration(n) * time.Second, ends && closed && err == nil && err2 == nil
}

// sentAway ends an attempt whose file is a back-off mark; nil where it is none,
// or the firmware does not look.
func (a *attempt) sentAway(body []byte) *failure {
	wait, ok := backoff(body)
	if !ok || !a.in.Unit.Row.Behaviour.BackoffMarker {
		return nil
	}
	a.wait = wait
	a.file.Result = device.Backoff
	a.tell(device.Event{Kind: device.FetchFailed, File: a.file, Err: errBackoff, Result: device.Backoff})
	return &failure{errBackoff, device.Backoff}
}
