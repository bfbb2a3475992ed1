package device

import (
	"errors"
	"mime"
	"strconv"
	"strings"
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

// word applies one of several words.
func word[T any](meanings map[string]T, field func(*Behaviour) *T) func(*Behaviour, string) error {
	return func(b *Behaviour, v string) error {
		meaning, ok := meanings[v]
		if !ok {
			return errChoice
		}
		*field(b) = meaning
		return nil
	}
}

func mediaType(b *Behaviour, v string) error {
	b.PostType = ""
	if v == "none" {
		return nil
	}
	if _, _, err := mime.ParseMediaType(v); err != nil || !strings.Contains(v, "/") {
		return errChoice
	}
	b.PostType = v
	return nil
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
		"redirects", "follow, moved or fail", "which of the answers 301, 302, 303, 307, 308 are followed (moved: the first two)",
		byGeneration(inferred("fail"), inferred("fail"), field("follow"), inferred("follow")),
		word(map[string]Redirects{"fail": NoRedirects, "moved": MovedRedirects, "follow": AllRedirects}, func(b *Behaviour) *Redirects { return &b.Redirects }),
	},
	{ // device-surface.md §4.2: the firmware reads absolute ones; of others nothing is known
		"redirect_location", "any or absolute", "which Location of a redirect is followed",
		always(inferred("any")), choice("any", "absolute", func(b *Behaviour) *bool { return &b.AbsoluteRedirects }),
	},
	{ // §2.3: the request is made again at the new place (of descendants: documented)
		"redirected_post", "post or get", "what a POST becomes after 301 or 302 (after 303 always a GET)",
		always(inferred("post")), choice("post", "get", func(b *Behaviour) *bool { return &b.RedirectedPostGets }),
	},
	{ // device-surface.md §4.2: no such header among the firmware's texts
		"post_type", "none or a media type", "Content-Type of what --post sends",
		always(inferred("none")), mediaType,
	},
	{ // Q18, §2.3, device-surface.md §4.2
		"http_auth", "none or basic_digest", "answers to 401 and 407 with the rule's --uid and --pwd",
		byGeneration(inferred("none"), inferred("none"), field("basic_digest"), inferred("basic_digest")),
		choice("none", "basic_digest", func(b *Behaviour) *bool { return &b.HTTPAuth }),
	},
	{ // provisioning.md §9, device-surface.md §4.2: how a name is matched is nowhere
		"restricted_domains", "suffix or exact", "whether Restricted_Access_Domains admits the hosts below a domain",
		always(inferred("suffix")), choice("suffix", "exact", func(b *Behaviour) *bool { return &b.ExactDomains }),
	},
	{ // Q27, §2.5
		"backoff_marker", "off or on", "####n#m# at the start of a file ends the attempt; the next comes after n seconds",
		always(inferred("off")), choice("off", "on", func(b *Behaviour) *bool { return &b.BackoffMarker }),
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
