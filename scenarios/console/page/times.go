package page

import (
	"fmt"
	"time"

	"spafleet/scenarios/report/webpage"
)

// counted says how many of a thing there are, in thousands: 1 204 phones.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return webpage.Count(n) + " " + what + "s"
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// perSecond writes a rate, below ten with a digit behind the point.
func perSecond(rate float64) string {
	if rate > 0 && rate < 10 {
		return fmt.Sprintf("%.1f", rate)
	}
	return webpage.Count(int64(rate + .5))
}

// stamp writes a moment of fleet time for machines and for the pointer.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// clock writes a moment of fleet time, with the day where that is another one than now's.
func clock(now, at time.Time) string {
	now, at = now.UTC(), at.UTC()
	if now.Format("20060102") == at.Format("20060102") {
		return at.Format("15:04:05")
	}
	return at.Format("2 Jan 15:04:05")
}

// relative says how far a moment is from now: 12s ago, in 1h 5m, now.
func relative(now, at time.Time) string {
	switch d := at.Sub(now); {
	case d >= time.Second/2:
		return "in " + lasted(d)
	case d <= -time.Second/2:
		return lasted(-d) + " ago"
	}
	return "now"
}

// lasted writes how long something lasts with its two largest units.
func lasted(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	for _, u := range []struct {
		length, part  int64
		name, partial string
	}{{86400, 3600, "d", "h"}, {3600, 60, "h", "m"}, {60, 1, "m", "s"}} {
		switch {
		case s < u.length:
		case s%u.length/u.part == 0:
			return fmt.Sprintf("%d%s", s/u.length, u.name)
		default:
			return fmt.Sprintf("%d%s %d%s", s/u.length, u.name, s%u.length/u.part, u.partial)
		}
	}
	return fmt.Sprintf("%ds", s)
}
