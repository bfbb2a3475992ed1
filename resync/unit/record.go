package unit

import (
	"net/netip"
	"slices"

	"spafleet/device"
	"spafleet/device/dhcp"
	"spafleet/device/model"
	"spafleet/device/sip"
	"spafleet/resync"
)

// A Record is all that is kept of a device when the program ends: what a Unit
// holds without what belongs to a run.
type Record struct {
	Dev      device.Index
	Firmware string
	Params   device.Params
	Life     device.Life
	Flags    uint16 // of [RecordFlags]
	Timers   [RecordTimers]int64
	Booted   int64
	Last     int64
	Count    uint32 // of events and timers
	Draws    uint32
	Resyncs  struct{ OK, Failed uint32 }
	Run      uint8 // at most RecordRun
	Cause    model.Cause
	Reboot   model.RebootClass
	Doing    device.Order
	Why      model.Cause

	Fired   int64 // when a trigger last started an attempt
	Target  resync.UpgradeTarget
	Upgrade resync.UpgradeHistory
	CommandRecord
	Custom  *Custom
	Trusted *resync.Authority
	Told    device.Params // zero: it has reported nothing
	Reason  device.Reason // of the last boot, or of one that is under way
	Extras  ExtraRecord
	NetworkRecord
}

// A NetworkRecord is what is kept of a device's lines and of its lease.
type NetworkRecord struct {
	Lines  []sip.LineRecord
	Leased netip.Addr // the address that it had of a DHCP server; zero: none
}

// A CommandRecord is what is kept of a device's orders.
type CommandRecord struct {
	Pending []device.Command // that wait until it is free
	Delayed *device.Command  // that waits a random delay
	Asked   *device.Command  // that it carries out
}

// An ExtraRecord is what is kept of a device's files beside profile and image, and of its
// directory.
type ExtraRecord struct {
	Kept  []uint64   // keys of those in flash
	Tried []ExtraTry // since the last boot

	Directory device.Directory
}

// A Custom is what a device got by remote customization.
type Custom struct {
	Company  string
	Defaults device.Params // what a factory reset returns to (documented)
}

// What can stand in a record.
const (
	RecordFlags   = uint16(lastFlag<<1-1) &^ uint16(queued)
	RecordTimers  = int(numTimers)
	RecordRun     = mostRun
	RecordPending = 8 * mostPending
)

// Record returns what is kept of a device.
func (s *Shared) Record(dev device.Index, u *Unit) Record {
	r := Record{
		Dev: dev, Firmware: s.Row(u).Firmware.Version, Params: u.params, Life: u.life, Flags: uint16(u.flags) & RecordFlags,
		Timers: timing{u}.all(), Booted: u.booted, Last: u.last, Count: u.n, Draws: u.draws, Run: u.run, Cause: u.cause, Reboot: u.reboot, Doing: u.doing, Why: u.why, Reason: u.reason,
	}
	r.Resyncs.OK, r.Resyncs.Failed = u.ok, u.failed
	r.Extras.Kept = s.kept.keys(u.kept)
	r.Lines = u.lines.Record()
	o := u.opt
	if o == nil {
		return r
	}
	r.Fired, r.Delayed, r.Asked, r.Custom, r.Trusted, r.Told = o.fired, o.delayed, o.asked, o.custom, o.trusted, o.told
	r.Extras.Directory = o.directory
	r.Target, r.Upgrade = u.upgrades().target, u.upgrades().history
	r.Pending = slices.Clone(o.pending) // the device deletes in place
	r.Extras.Tried = slices.Clone(o.tries)
	if o.net != nil {
		if r.Leased = o.net.client.Had(); o.net.saved { // as it was before
			r.Leased, r.Timers[forcedTimer] = o.net.before, o.net.forced
			r.Flags &^= uint16(booting)
		}
	}
	return r
}

// Restore turns a device that [Shared.New] made into the one of a record.
func (s *Shared) Restore(u *Unit, r *Record) {
	row := u.group
	if s.Row(u).Firmware.Version != r.Firmware {
		row = s.rowAt(row, r.Firmware)
	}
	kept := s.kept.swap(u.kept, r.Extras.Kept)
	*u = Unit{
		attempt: None, group: u.group, row: row, params: r.Params, life: r.Life, flags: flags(r.Flags),
		booted: r.Booted, last: r.Last, n: r.Count, draws: r.Draws, kept: kept, ok: r.Resyncs.OK, failed: r.Resyncs.Failed,
		run: r.Run, cause: r.Cause, reboot: r.Reboot, doing: r.Doing, why: r.Why, reason: r.Reason, lines: sip.Restore(r.Lines),
		opt: &optional{pending: r.Pending, delayed: r.Delayed, asked: r.Asked, told: r.Told, trusted: r.Trusted, custom: r.Custom, fired: r.Fired, tries: r.Extras.Tried, directory: r.Extras.Directory},
	}
	all := timers(r.Timers)
	if u.has(booting) && u.reason == 0 { // in files of older versions only power booted, by the resync timer
		u.reason = device.ByPower
		all = timers{bootTimer: all[resyncTimer]}
	}
	if u.has(isCustom) && r.Custom == nil {
		u.opt.custom = &Custom{Defaults: s.presets(r.Dev, u).At(&s.Profiles.Layers, s.Row(u).Factory)}
	}
	if state := (upgradeState{r.Target, r.Upgrade}); state != (upgradeState{}) {
		u.opt.upgrade = &state
	}
	if r.Leased.IsValid() {
		u.opt.net = &leased{client: dhcp.Remember(r.Leased)}
	}
	timing{u}.setAll(all)
	u.trim()
}
