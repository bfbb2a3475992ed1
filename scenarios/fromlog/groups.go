package fromlog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"spafleet/device/measure"
)

// The bounds of a scenario that is made.
const (
	mostGroups = 24
	mostRules  = 4 // Profile_Rule to Profile_Rule_D
)

// A group is devices that ask for the same files as often.
type group struct {
	name     string
	files    []int32 // in the order in which they are asked for
	left     int     // files beyond those of four rules
	period   int     // seconds; 0: not known
	extra    int     // seconds of chance on top of it
	retry    int     // seconds; 0: not known
	missing  bool    // the devices take it well that a file is not there
	once     bool    // they were not seen again, though the log goes on
	short    bool    // and where the log is too short to tell
	phase    time.Duration
	makes    map[uint16]int
	units    []int32
	seen     gapCounts
	joined   int // devices with other files that are counted here
	firstAt  int64
	lastAt   int64
	sameTime bool // they ask in a small part of the period
}

// gapCounts are how many gaps between two passes were what.
type gapCounts struct{ periodic, boots, retries int }

// habit is what a device does, as far as its own requests tell.
type habit struct {
	files   []int32
	period  int
	retry   int
	missing bool
}

// habitOf reads what a device does.
func (s *Survey) habitOf(d *unit) habit {
	var h habit
	most := uint32(0)
	for _, u := range d.uses {
		most = max(most, u.count)
	}
	good, bad := 0, 0
	for _, u := range d.uses {
		if u.count == 0 || 2*u.count < most {
			continue
		}
		h.files = append(h.files, u.name)
		if name := &s.names.list[u.name]; name.Failed > name.OK {
			bad++
		} else {
			good++
		}
	}
	slices.SortFunc(h.files, func(a, b int32) int {
		x, y := &s.names.list[a], &s.names.list[b]
		return cmp.Or(cmp.Compare(y.Begins*(x.OK+x.Failed+1), x.Begins*(y.OK+y.Failed+1)), cmp.Compare(a, b))
	})
	var after, failed []int
	d.each(func(seconds int, afterFailure bool) {
		if afterFailure {
			failed = append(failed, seconds)
		} else {
			after = append(after, seconds)
		}
	})
	if h.missing = bad > 0 && good > 0 && len(failed) > len(after); h.missing {
		after, failed = failed, nil
	}
	h.period, h.retry = median(after), median(failed)
	return h
}

func median(list []int) int {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// share returns the value of which a share of a sorted list is below.
func share(sorted []int, part float64) int { return sorted[int(part*float64(len(sorted)-1))] }

// usual are the intervals that people set.
var usual = []int{5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 600, 900, 1200, 1800, 2700, 3600, 5400, 7200, 10800, 14400, 21600, 28800, 43200, 64800, 86400, 172800, 259200, 604800}

// rounded returns the interval that a person would have set where a log shows this one:
// a usual one within 4 %, of less than a minute within 10 %; else a number of two digits.
func rounded(seconds int) int {
	for _, u := range usual {
		near := max(2, u/25)
		if u < 60 {
			near = u / 10
		}
		if max(u-seconds, seconds-u) <= near {
			return u
		}
	}
	unit := 1
	for seconds/unit >= 100 {
		unit *= 10
	}
	return (seconds + unit/2) / unit * unit
}

// group puts all devices into groups.
func (s *Survey) group() []*group {
	byFiles := map[string]map[int]*group{}
	var waiting []int32 // whose period is not known
	for n := range s.units.len {
		d := s.units.at(n)
		if d.joined != n || d.passes == 0 {
			continue
		}
		h := s.habitOf(d)
		if len(h.files) == 0 {
			continue
		}
		if h.period == 0 {
			waiting = append(waiting, n)
			continue
		}
		key := s.key(h)
		if byFiles[key] == nil {
			byFiles[key] = map[int]*group{}
		}
		period := rounded(h.period)
		g := byFiles[key][period]
		if g == nil {
			g = &group{files: h.files, period: period, missing: h.missing}
			byFiles[key][period] = g
		}
		s.join(g, n)
	}
	var all []*group
	for _, key := range slices.Sorted(maps.Keys(byFiles)) {
		all = append(all, s.merged(byFiles[key])...)
	}
	for _, n := range waiting {
		all = s.place(all, n)
	}
	all = s.fewer(all)
	for _, g := range all {
		s.measure(g)
	}
	slices.SortStableFunc(all, func(a, b *group) int { return cmp.Compare(len(b.units), len(a.units)) })
	named(all)
	return all
}

// key names the files of a habit.
func (s *Survey) key(h habit) string { return fmt.Sprint(h.files, h.missing) }

func (s *Survey) join(g *group, n int32) {
	d := s.units.at(n)
	if g.makes == nil {
		g.makes = map[uint16]int{}
		g.firstAt, g.lastAt = d.first, d.first
	}
	g.makes[d.make]++
	g.units = append(g.units, n)
	g.firstAt, g.lastAt = min(g.firstAt, d.first), max(g.lastAt, d.first)
}

// merged joins groups of the same files whose periods differ by chance: each with a larger
// one that is within an eighth of it.
func (s *Survey) merged(of map[int]*group) []*group {
	list := slices.SortedFunc(maps.Values(of), func(a, b *group) int {
		return cmp.Or(cmp.Compare(len(b.units), len(a.units)), cmp.Compare(a.period, b.period))
	})
	var kept []*group
	for _, g := range list {
		at := slices.IndexFunc(kept, func(k *group) bool { return 8*max(k.period-g.period, g.period-k.period) <= k.period })
		if at < 0 {
			kept = append(kept, g)
			continue
		}
		for _, n := range g.units {
			s.join(kept[at], n)
		}
	}
	return kept
}

// place puts a device whose period is not known to others that ask for the same files, or
// for those first; if it would have come again within the log, to those that came once.
func (s *Survey) place(all []*group, n int32) []*group {
	d := s.units.at(n)
	h := s.habitOf(d)
	var best *group
	for _, g := range all {
		if g.period > 0 && s.key(habit{files: g.files}) == s.key(habit{files: h.files}) && (best == nil || len(g.units) > len(best.units)) {
			best = g
		}
	}
	rest := time.Duration(s.last - d.start)
	if best != nil && rest < time.Duration(best.period)*time.Second*3/2 {
		s.join(best, n)
		return all
	}
	short := best == nil && rest < time.Hour
	for _, g := range all {
		if g.period == 0 && g.once == !short && s.key(habit{files: g.files}) == s.key(habit{files: h.files}) {
			s.join(g, n)
			return all
		}
	}
	g := &group{files: h.files, once: !short, short: short}
	s.join(g, n)
	return append(all, g)
}

// fewer leaves only so many groups as a person can read: the devices of the others are
// counted with the largest group that asks as often, or with the largest of all.
func (s *Survey) fewer(all []*group) []*group {
	slices.SortStableFunc(all, func(a, b *group) int { return cmp.Compare(len(b.units), len(a.units)) })
	if len(all) <= mostGroups {
		return all
	}
	kept := all[:mostGroups]
	for _, g := range all[mostGroups:] {
		at := max(slices.IndexFunc(kept, func(k *group) bool { return k.period == g.period }), 0)
		for _, n := range g.units {
			s.join(kept[at], n)
		}
		kept[at].joined += len(g.units)
	}
	return kept
}

// measure finds out how often the devices of a group ask, and how that varies.
func (s *Survey) measure(g *group) {
	if len(g.files) > mostRules {
		g.left = len(g.files) - mostRules
		g.files = g.files[:mostRules]
	}
	slices.Sort(g.units)
	var gaps, retries []int
	for _, n := range g.units {
		s.units.at(n).each(func(seconds int, afterFailure bool) {
			switch {
			case afterFailure && !g.missing:
				retries = append(retries, seconds)
				g.seen.retries++
			case 2*seconds < g.period || g.period == 0:
				g.seen.boots++
			default:
				gaps = append(gaps, seconds)
				g.seen.periodic++
			}
		})
	}
	if retry := median(retries); len(retries) > 0 {
		g.retry = rounded(retry)
	}
	if len(gaps) == 0 {
		return
	}
	slices.Sort(gaps)
	g.period = rounded(gaps[len(gaps)/2])
	low, high := share(gaps, 0.1), share(gaps, 0.9) // a tenth at each end may be by chance
	if spread := high - low; len(gaps) >= 8 && spread > max(5, g.period/50) && 4*spread < 3*g.period {
		g.period, g.extra = rounded(low-spread/8), rounded(spread+spread/4)
	}
	s.phases(g)
}

// phases finds the smallest part of the period in which nine of ten devices ask.
func (s *Survey) phases(g *group) {
	const parts = 48
	period := int64(g.period+g.extra/2) * int64(time.Second)
	var count [parts]int
	for _, n := range g.units {
		count[(s.units.at(n).start%period+period)%period*parts/period]++
	}
	best := parts
	for from := range parts {
		sum := 0
		for n := range best {
			if sum += count[(from+n)%parts]; 10*sum >= 9*len(g.units) {
				best = n + 1
				break
			}
		}
	}
	g.phase = time.Duration(g.period) * time.Second
	if len(g.units) >= 10 && 4*best <= parts {
		g.phase, g.sameTime = time.Duration(period/parts)*time.Duration(best), true
	}
}

// named gives groups names that say how often their devices ask.
func named(all []*group) {
	taken := map[string]int{}
	for _, g := range all {
		name := "once"
		switch {
		case g.period > 0:
			name = "every-" + measure.Format(time.Duration(g.period)*time.Second)
		case g.short:
			name = "seen-once"
		}
		for alone, word := range map[string]string{"every-1h": "hourly", "every-1d": "daily", "every-1m": "minutely"} {
			if name == alone {
				name = word
			}
		}
		if taken[name]++; taken[name] > 1 {
			name += "-" + strconv.Itoa(taken[name])
		}
		g.name = name
	}
}
