// Package resync says when a device resyncs and what one attempt does.
//
// [Attempt] is one resync: it evaluates the rules A to D in order, fetches,
// decodes and applies what they ask for, and returns what happened. [Upgrade] is
// one firmware upgrade, [Customize] one remote customization, [FetchExtra] one
// file beside profile and image. All are straight
// blocking functions that ask their [Env] for everything outside the device;
// they neither sleep nor retry. *When* they run is pure arithmetic: [Schedule]
// for the timers, [Triggers] for conditions. The sockets are in package fetch,
// the waiting in package fleet.
//
// A device's failure is data: an attempt that fails returns an [Outcome] with
// the text that the device would log as $ERR.
package resync

import (
	"time"

	"spafleet/device"
	"spafleet/device/model"
)

// Input is a device as an attempt gets it: copies, which the attempt may keep.
type Input struct {
	Unit     device.Unit
	Params   device.Params
	Life     device.Life
	Lease    Lease
	Cause    model.Cause
	Command  *device.Command // of a resync or upgrade command; nil for a timer
	Booted   int64           // fleet time of the last boot
	Lost     [2]int64        // fleet times since when lines 1 and 2 have no registration; 0: they have one
	Last     int64           // fleet time of the last attempt's start, or by switch of its end; 0 for none
	Upgrade  UpgradeHistory
	Applied  LastApplied   // of the last body applied, zero after any other change
	CA       *Authority    // of the outcome before; nil for none
	Profiles *ProfileCache // shared by the fleet
	// ReportBody makes the body of a report: all parameters, or with delta those
	// that changed since the last one; with status the status document.
	ReportBody func(delta, status bool) []byte
	Extra      *model.Extra // the file that [FetchExtra] asks for; nil for none
	// Customized says that remote customization has been done: $ISCUST.
	Customized bool
	Nonce      uint64 // a draw of this attempt: what its client nonces are made of
	Tapped     bool   // each connection and transfer has an event of its own, see [device.Wire]
	Reasons    bool   // tell why: events of the kind Decided, and which reboot an applied file asks for
	// Wall returns wall time in nanoseconds, to measure lookups, decoding and
	// applying by; nil: World.Now.
	Wall func() int64
}

// UpgradeHistory is what a device remembers of its upgrade attempts.
type UpgradeHistory struct {
	Last    int64  // fleet time of the last attempt's start, 0 for none
	Err     string // $ERR of the last attempt, the new version if it succeeded
	Retries int    // failures in a row
}

// An Outcome is what an attempt came to.
type Outcome struct {
	Params  device.Params
	Life    device.Life
	Events  []device.Event // not yet committed, in order
	OK      bool
	Aborted bool // the context ended: power loss, reboot, end of the run
	Err     string
	Reboot  model.RebootClass // asked for by the changes, after the whole sequence
	Differs string            // which changes those are, in words
	Applied LastApplied
	CA      *Authority    // what the device trusts from now on beside its firmware's authorities; nil for nothing
	Wait    time.Duration // the server asked to be left alone for so long
	Version string        // of an upgrade that succeeded
	Refused bool          // of an upgrade: an image came, and was refused
	Extra   *model.Extra  // the input's
	// Custom is what a customization that succeeded brought.
	Custom   *Custom
	NotFound bool // it failed because the server has no such file
}

// situation returns what the macros say while the attempt runs.
func (in *Input) situation(now int64) device.Situation {
	s := device.Situation{PRVST: in.Unit.Row.Behaviour.PRVST(in.Cause), UPGST: 1, UPGERR: in.Upgrade.Err, Customized: in.Customized}
	if in.Upgrade.Retries > 0 {
		s.UPGST = 2
	}
	timers := TimersOf(in.Booted, in.Last, in.Upgrade.Last, in.Lost)
	timers.fill(&s, now)
	return s
}
