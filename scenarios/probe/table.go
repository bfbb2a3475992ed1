package probe

import (
	"slices"
	"sync"
	"time"
)

// An experiment is one question to the phone: a row of the table.
type experiment struct {
	name     string
	group    string
	question string   // for people, with a question mark
	settles  []string // switches; none: it finds facts alone
	// needs are parameters that the firmware must have, beside those that bring it home.
	needs []string
	// after are the experiments on whose result this one rests.
	after    []string
	restarts int  // how often the phone restarts for it
	power    bool // the person unplugs the phone
	// takes is about how long it takes when the phone comes home each pace.
	takes func(pace time.Duration) time.Duration
	// times is how often it is done, to see whether the result varies; 0: twice.
	times int
	run   func(*trial)
}

// passes is the time of an experiment of so many visits home.
func passes(n int) func(time.Duration) time.Duration {
	return func(pace time.Duration) time.Duration { return time.Duration(n) * pace }
}

// passesAnd adds a time during which the phone waits.
func passesAnd(n int, wait time.Duration) func(time.Duration) time.Duration {
	return func(pace time.Duration) time.Duration { return time.Duration(n)*pace + wait }
}

// groups are the parts of the table, in the order in which they are done.
var groups = []struct {
	name  string
	about string
	rows  func() []*experiment
}{
	{"resync", "what starts a resync, and how the phone restarts", func() []*experiment { return resyncExperiments }},
	{"rules", "the rule language", func() []*experiment { return ruleExperiments }},
	{"profiles", "profile files", func() []*experiment { return slices.Concat(profileExperiments, sizeExperiments) }},
	{"tftp", "TFTP", func() []*experiment { return tftpExperiments }},
	{"http", "HTTP", func() []*experiment { return httpExperiments }},
	{"tls", "HTTPS", func() []*experiment { return tlsExperiments }},
	{"timers", "waits and retries", func() []*experiment { return timerExperiments }},
	{"upgrade", "upgrades that fail", func() []*experiment { return upgradeExperiments }},
	{"syslog", "log lines", func() []*experiment { return syslogExperiments }},
	{"files", "files beside the profile", func() []*experiment { return fileExperiments }},
	{"sip", "SIP NOTIFY and OPTIONS", func() []*experiment { return sipExperiments }},
	{"web", "the phone's own web pages", func() []*experiment { return webExperiments }},
}

// all returns the table, which must not be changed.
var all = sync.OnceValue(func() (list []*experiment) {
	for _, g := range groups {
		for _, x := range g.rows() {
			x.group = g.name
			list = append(list, x)
		}
	}
	return list
})

// named returns the experiment of a name, nil for none.
func named(name string) *experiment {
	list := all()
	if i := slices.IndexFunc(list, func(x *experiment) bool { return x.name == name }); i >= 0 {
		return list[i]
	}
	return nil
}

// repeats is how often an experiment is done.
func (x *experiment) repeats() int {
	if x.times == 0 {
		return 2
	}
	return x.times
}

// length is how long all of it takes.
func (x *experiment) length(pace time.Duration) time.Duration {
	one := 4 * pace
	if x.takes != nil {
		one = x.takes(pace)
	}
	return time.Duration(x.repeats()) * (one + time.Duration(x.restarts)*time.Minute)
}
