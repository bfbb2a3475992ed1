package device

import (
	"strconv"
	"strings"
	"time"

	"spafleet/device/model"
)

// A Clock is a device's local time: its time zone, and its daylight saving rule
// where that is on. The zero Clock is GMT. A time offset by DHCP option 2 and
// the parameter Time_Offset are left out.
type Clock struct {
	zone       time.Duration // east of Greenwich
	start, end turn
	save       time.Duration // 0: no daylight saving
}

// Clock reads the device's clock. A zone that is not GMT, GMT+hh:mm or GMT-hh:mm
// counts as GMT, a rule that cannot be read as none. The SPA1xx have both in their router
// configuration (export: field).
func (p Params) Clock() Clock {
	name, ok := p.Lookup("Time_Zone")
	if !ok {
		return p.routerClock()
	}
	c := Clock{zone: zoneOf(strings.TrimSpace(name))}
	rule, _ := p.Lookup("Daylight_Saving_Time_Rule")
	if rule == "" || !p.Bool("Daylight_Saving_Time_Enable", true) {
		return c
	}
	c.readRule(rule)
	return c
}

// CertificateTime returns the fleet time by which a device judges certificates: the
// right time where its firmware's clock is set, else the time since its boot, from 1970
// on. By the switch cert_clock=ntp the clock is set while NTP is on and a parameter
// names an NTP server; that this one exists, and answers before anything is asked for,
// is taken for granted. Models without such a parameter are taken to have a server.
func (p Params) CertificateTime(r *model.Row, booted, now int64) int64 {
	switch clock := r.Behaviour.TLS.Clock; {
	case clock == "always", clock == "ntp" && p.hasNTP():
		return now
	}
	return max(now-booted, 0)
}

// hasNTP reports whether the device asks an NTP server for the time.
func (p Params) hasNTP() bool {
	if !p.Bool("NTP_Enable", true) {
		return false
	}
	first, known := p.Lookup("Primary_NTP_Server")
	second, _ := p.Lookup("Secondary_NTP_Server")
	return !known || strings.TrimSpace(first+second) != ""
}

func zoneOf(name string) time.Duration {
	t, err := time.Parse("GMT-07:00", name)
	if err != nil {
		return 0
	}
	_, offset := t.Zone()
	return time.Duration(offset) * time.Second
}

// routerClock reads the clock of a SPA1xx. Its zone is -08 1 1 or +01 2 2: hours, and
// two numbers that tell zones of the same hours apart (field; that they mean no more is
// inferred). Which daylight saving a zone has without a rule is not known: none.
func (p Params) routerClock() (c Clock) {
	const setup = "router-configuration/Time_Setup/"
	zone, _ := p.Lookup(setup + "Time_Zone")
	hours, _, _ := strings.Cut(strings.TrimSpace(zone), " ")
	if d, ok := parseHours(strings.TrimPrefix(hours, "+")); ok {
		c.zone = d
	}
	if rule, _ := p.Lookup(setup + "Daylight_Saving_Time_Rule"); rule != "" && p.Bool(setup+"Auto_Adjust_Clock", true) {
		c.readRule(rule)
	}
	return c
}

// readRule reads start=month/day/weekday[/time];end=…;save=time. The form is that
// of the admin guides; that a rule with a mistake counts as none is inferred.
func (c *Clock) readRule(rule string) {
	var start, end turn
	var save time.Duration
	ok := [3]bool{}
	for part := range strings.SplitSeq(rule, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "start":
			start, ok[0] = parseTurn(value)
		case "end":
			end, ok[1] = parseTurn(value)
		case "save":
			save, ok[2] = parseHours(value)
		}
	}
	if ok == [3]bool{true, true, true} {
		c.start, c.end, c.save = start, end, save
	}
}

// A turn is a moment of each year, in the time that is in force before it.
type turn struct {
	month   time.Month
	day     int // -1: the last of the month
	weekday int // 1 Monday to 7 Sunday: the first on or after day, with a negative day the last on or before it; 0: day itself
	at      time.Duration
}

func parseTurn(text string) (t turn, ok bool) {
	parts := strings.SplitN(text, "/", 4)
	if len(parts) < 3 {
		return t, false
	}
	var n [3]int
	for i := range n {
		v, err := strconv.Atoi(strings.TrimSpace(parts[i]))
		if err != nil {
			return t, false
		}
		n[i] = v
	}
	t = turn{month: time.Month(n[0]), day: n[1], weekday: n[2]}
	if len(parts) == 4 {
		if t.at, ok = parseHours(parts[3]); !ok {
			return t, false
		}
	}
	return t, n[0] >= 1 && n[0] <= 12 && n[1] >= -31 && n[1] <= 31 && n[1] != 0 && n[2] >= 0 && n[2] <= 7
}

// parseHours reads hh[:mm[:ss]], which may be negative.
func parseHours(text string) (d time.Duration, ok bool) {
	text, negative := strings.CutPrefix(strings.TrimSpace(text), "-")
	unit := time.Hour
	for part := range strings.SplitSeq(text, ":") {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || unit < time.Second {
			return 0, false
		}
		d += time.Duration(n) * unit
		unit /= 60
	}
	if negative {
		d = -d
	}
	return d, true
}

// in returns a turn's moment in a year, on the clock face.
func (t turn) in(year int) time.Time {
	day := time.Date(year, t.month, t.day, 0, 0, 0, 0, time.UTC)
	step := 1
	if t.day < 0 {
		day = time.Date(year, t.month+1, 1+t.day, 0, 0, 0, 0, time.UTC)
		step = -1
	}
	for t.weekday != 0 && int(day.Weekday()) != t.weekday%7 {
		day = day.AddDate(0, 0, step)
	}
	return day.Add(t.at)
}

// Local returns what the device's clock shows at a fleet time: the date and time
// of the result are to be read, its zone carries the offset.
func (c Clock) Local(at int64) time.Time {
	offset := c.offset(at)
	return time.Unix(0, at).In(time.FixedZone("", int(offset/time.Second)))
}

func (c Clock) offset(at int64) time.Duration {
	standard := time.Unix(0, at).UTC().Add(c.zone)
	if c.save == 0 {
		return c.zone
	}
	start, end := c.start.in(standard.Year()), c.end.in(standard.Year()).Add(-c.save)
	summer := !standard.Before(start) && standard.Before(end)
	if end.Before(start) { // south of the equator
		summer = !standard.Before(start) || standard.Before(end)
	}
	if summer {
		return c.zone + c.save
	}
	return c.zone
}

// NextDaily returns the first fleet time after now at which the device's clock
// shows a time of day. A time that daylight saving passes over comes an hour
// later by the clock, one that it repeats counts the first time.
func (c Clock) NextDaily(now int64, daily time.Duration) int64 {
	local := c.Local(now)
	for day := -1; ; day++ {
		face := time.Date(local.Year(), local.Month(), local.Day()+day, 0, 0, 0, 0, time.UTC).Add(daily)
		at := face.Add(-c.zone).UnixNano()
		if early := at - int64(c.save); c.offset(early) != c.zone {
			at = early
		}
		if at > now {
			return at
		}
	}
}
