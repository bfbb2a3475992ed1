package probe

import (
	"fmt"
	"time"

	"spafleet/device/measure"
)

// A remainder says now and then how long the experiments will still take.
type remainder struct {
	began, told time.Time
	until       []time.Duration // how long those before each one were to take; the last is for all
}

// betweenRemainders is how long nothing is said of what remains.
const betweenRemainders = 5 * time.Minute

func newRemainder(list []*experiment, pace time.Duration) *remainder {
	now := time.Now()
	r := &remainder{began: now, told: now, until: []time.Duration{0}}
	for i, x := range list {
		r.until = append(r.until, r.until[i]+x.length(pace))
	}
	return r
}

// say returns what remains before the experiment at an index, in words; "" where it is too
// soon to say it again.
func (r *remainder) say(i int) string {
	now := time.Now()
	if now.Sub(r.told) < betweenRemainders {
		return ""
	}
	r.told = now
	return "about " + roughly(r.left(i, now.Sub(r.began))) + " left"
}

// left is what was planned for the rest, as much quicker or slower as what was done until now.
func (r *remainder) left(i int, took time.Duration) time.Duration {
	rest, planned := r.until[len(r.until)-1]-r.until[i], r.until[i]
	if planned <= 0 {
		return rest
	}
	ratio := min(max(float64(took)/float64(planned), 0.25), 4)
	return time.Duration(float64(rest) * ratio)
}

// roughly is a time in words, to a minute, and to ten minutes from two hours on.
func roughly(d time.Duration) string {
	minutes := max(int(d.Round(time.Minute)/time.Minute), 1)
	if minutes < 90 {
		return measure.Counted(minutes, "minute")
	}
	if minutes >= 120 {
		minutes = (minutes + 5) / 10 * 10
	}
	text := measure.Counted(minutes/60, "hour")
	if minutes%60 != 0 {
		text += fmt.Sprintf(" %d minutes", minutes%60)
	}
	return text
}
