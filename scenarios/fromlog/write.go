package fromlog

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"spafleet/device/measure"
)

// made is what stands in the place of the name and the password of logins.
const madeUser, madePassword = "prov", "made-up-password"

// mostServed is how many files a scenario serves, and mostTold how many a comment names.
const (
	mostServed = 200
	mostTold   = 10
	leastSize  = 64 // bytes of a file whose size is kept
)

// params are the parameters of the rules, in their order.
var params = [mostRules]string{"Profile_Rule", "Profile_Rule_B", "Profile_Rule_C", "Profile_Rule_D"}

func (w *scenario) write() {
	w.guesses()
	w.head()
	w.fleet()
	w.server()
	w.timeline()
	w.expect()
}

// line writes a line.
func (w *scenario) line(format string, args ...any) {
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

// when writes a moment of the log.
func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

func (w *scenario) head() {
	sum, c := &w.summary, &w.counts
	w.line("# Made by 'spafleet fleet import' from %s.", w.naming.Source)
	w.line("# Seen: %s of %s at %s, from %s to %s (GMT).", measure.Counted(c.Requests, "request"), measure.Counted(sum.Devices, "device"), measure.Counted(sum.Addresses, "address"), when(c.First), when(c.Last))
	if left := c.LeftOut(); left != "" {
		w.line("# Left out: %s.", left)
	}
	for _, g := range sum.Guesses {
		w.line("# Guessed: %s.", g)
	}
	w.line("name: %q", w.naming.Name)
	w.line("about: >-\n  %s as the log of a provisioning server has them: their models and firmware, their files, how often they ask, and how", measure.Counted(sum.Devices, "device"))
	w.line("  many are behind one address.")
	w.line("clock: {mode: virtual, start: %s}", c.First.UTC().Truncate(time.Second).Format(time.RFC3339))
	w.line("duration: %s", measure.Format(w.duration()))
}

// duration is long enough for the expectations, or for the replay.
func (w *scenario) duration() time.Duration {
	if w.options.Arrivals {
		return w.counts.Last.Sub(w.counts.First).Truncate(time.Second) + 10*time.Minute
	}
	longest := 10 * time.Minute
	for _, g := range w.groups {
		longest = max(longest, w.deadline(g))
	}
	return longest
}

// deadline is when each device of a group has asked twice, or of one without a period,
// once.
func (w *scenario) deadline(g *group) time.Duration {
	return (w.spread(g) + 2*seconds(g.period+g.extra) + 10*time.Minute).Round(time.Minute)
}

// spread is the time over which the devices of a group are switched on.
func (w *scenario) spread(g *group) time.Duration {
	if g.period > 0 {
		return g.phase
	}
	return min(max(time.Duration(g.lastAt-g.firstAt).Round(time.Second), 10*time.Second), 24*time.Hour)
}

// guesses notes what the log does not say, and what was taken in its place.
func (w *scenario) guesses() {
	guessed, assumed := 0, map[string]bool{}
	for _, g := range w.groups {
		for m, n := range g.makes {
			if w.makes[m].guessed {
				guessed += n
			} else if w.makes[m].assumed {
				assumed[w.title(m)] = true
			}
		}
		if g.joined > 0 {
			w.guess("%s of %s with other files or intervals, too few for groups of their own, are like the rest there", measure.Counted(g.joined, "device"), g.name)
		}
	}
	if guessed > 0 {
		w.guess("the model of %s, by names of files and beginnings of MAC addresses, and the firmware, its newest: by TFTP there is no User-Agent", measure.Counted(guessed, "device"))
	}
	if len(assumed) > 0 {
		w.guess("how %s behave: no source names this firmware", strings.Join(slices.Sorted(maps.Keys(assumed)), ", "))
	}
	if w.counts.Logins*2 > w.counts.Requests {
		w.guess("the password, its user, and that it is asked for by Basic: %s had a login", measure.Counted(w.counts.Logins, "request"))
	}
	hidden := 0
	for i := range w.names.list {
		if w.names.list[i].Hidden {
			hidden++
		}
	}
	if hidden > 0 {
		w.guess("what is called hidden, in %s: it looked like a key, or like a person's or a device's own", measure.Counted(hidden, "file name"))
	}
	if w.names.missing > 0 {
		w.guess("what devices did in %s for further files: of names, the first %d count", measure.Counted(w.names.missing, "request"), mostNames)
	}
	w.guess("the contents of the files: a log does not have them")
}

func (w *scenario) fleet() {
	if w.options.KeepIdentities {
		w.line("devices: %q", w.naming.Devices)
	}
	w.line("\nfleet:")
	prefix, shared := w.addresses()
	for i, g := range w.groups {
		w.line("  %s:", g.name)
		w.told(g)
		if !w.options.KeepIdentities {
			w.line("    mix:")
			sum := map[string]int{}
			for m, n := range g.makes {
				sum[w.title(m)] += n
			}
			for _, t := range w.titles(g) {
				w.line("      %s: %d", t, sum[t])
			}
		}
		if shared {
			w.line("    addresses: %s", prefix)
			if i == 0 {
				w.line("    # How many addresses have so many devices behind them, as NAT: of all groups with the same addresses.")
				w.line("    nat: {%s}", natText(w.summary.NAT))
			}
		}
		if !w.options.Arrivals {
			w.line("    powered: false")
		}
		w.sets(g)
	}
}

// addresses returns the prefix of the fleet, and whether devices share addresses.
func (w *scenario) addresses() (prefix netip.Prefix, shared bool) {
	prefix = netip.MustParsePrefix("127.65.0.0/16")
	if w.summary.Addresses > 1<<16-2 {
		prefix = netip.MustParsePrefix("127.64.0.0/10")
	}
	return prefix, w.summary.Addresses < w.summary.Devices
}

func natText(nat map[int]int) string {
	var list []string
	for _, devices := range slices.Sorted(maps.Keys(nat)) {
		list = append(list, fmt.Sprintf("%d: %d", devices, nat[devices]))
	}
	return strings.Join(list, ", ")
}

// told says in comments what was seen of a group.
func (w *scenario) told(g *group) {
	switch {
	case g.period > 0:
		w.line("    # Seen: %s. Of the last 8 times that each asked again, %d are about %s after the time before, %d much earlier (a boot, or", measure.Counted(len(g.units), "device"), g.seen.periodic,
			people(g.period+g.extra/2), g.seen.boots)
		w.line("    # somebody who resyncs it), %d after a failure.", g.seen.retries)
	case g.short:
		w.line("    # Seen: %s, only once. Guessed: that they come again after the factory's hour; the log is too short to tell.", measure.Counted(len(g.units), "device"))
	case g.seen.boots+g.seen.retries > 0:
		w.line("    # Seen: %s that only asked again after a failure, %s.", measure.Counted(len(g.units), "device"), measure.Counted(g.seen.retries, "time"))
	default:
		w.line("    # Seen: %s that did not come again. Guessed: they ask when they start, and not by themselves after that.", measure.Counted(len(g.units), "device"))
	}
	if g.left > 0 {
		w.line("    # Left out: %s more. A device has four rules.", measure.Counted(g.left, "file"))
	}
}

// sets writes what the devices of a group are set to.
func (w *scenario) sets(g *group) {
	login := w.counts.Logins*2 > w.counts.Requests
	if login && !w.has(g, func(m *make_) bool { return m.row.Switch("http_auth").Value != "none" }) {
		w.line("    switches: {http_auth: basic_digest} # seen: they have told a password")
	}
	w.line("    set:")
	for i, f := range g.files {
		name := &w.names.list[f]
		if !w.hasParam(g, params[i]) {
			w.line("      # Left out: %s, which not all these devices have in %s.", name.Path, params[i])
			continue
		}
		w.line("      %s: %q", params[i], w.rule(name, login))
	}
	switch {
	case w.options.Arrivals:
		w.line("      # The replay says when they ask, and nothing else does.")
		for _, name := range []string{"Resync_On_Reset", "Resync_Periodic", "Resync_Error_Retry_Delay", "Resync_Random_Delay"} {
			if value := "0"; w.hasParam(g, name) {
				if name == "Resync_On_Reset" {
					value = "No"
				}
				w.line("      %s: %s", name, value)
			}
		}
		return
	case g.extra > 0:
		w.line("      Resync_Periodic: %d+%d # seconds, and up to so many more", g.period, g.extra)
	case g.period > 0:
		w.line("      Resync_Periodic: %d # seconds", g.period)
	case !g.short:
		w.line("      Resync_Periodic: 0")
	}
	if g.retry > 0 {
		w.line("      Resync_Error_Retry_Delay: %d # seen %s", g.retry, measure.Counted(g.seen.retries, "time"))
	}
	if g.missing && w.hasParam(g, "Resync_Fails_On_FNF") {
		w.line("      Resync_Fails_On_FNF: No # seen: they keep their interval though a file is missing")
	}
}

func (w *scenario) has(g *group, is func(*make_) bool) bool {
	for m := range g.makes {
		if !is(&w.makes[m]) {
			return false
		}
	}
	return true
}

func (w *scenario) hasParam(g *group, name string) bool {
	return w.has(g, func(m *make_) bool {
		_, ok := m.row.Lookup(name)
		return ok
	})
}

// rule returns the rule by which devices ask for a file.
func (w *scenario) rule(name *Name, login bool) string {
	switch {
	case name.TFTP:
		return "tftp://${server.tftp}" + name.Path
	case login:
		return "[--uid " + madeUser + " --pwd " + madePassword + "] " + w.url(name)
	}
	return w.url(name)
}

func (w *scenario) url(name *Name) string {
	if w.options.HTTPS {
		return "https://${server.https}" + name.Path
	}
	return "http://${server.http}" + name.Path
}

// server writes the files that came, and says which did not.
func (w *scenario) server() {
	w.line("\nserver:")
	if w.options.HTTPS {
		w.line("  https: true")
	}
	if w.counts.Logins*2 > w.counts.Requests {
		w.line("  auth: {scheme: basic, user: %s, password: %s}", madeUser, madePassword)
	}
	served := map[string]bool{}
	w.line("  files:")
	missing, images, beyond := []string{}, []string{}, 0
	for _, f := range w.summary.Files {
		path, _, _ := strings.Cut(f.Path, "?")
		switch {
		case f.OK <= f.Failed:
			missing = append(missing, fmt.Sprintf("%s (%s)", path, measure.Counted(f.Failed, "time")))
		case strings.HasSuffix(path, ".bin"):
			images = append(images, fmt.Sprintf("%s (%s)", path, measure.Counted(f.OK, "time")))
		case served[path]:
		case len(served) == mostServed:
			beyond++
		case f.Bytes < leastSize:
			served[path] = true
			w.line("    %q: <flat-profile></flat-profile>", path)
		default:
			served[path] = true
			w.line("    %q: {body: <flat-profile></flat-profile>, size: %dB} # seen %s", path, min(f.Bytes, 1<<20), measure.Counted(f.OK, "time"))
		}
	}
	if len(served) == 0 {
		w.line("    /nothing: {status: 404}")
	}
	w.named("Not there, as in the log", missing)
	w.named("Left out: firmware images, which devices would install", images)
	if beyond > 0 {
		w.line("    # Left out: %s more.", measure.Counted(beyond, "file"))
	}
}

// named names files in a comment.
func (w *scenario) named(what string, list []string) {
	if len(list) > 0 {
		w.line("    # %s: %s.", what, measure.FirstOf(list, mostTold))
	}
}

func (w *scenario) timeline() {
	w.line("\ntimeline:")
	if w.options.Arrivals {
		w.line("  # %s a device begins to ask, as in the log.", measure.Counted(w.summary.Arrivals, "time"))
		w.line("  - {name: replay, arrivals: %q}", w.naming.Arrivals)
		return
	}
	for _, g := range w.groups {
		why := "evenly, as far as the log tells"
		if g.sameTime {
			why = "seen: nine of ten ask within this part of their interval"
		} else if g.period == 0 {
			why = "seen: the time between the first and the last of them"
		}
		w.line("  - {name: %s, power_on: %s, over: %s} # %s", "on-"+g.name, g.name, measure.Format(w.spread(g)), why)
	}
}

// expect writes what a server must bring. A group whose files were not there is left out.
func (w *scenario) expect() {
	w.line("\nexpect:")
	told := 0
	for _, g := range w.groups {
		name, least, does := g.name, 1, "gets its files"
		switch {
		case !w.comes(g):
			continue
		case w.options.Arrivals:
		case g.period > 0:
			least, does = 2, "gets its files twice"
		}
		told++
		w.line("  - {name: each device of %s %s, all: resyncs.ok >= %d, of: %s, by: %s}", name, does, least, name, measure.Format(w.until(g)))
	}
	if told == 0 {
		w.line("  # No group got all its files in the log; devices that ask are all that can be expected.")
		w.line("  - {name: each device asks, all: resyncs.failed + resyncs.ok > 0, by: %s}", measure.Format(w.duration()))
	}
}

func (w *scenario) until(g *group) time.Duration {
	if w.options.Arrivals {
		return w.duration()
	}
	return w.deadline(g)
}

// comes reports whether the server of the scenario has what a group asks for.
func (w *scenario) comes(g *group) bool {
	for _, f := range g.files {
		if name := &w.names.list[f]; name.OK <= name.Failed && !g.missing || strings.HasSuffix(name.Path, ".bin") {
			return false
		}
	}
	return true
}
