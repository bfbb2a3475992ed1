package device

import (
	"errors"
	"strconv"
	"time"
)

// A firmwareSwitch is a documented uncertainty about real firmware, or a
// difference between firmwares: its value for a row, and how it is applied.
type firmwareSwitch struct {
	name    string
	choices string
	meaning string
	value   func(*Row) Fact
	apply   func(*Behaviour, string) error
}

var errChoice = errors.New("not a choice")

func always(f Fact) func(*Row) Fact { return func(*Row) Fact { return f } }

// choice applies one of two words to a flag.
func choice(off, on string, flag func(*Behaviour) *bool) func(*Behaviour, string) error {
	return func(b *Behaviour, v string) error {
		if v != off && v != on {
			return errChoice
		}
		*flag(b) = v == on
		return nil
	}
}

func duration(d func(*Behaviour) *time.Duration) func(*Behaviour, string) error {
	return func(b *Behaviour, v string) error {
		t, err := time.ParseDuration(v)
		if err != nil || t <= 0 {
			return errChoice
		}
		*d(b) = t
		return nil
	}
}

func number(low, high int, n func(*Behaviour) *int) func(*Behaviour, string) error {
	return func(b *Behaviour, v string) error {
		i, err := strconv.Atoi(v)
		if err != nil || i < low || i > high {
			return errChoice
		}
		*n(b) = i
		return nil
	}
}

// either applies one of two numbers.
func either(a, b int, n func(*Behaviour) *int) func(*Behaviour, string) error {
	return func(behaviour *Behaviour, v string) error {
		if v != strconv.Itoa(a) && v != strconv.Itoa(b) {
			return errChoice
		}
		*n(behaviour), _ = strconv.Atoi(v)
		return nil
	}
}

// byGeneration gives generations 1 to 4 a fact each.
func byGeneration(facts ...Fact) func(*Row) Fact {
	return func(r *Row) Fact { return facts[r.Generation-1] }
}

// switches is the firmware table. Sources are sections of the project's notes on
// firmware, kept as Q (open question) and § numbers in the meaning's comment.
var switches = []firmwareSwitch{
	{ // Q1, provisioning.md §1.5
		"random_delay_unit", "1s or 20s", "unit of Resync_Random_Delay",
		byGeneration(documented("1s"), documented("20s"), documented("20s"), documented("20s")),
		func(b *Behaviour, v string) error {
			if v != "1s" && v != "20s" {
				return errChoice
			}
			return duration(func(b *Behaviour) *time.Duration { return &b.RandomDelayUnit })(b, v)
		},
	},
	{ // Q2
		"error_retry_zero", "never or at_once", "what Resync_Error_Retry_Delay 0 means (at_once: after 1 s)",
		always(documented("never")), choice("never", "at_once", func(b *Behaviour) *bool { return &b.RetryAtOnce }),
	},
	{ // Q5, §2.4: two guides disagree
		"forced_delay", "max_wait or countdown", "Forced_Resync_Delay: longest wait for a busy line, or time that must pass after a call",
		always(documented("max_wait")), choice("max_wait", "countdown", func(b *Behaviour) *bool { return &b.ForcedCountdown }),
	},
	{ // Q14, §2.5
		"prvtmr_from", "start or end", "moment of an attempt from which $PRVTMR counts",
		always(inferred("start")), choice("start", "end", func(b *Behaviour) *bool { return &b.TimerFromEnd }),
	},
	{ // Q23, §1.1
		"periodic_from", "success or boot", "when Resync_Periodic begins with Resync_On_Reset off",
		always(documented("success")), choice("success", "boot", func(b *Behaviour) *bool { return &b.PeriodicFromBoot }),
	},
	{ // Q25, §2.1
		"prvst_trigger", "1 or -1", "$PRVST of a resync that a trigger started",
		always(inferred("1")), either(1, -1, func(b *Behaviour) *int { return &b.PRVSTTrigger }),
	},
	{ // Q25, §2.1
		"prvst_notify", "-1 or 1", "$PRVST of a resync that a NOTIFY started",
		always(inferred("-1")), either(-1, 1, func(b *Behaviour) *int { return &b.PRVSTNotify }),
	},
	{ // §2.1, E7
		"prvst_upgrade", "0 or 1", "$PRVST of a resync after an upgrade attempt",
		always(inferred("0")), either(0, 1, func(b *Behaviour) *int { return &b.PRVSTUpgrade }),
	},
	{ // Q26, §2.5
		"explicit_delay", "none or random", "an ordered resync waits a part of Resync_Random_Delay too",
		always(inferred("none")), choice("none", "random", func(b *Behaviour) *bool { return &b.ExplicitDelay }),
	},
	{ // Q21, §9
		"rc_after_fnf", "pending or open", "a unit whose customization server has no file for it",
		always(inferred("pending")), choice("pending", "open", func(b *Behaviour) *bool { return &b.RCOpens }),
	},
	{ // Q24, §3.9
		"trigger_mode", "level or edge", "a Resync_Trigger counts while it is true, or when it becomes true",
		always(inferred("level")), choice("level", "edge", func(b *Behaviour) *bool { return &b.TriggerEdge }),
	},
	{ // Q24, §3.9
		"trigger_floor", "a duration", "least time between two resyncs that triggers start",
		always(inferred("60s")), duration(func(b *Behaviour) *time.Duration { return &b.TriggerFloor }),
	},
	{ // Q11, §5.6
		"any_change_reboots", "no or yes", "every changed parameter reboots, not only those of a reboot class",
		always(inferred("no")), choice("no", "yes", func(b *Behaviour) *bool { return &b.AnyChangeReboots }),
	},
	{ // Q33, §2.6
		"resync_after_param_reboot", "yes or no", "a reboot after changed parameters resyncs again",
		byGeneration(documented("yes"), documented("yes"), inferred("yes"), documented("no")),
		choice("no", "yes", func(b *Behaviour) *bool { return &b.ResyncAfterParamReboot }),
	},
	{ // Q22
		"tftp_wait", "a duration", "wait for each TFTP packet before it is asked for again",
		always(inferred("3s")), duration(func(b *Behaviour) *time.Duration { return &b.TFTPWait }),
	},
	{ // Q22
		"tftp_tries", "1 to 20", "how often a TFTP packet is sent before the transfer fails",
		always(inferred("5")), number(1, 20, func(b *Behaviour) *int { return &b.TFTPTries }),
	},
	{ // architecture.md §8
		"option66_scheme", "tftp or transport_protocol", "how a bare address in DHCP option 66 is asked",
		always(documented("tftp")), choice("tftp", "transport_protocol", func(b *Behaviour) *bool { return &b.Option66Transport }),
	},
	{ // Q17, profile-formats.md §1.9
		"profile_limit", "1024 to 16777216", "most bytes of a profile, packed and unpacked",
		func(r *Row) Fact { return inferred(strconv.Itoa(r.Model.Family.Limit)) },
		number(1024, 16<<20, func(b *Behaviour) *int { return &b.ProfileLimit }),
	},
	{ // profile-formats.md §3
		"plain_under_key", "refuse or accept", "a plain file under a rule with --key",
		byGeneration(inferred("refuse"), inferred("refuse"), field("refuse"), inferred("refuse")),
		choice("refuse", "accept", func(b *Behaviour) *bool { return &b.PlainUnderKey }),
	},
	{ // Q10
		"empty_element", "keep or clear", "what <X/> does to a value",
		always(documented("keep")), choice("keep", "clear", func(b *Behaviour) *bool { return &b.EmptyElementClears }),
	},
	{ // profile-formats.md §1.1
		"router_configuration", "ignore or apply", "items of a <router-configuration> block",
		byGeneration(inferred("ignore"), inferred("ignore"), inferred("ignore"), documented("apply")),
		choice("ignore", "apply", func(b *Behaviour) *bool { return &b.NestedSections }),
	},
	{ // Q20
		"http_version", "1.1 or 1.0", "version in the request line of a profile GET",
		always(inferred("1.1")), choice("1.1", "1.0", func(b *Behaviour) *bool { return &b.HTTP10 }),
	},
	{ // Q19
		"redirects", "follow or fail", "answers 301, 302, 303, 307",
		byGeneration(inferred("fail"), inferred("fail"), field("follow"), inferred("follow")),
		choice("fail", "follow", func(b *Behaviour) *bool { return &b.FollowRedirects }),
	},
	{ // Q7
		"version_suffix", "compare or ignore", "letters and brackets behind a version in conditions",
		always(inferred("compare")), choice("compare", "ignore", func(b *Behaviour) *bool { return &b.IgnoreVersionSuffix }),
	},
	{ // §11
		"http_connect_wait", "a duration", "longest wait for a TCP connection",
		always(inferred("5s")), duration(func(b *Behaviour) *time.Duration { return &b.HTTPConnect }),
	},
	{ // §11
		"http_read_wait", "a duration", "longest wait for the next bytes of an answer",
		always(inferred("30s")), duration(func(b *Behaviour) *time.Duration { return &b.HTTPRead }),
	},
	{ // Q16
		"syslog_priority", "-1 to 191", "number in front of a syslog line (-1: none)",
		always(inferred("134")), number(-1, 191, func(b *Behaviour) *int { return &b.SyslogPriority }),
	},
}
