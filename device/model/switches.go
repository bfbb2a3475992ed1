package model

import (
	"errors"
	"mime"
	"slices"
	"strconv"
	"strings"
	"time"

	"spafleet/device/profile"
	"spafleet/device/rule"
	"spafleet/device/syslog"
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

// pause applies a duration that may be none.
func pause(d func(*Behaviour) *time.Duration) func(*Behaviour, string) error {
	return func(b *Behaviour, v string) error {
		t, err := time.ParseDuration(v)
		if err != nil || t < 0 {
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

// eitherNumber applies one of two numbers.
func eitherNumber(a, b int, n func(*Behaviour) *int) func(*Behaviour, string) error {
	return func(behaviour *Behaviour, v string) error {
		if v != strconv.Itoa(a) && v != strconv.Itoa(b) {
			return errChoice
		}
		*n(behaviour), _ = strconv.Atoi(v)
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

// onMistake applies what a firmware does about a mistake in XML; overlook is the word
// for a file that counts all the same.
func onMistake(overlook string, field func(*profile.Mistakes) *profile.OnMistake) func(*Behaviour, string) error {
	words := map[string]profile.OnMistake{"refuse": profile.Refuse, "apply_start": profile.ApplyStart, overlook: profile.Overlook}
	return word(words, func(b *Behaviour) *profile.OnMistake { return field(&b.Files.Mistakes) })
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

// hyphen is whether a model's own $PN has one.
func hyphen(r *Row) Fact {
	f := Fact{Value: "no", Evidence: r.Model.PN.Evidence}
	if strings.HasPrefix(r.Model.PN.Value, "SPA-") {
		f.Value = "yes"
	}
	return f
}

// byGeneration gives generations 1 to 4 a fact each.
func byGeneration(facts ...Fact) func(*Row) Fact {
	return func(r *Row) Fact { return facts[r.Generation-1] }
}

// of752b gives the SPA30x and SPA50x with 7.5.2b what the published image of that
// version shows, and every other row what holds without it.
func of752b(value string, otherwise func(*Row) Fact) func(*Row) Fact {
	return func(r *Row) Fact {
		f := otherwise(r)
		if r.is50x() && r.Firmware.Version == "7.5.2b" {
			f = image(value, f)
		}
		return f
	}
}

// from752b is of752b for what 7.6.2f has the same texts of: later firmware of these
// phones and of the SPA51x, which share its versions, is taken to do the same.
func from752b(value string, otherwise func(*Row) Fact) func(*Row) Fact {
	of := of752b(value, otherwise)
	return func(r *Row) Fact {
		f := of(r)
		if (r.is50x() || r.Model.Family == &phone51x) && !r.before("7.5.2b") && f.Evidence != Image {
			return likeImage(value, f)
		}
		return f
	}
}

// ofBothImages is from752b for what was compared in the image of 7.6.2f.
func ofBothImages(value string, otherwise func(*Row) Fact) func(*Row) Fact {
	from := from752b(value, otherwise)
	return func(r *Row) Fact {
		if r.is50x() && r.Firmware.Version == "7.6.2f" {
			return image(value, otherwise(r))
		}
		return from(r)
	}
}

// redirects knows the texts of 7.5.2b and 7.6.2f, which do not tell the statuses
// apart.
func redirects(r *Row) Fact {
	switch {
	case r.Generation <= 2:
		return inferred("fail")
	case r.is50x() && !r.before("7.5.2b"):
		return field("follow")
	}
	return inferred("follow")
}

// byTemplates is what the templates of a provisioning project need: their first file
// names the second, which empties all accounts, and the third sets them again, in one
// pass (field). They serve these families; others are taken to be alike.
func byTemplates(value string) func(*Row) Fact {
	served := []*Family{&pap, &routerATA, &gateway, &phone9xx, &phone50x, &phone51x, &phone525, &spa100}
	return func(r *Row) Fact {
		if slices.Contains(served, r.Model.Family) {
			return field(value)
		}
		return inferred(value)
	}
}

// switches is the firmware table. Sources are sections of the project's notes on
// firmware, kept as Q (open question) and § numbers in the meaning's comment.
var switches = slices.Concat(engineSwitches, leaseSwitches, extraSwitches, webSwitches, ivrSwitches, sipSwitches, tlsSwitches)

var engineSwitches = []firmwareSwitch{
	{
		"evidence", "all or field", "what the other switches rest on by default (field: no value that was read in a firmware image, nor what was inferred from one)",
		always(inferred("all")), oneOf(func(*Behaviour) *string { return new(string) }, "all", "field"),
	},
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
	{ // surface-2.md §4.1
		"boot_time", "0s or a duration", "a cold start, from power or a reboot until the firmware can resync: the device is deaf",
		func(r *Row) Fact { return r.Model.Family.Boot.cold }, pause(func(b *Behaviour) *time.Duration { return &b.Boot.Cold }),
	},
	{ // surface-2.md §4.1
		"reboot_time", "0s or a duration", "a warm start, after changed parameters or a restart: the device is deaf",
		func(r *Row) Fact { return r.Model.Family.Boot.warm }, pause(func(b *Behaviour) *time.Duration { return &b.Boot.Warm }),
	},
	{ // surface-2.md §4.5
		"flash_time", "0s or a duration", "an upgrade writes the new firmware before boot_time begins: the device is deaf",
		func(r *Row) Fact { return r.Model.Family.Boot.flash }, pause(func(b *Behaviour) *time.Duration { return &b.Boot.Flash }),
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
		always(inferred("1")), eitherNumber(1, -1, func(b *Behaviour) *int { return &b.PRVSTTrigger }),
	},
	{ // Q25, §2.1
		"prvst_notify", "-1 or 1", "$PRVST of a resync that a NOTIFY started",
		always(inferred("-1")), eitherNumber(-1, 1, func(b *Behaviour) *int { return &b.PRVSTNotify }),
	},
	{ // §2.1, E7
		"prvst_upgrade", "0 or 1", "$PRVST of a resync after an upgrade attempt",
		always(inferred("0")), eitherNumber(0, 1, func(b *Behaviour) *int { return &b.PRVSTUpgrade }),
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
		always(inferred("level")), choice("level", "edge", func(b *Behaviour) *bool { return &b.Trigger.Edge }),
	},
	{ // Q24, §3.9
		"trigger_floor", "a duration", "least time between two resyncs that triggers start",
		always(inferred("60s")), duration(func(b *Behaviour) *time.Duration { return &b.Trigger.Floor }),
	},
	{ // Q11, §5.6
		"any_change_reboots", "no or yes", "every changed parameter reboots, not only those of a reboot class",
		always(inferred("no")), choice("no", "yes", func(b *Behaviour) *bool { return &b.AnyChangeReboots }),
	},
	{ // Q33, §2.6; SPA112 and SPA122: Cisco's article smb2701, SPA232D: its guide, p. 76
		"resync_after_param_reboot", "yes or no", "a reboot after changed parameters resyncs again",
		byGeneration(documented("yes"), documented("yes"), inferred("yes"), documented("no")),
		choice("no", "yes", func(b *Behaviour) *bool { return &b.ResyncAfterParamReboot }),
	},
	{ // Q22; surface-2.md §4.7
		"tftp_wait", "a duration", "wait for each TFTP packet before it is asked for again",
		of752b("5s", always(inferred("3s"))), duration(func(b *Behaviour) *time.Duration { return &b.TFTP.Wait }),
	},
	{ // Q22; surface-2.md §4.7
		"tftp_tries", "1 to 20", "how often a TFTP packet is sent before the transfer fails",
		of752b("11", always(inferred("5"))), number(1, 20, func(b *Behaviour) *int { return &b.TFTP.Tries }),
	},
	{ // surface-2.md §4.7
		"tftp_options", "none or timeout_tsize", "options of TFTP requests (timeout_tsize: timeout 10 and tsize 0 in each; an OACK is acknowledged)",
		of752b("timeout_tsize", always(inferred("none"))), choice("none", "timeout_tsize", func(b *Behaviour) *bool { return &b.TFTP.Options }),
	},
	{ // architecture.md §8
		"option66_scheme", "tftp or transport_protocol", "how a bare address in DHCP option 66 is asked",
		always(documented("tftp")), choice("tftp", "transport_protocol", func(b *Behaviour) *bool { return &b.Lease.Transport }),
	},
	{ // Q17, profile-formats.md §1.9
		"profile_limit", "1024 to 16777216", "most bytes of a profile, packed and unpacked",
		func(r *Row) Fact { return r.Model.FileLimit().Fact },
		number(1024, 16<<20, func(b *Behaviour) *int { return &b.Files.Limit }),
	},
	{ // profile-formats.md §3
		"plain_under_key", "refuse or accept", "a plain file under a rule with --key",
		byGeneration(inferred("refuse"), inferred("refuse"), field("refuse"), inferred("refuse")),
		choice("refuse", "accept", func(b *Behaviour) *bool { return &b.Files.AcceptPlainUnderKey }),
	},
	{ // profile-formats.md §2
		"compiled_profile", "corrupt or opaque", "a file of the vendor's compiler, which nothing here can open: refused, or taken as empty",
		always(inferred("corrupt")), choice("corrupt", "opaque", func(b *Behaviour) *bool { return &b.Files.Opaque }),
	},
	{ // Q10
		"empty_element", "keep or clear", "what <X/> does to a value",
		always(documented("keep")), choice("keep", "clear", func(b *Behaviour) *bool { return &b.Files.EmptyElementClears }),
	},
	{ // profile-formats.md §1.1
		"router_configuration", "ignore or apply", "items of a <router-configuration> block",
		byGeneration(inferred("ignore"), inferred("ignore"), inferred("ignore"), documented("apply")),
		choice("ignore", "apply", func(b *Behaviour) *bool { return &b.Files.Nested }),
	},
	{
		"interim_answers", "skip or final", "an HTTP answer 1xx, such as 100 Continue: passed over as HTTP asks, or taken for the server's last word",
		always(inferred("skip")), choice("skip", "final", func(b *Behaviour) *bool { return &b.HTTP.InterimFinal }),
	},
	{ // Q20
		"http_version", "1.1 or 1.0", "version in the request line of a profile GET",
		always(inferred("1.1")), choice("1.1", "1.0", func(b *Behaviour) *bool { return &b.HTTP.Version10 }),
	},
	{ // Q19; surface-2.md §4.6, §4.7
		"redirects", "follow, moved or fail", "which of the answers 301, 302, 303, 307, 308 are followed (moved: the first two)",
		from752b("moved", redirects),
		word(map[string]Redirects{"fail": NoRedirects, "moved": MovedRedirects, "follow": AllRedirects}, func(b *Behaviour) *Redirects { return &b.Redirects }),
	},
	{ // surface-2.md §4.7; device-surface.md §4.2: 7.6.2f reads absolute ones
		"redirect_location", "any or absolute", "which Location of a redirect is followed",
		from752b("absolute", always(inferred("any"))), choice("any", "absolute", func(b *Behaviour) *bool { return &b.AbsoluteRedirects }),
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
		choice("none", "basic_digest", func(b *Behaviour) *bool { return &b.HTTP.Auth }),
	},
	{ // surface-2.md §4.7
		"digest_count", "rises or one", "nc of a Digest that answers the same nonce again",
		of752b("one", always(inferred("rises"))), choice("rises", "one", func(b *Behaviour) *bool { return &b.HTTP.CountsOne }),
	},
	{ // surface-2.md §4.7, K66
		"http_missing", "404 or 404_500-503", "which HTTP statuses say that there is no such file, for Resync_Fails_On_FNF too",
		of752b("404_500-503", always(inferred("404"))), choice("404", "404_500-503", func(b *Behaviour) *bool { return &b.HTTP.BrokenIsMissing }),
	},
	{ // surface-2.md §4.7, K65
		"get_repeats", "0 to 10", "how often a profile is asked for again at once where http_get or https_get failed",
		of752b("2", always(inferred("0"))), number(0, 10, func(b *Behaviour) *int { return &b.HTTP.Repeats }),
	},
	{ // provisioning.md §9, device-surface.md §4.2: how a name is matched is nowhere
		"restricted_domains", "suffix or exact", "whether Restricted_Access_Domains admits the hosts below a domain",
		always(inferred("suffix")), choice("suffix", "exact", func(b *Behaviour) *bool { return &b.ExactDomains }),
	},
	{ // Q27; surface-2.md §4.7; its text is in 7.6.2f too
		"backoff_marker", "off or on", "####503#n# at the start of a file ends the attempt; the next comes no sooner than n seconds later, 1 to 3599",
		from752b("on", always(inferred("off"))), choice("off", "on", func(b *Behaviour) *bool { return &b.BackoffMarker }),
	},
	{ // Q7
		"version_suffix", "compare or ignore", "letters and brackets behind a version in conditions (compare: 7.6.2 is before 7.6.2a and not equal to it; ignore: they are equal)",
		always(inferred("compare")), choice("compare", "ignore", func(b *Behaviour) *bool { return &b.Rules.IgnoreSuffix }),
	},
	{ // surface-2.md K61: in rules that are in use; what 7.6.2.a comes to is open
		"dotted_suffix", "text, suffix or ignore", "a dot in front of the letters of a version in conditions, as in 7.6.2.a (text: it is no version; suffix: it is 7.6.2a; ignore: it is 7.6.2)",
		always(inferred("text")),
		word(map[string]rule.Dotted{"text": rule.DottedText, "suffix": rule.DottedSuffix, "ignore": rule.DottedIgnored}, func(b *Behaviour) *rule.Dotted { return &b.Rules.Dotted }),
	},
	{ // §11
		"http_connect_wait", "a duration", "longest wait for a TCP connection",
		always(inferred("5s")), duration(func(b *Behaviour) *time.Duration { return &b.HTTPConnect }),
	},
	{ // §11
		"http_read_wait", "a duration", "longest wait for the next bytes of an answer",
		always(inferred("30s")), duration(func(b *Behaviour) *time.Duration { return &b.HTTPRead }),
	},
	{ // surface-2.md §4.7: a timer of 3600 s; elsewhere no page says that a server that sends a byte now and then is not waited for without end
		"http_whole_waits", "1 to 1000", "longest time for a whole file over HTTP, counted in http_read_wait",
		of752b("120", always(inferred("10"))), number(1, 1000, func(b *Behaviour) *int { return &b.HTTPWaits }),
	},
	{ // no page says it
		"http_header_size", "256 to 1048576", "most bytes of the header of an answer",
		always(inferred("65536")), number(256, 1<<20, func(b *Behaviour) *int { return &b.HTTPHeader }),
	},
	{ // no page says it: as the resolvers of other systems
		"dns_wait", "a duration", "longest wait for the answer of a name server",
		always(inferred("5s")), duration(func(b *Behaviour) *time.Duration { return &b.DNS.Wait }),
	},
	{ // likewise
		"dns_tries", "1 to 10", "how often the name servers are asked before a name counts as not found",
		always(inferred("2")), number(1, 10, func(b *Behaviour) *int { return &b.DNS.Tries }),
	},
	{ // device-surface.md §4.5: Manual is the default (documented), and then a lease's servers must count where none are set
		"dns_manual", "alone or first", "whether DNS_Server_Order Manual leaves out the lease's name servers where the device has some of its own, or has them behind those",
		always(inferred("alone")), choice("alone", "first", func(b *Behaviour) *bool { return &b.DNS.ManualFirst }),
	},
	{ // device-surface.md §4.5: DNS_Query_Mode is Parallel by default (documented); of models without it no page speaks
		"dns_query", "sequential or parallel", "how a model without DNS_Query_Mode asks several name servers",
		always(inferred("sequential")), choice("sequential", "parallel", func(b *Behaviour) *bool { return &b.DNS.Parallel }),
	},
	{ // no page says it
		"redirect_places", "1 to 20", "at how many places one file is asked for, redirects included",
		always(inferred("5")), number(1, 20, func(b *Behaviour) *int { return &b.Places }),
	},
	{ // §6.1
		"https_upgrade", "refuse or accept", "firmware images by https",
		func(r *Row) Fact {
			if r.Model.Family.Phone {
				return documented("accept")
			}
			return byGeneration(documented("refuse"), documented("refuse"), field("accept"), inferred("accept"))(r)
		},
		choice("refuse", "accept", func(b *Behaviour) *bool { return &b.Upgrade.HTTPS }),
	},
	{ // surface-2.md §4.5: the form of images is known (field), what a unit checks of it is not
		"image_check", "strict, header or lax", "what is checked of an image: all of it, only the header's magic, lengths and version, or nothing (lax: a version in its header or name is enough)",
		func(r *Row) Fact {
			if r.Model.Magic == magic1xx { // what is refused was seen, K42; by which check was not
				return field("strict")
			}
			return inferred("strict")
		}, oneOf(func(b *Behaviour) *string { return &b.Upgrade.Images }, "strict", "header", "lax"),
	},
	{ // §2.6, §6.5, surface-2.md K31, K42
		"failed_upgrade_reboots", "always, bad_image or never", "which failed upgrades reboot the unit (bad_image: those whose image came and was refused)",
		failedUpgradeReboots, oneOf(func(b *Behaviour) *string { return &b.Upgrade.Reboots }, "always", "bad_image", "never"),
	},
	{ // surface-2.md §4.4, K31
		"upgrade_retry", "kept or lost", "Upgrade_Error_Retry_Delay over the reboot that a failed upgrade causes (lost: the unit tries again at once after each boot)",
		upgradeRetry, choice("lost", "kept", func(b *Behaviour) *bool { return &b.Upgrade.KeepsRetry }),
	},
	{ // the errors of resyncs and upgrades are counted apart; what a reboot does to the first is nowhere
		"resync_retry", "lost or kept", "Resync_Error_Retry_Delay over a reboot (kept: the wait, and its place in the list, go on)",
		always(inferred("lost")), choice("lost", "kept", func(b *Behaviour) *bool { return &b.KeepsRetry }),
	},
	{ // surface-2.md K58: a text of 7.5.2b and 7.6.2f
		"same_version", "stop or install", "an image of the version that runs: the upgrade ends without a reboot, or it is installed again",
		byGeneration(inferred("stop"), inferred("stop"), field("stop"), inferred("stop")),
		choice("stop", "install", func(b *Behaviour) *bool { return &b.Upgrade.Reinstalls }),
	},
	{ // Q12
		"upgrade_order", "resync_first or upgrade_first", "what a unit does first after it has started",
		always(inferred("resync_first")), choice("resync_first", "upgrade_first", func(b *Behaviour) *bool { return &b.Upgrade.First }),
	},
	{ // Q3
		"success_message", "plain or with_err", "whether the factory's Log_Resync_Success_Msg ends with $ERR",
		always(field("plain")), choice("plain", "with_err", func(b *Behaviour) *bool { return &b.SuccessErr }),
	},
	{ // Q4
		"pn_hyphen", "yes or no", "hyphen behind SPA in $PN and User-Agent",
		hyphen, choice("no", "yes", func(b *Behaviour) *bool { return &b.Hyphen }),
	},
	{ // Q6, §2.2
		"later_rules", "live or start", "whether rules B to D are those that an earlier file of the pass has set",
		byTemplates("live"), choice("live", "start", func(b *Behaviour) *bool { return &b.RulesFromStart }),
	},
	{ // Q8
		"malformed_rule_err", "parse_error, invalid_url or corrupt_file", "$ERR of a rule that cannot be read",
		always(inferred("parse_error")),
		word(map[string]string{"parse_error": "parse error", "invalid_url": "Invalid URL", "corrupt_file": "corrupt file"}, func(b *Behaviour) *string { return &b.Errs.BadRule }),
	},
	{ // §7.1: the texts are in 7.6.2f, one of them perhaps for the display alone; that nothing is sent is inferred too
		"no_server_err", "dns_resolution or no_server_name", "$ERR where neither a rule nor option 66 names a server, so that nothing is sent",
		always(inferred("dns_resolution")),
		word(map[string]string{"dns_resolution": "DNS resolution", "no_server_name": "no server name"}, func(b *Behaviour) *string { return &b.Errs.NoServer }),
	},
	{ // Q8, §3.3
		"string_order", "false or error", "a condition with lt, le, gt or ge between texts is false, or makes the rule malformed",
		always(inferred("false")), choice("false", "error", func(b *Behaviour) *bool { return &b.Rules.RefuseOrder }),
	},
	{ // profile-formats.md §1.5: web forms take 2047 characters of a value (field); that an expanded rule has no more room is inferred
		"rule_size", "256 to 65536", "most bytes of a rule with its macros expanded, which is malformed beyond that, and of a log line, which is cut",
		always(inferred("2047")), number(256, 1<<16, func(b *Behaviour) *int { return &b.Rules.Size }),
	},
	{ // Q9
		"nested_parentheses", "accept or refuse", "parentheses inside a condition",
		always(inferred("accept")), choice("accept", "refuse", func(b *Behaviour) *bool { return &b.Rules.NoNesting }),
	},
	{ // §3.1
		"comment_in_quotes", "no or yes", "whether # inside quotes begins a comment",
		always(inferred("no")), choice("no", "yes", func(b *Behaviour) *bool { return &b.Rules.CommentInQuotes }),
	},
	{ // §3.2
		"quote_escapes", "yes or no", "whether a backslash before a quotation mark keeps a rule's string open",
		always(inferred("yes")), choice("yes", "no", func(b *Behaviour) *bool { return &b.Rules.NoEscapes }),
	},
	{ // §3.2: present in every documented example
		"last_semicolon", "required or optional", "semicolon behind a rule's last assignment",
		always(inferred("required")), choice("required", "optional", func(b *Behaviour) *bool { return &b.Rules.OptionalSemicolon }),
	},
	{ // §3.3
		"rule_case", "exact or any", "operators, and, true and option names in capitals",
		always(inferred("exact")), choice("exact", "any", func(b *Behaviour) *bool { return &b.Rules.AnyCase }),
	},
	{ // §3.7
		"macro_case", "exact or any", "macro names in small letters",
		always(inferred("exact")), choice("exact", "any", func(b *Behaviour) *bool { return &b.Rules.AnyMacroCase }),
	},
	{ // Q13
		"url_command", "url_only or all_rules", "whether rules B to D follow a resync by URL",
		always(inferred("url_only")), choice("url_only", "all_rules", func(b *Behaviour) *bool { return &b.CommandThenRules }),
	},
	{ // Q15, §7.1: the texts are those of 7.6.2f; older guides name only two
		"err_texts", "late or plain", "$ERR of a file that failed (plain: corrupt file and http_get failed only)",
		byGeneration(inferred("late"), inferred("late"), field("late"), inferred("late")),
		choice("late", "plain", func(b *Behaviour) *bool { return &b.PlainErrTexts }),
	},
	{ // Q29, §2.3
		"dns_addresses", "all or first", "how many addresses of a name are tried",
		always(documented("all")), choice("all", "first", func(b *Behaviour) *bool { return &b.FirstAddress }),
	},
	{ // device-surface.md §4.5: DNS_Query_TTL_Ignore of some models is No
		"dns_ttl", "kept or ignored", "whether a name's address is kept for as long as the name server says (until the next boot)",
		func(r *Row) Fact {
			if _, ok := r.Lookup("DNS_Query_TTL_Ignore"); ok {
				return documented("kept")
			}
			return inferred("kept")
		}, choice("ignored", "kept", func(b *Behaviour) *bool { return &b.KeepsNames }),
	},
	{ // Q30, §3.1
		"failed_alternative", "fails or next", "what a rule does when the file of its alternative fails",
		always(inferred("fails")), choice("fails", "next", func(b *Behaviour) *bool { return &b.NextAlternative }),
	},
	{ // Q34
		"reboot_after", "sequence or rule", "when changes of a reboot class reboot",
		byTemplates("sequence"), choice("sequence", "rule", func(b *Behaviour) *bool { return &b.RebootAfterRule }),
	},
	{ // profile-formats.md §1.4, §9
		"missing_access", "keep or factory", "access of a parameter without ua",
		always(inferred("keep")), choice("keep", "factory", func(b *Behaviour) *bool { return &b.FactoryAccess }),
	},
	{ // profile-formats.md §1.6, §9
		"broken_file", "refuse or apply_start", "an XML file with a tag or comment that is never ended, or that ends too early (apply_start: what stands before the mistake counts)",
		always(inferred("refuse")),
		word(map[string]profile.OnMistake{"refuse": profile.Refuse, "apply_start": profile.ApplyStart}, func(b *Behaviour) *profile.OnMistake { return &b.Files.Mistakes.Broken }),
	},
	{ // profile-formats.md §1.6: tags must match (documented)
		"mismatched_end", "refuse, apply_start or closes", "an end tag with another name than the open tag (closes: it ends the element all the same)",
		always(inferred("refuse")), onMistake("closes", func(m *profile.Mistakes) *profile.OnMistake { return &m.EndTag }),
	},
	{ // public report of a provisioning server that sent such files to 30x and 50x for months: most of them went on to work
		"slash_in_name", "refuse, apply_start or skip", "an element name with a slash, as web pages have it (skip: that element does not count)",
		byGeneration(inferred("refuse"), inferred("refuse"), field("apply_start"), inferred("refuse")),
		onMistake("skip", func(m *profile.Mistakes) *profile.OnMistake { return &m.Slash }),
	},
	{ // public report, which does not name the firmware: with a bare < in a dial plan, nothing of the file counts
		"bare_less_than", "refuse, apply_start or text", "a < in a value that begins no tag, as in a dial plan (text: it stands for itself)",
		always(field("refuse")), onMistake("text", func(m *profile.Mistakes) *profile.OnMistake { return &m.Less }),
	},
	{ // surface-2.md K53: in templates that are in use
		"bare_attribute", "ignore, refuse or apply_start", `an attribute without an equals sign, as in <A ua"na">`,
		always(inferred("ignore")), onMistake("ignore", func(m *profile.Mistakes) *profile.OnMistake { return &m.Attribute }),
	},
	{ // surface-2.md K52: in templates that have been in use for years
		"blank_in_end_tag", "accept, refuse or apply_start", "a blank in an end tag, as in </A >",
		always(inferred("accept")), onMistake("accept", func(m *profile.Mistakes) *profile.OnMistake { return &m.Blank }),
	},
	{ // profile-formats.md §1.5; surface-2.md K52
		"value_blanks", "trim or keep", "blanks and line ends around a value",
		always(documented("trim")), choice("trim", "keep", func(b *Behaviour) *bool { return &b.Files.KeepBlanks }),
	},
	{ // no page says it: the firmware's texts have no word for it
		"empty_file", "fail or ignore", "a file of no bytes, or of blanks alone (ignore: nothing to apply)",
		always(inferred("fail")), choice("fail", "ignore", func(b *Behaviour) *bool { return &b.Files.EmptyFile }),
	},
	{ // profile-formats.md §1.5
		"bare_ampersand", "keep or refuse", "an ampersand that begins no reference",
		always(inferred("keep")), choice("keep", "refuse", func(b *Behaviour) *bool { return &b.Files.StrictAmpersand }),
	},
	{ // profile-formats.md §1.6
		"cdata", "ignore or text", "an element that holds a CDATA section",
		always(inferred("ignore")), choice("ignore", "text", func(b *Behaviour) *bool { return &b.Files.CDATA }),
	},
	{ // architecture.md §8
		"no_flat_profile", "fail or ignore", "an XML file without flat-profile (ignore: nothing to apply)",
		always(inferred("fail")), choice("fail", "ignore", func(b *Behaviour) *bool { return &b.Files.EmptyForeign }),
	},
	{ // profile-formats.md §4.6
		"plain_source", "refuse or accept", "a file in the compiler's source form",
		always(inferred("refuse")), choice("refuse", "accept", func(b *Behaviour) *bool { return &b.Files.AcceptSource }),
	},
	{ // Q16; surface-2.md §4.7
		"syslog_priority", "-1 to 191", "number in front of a syslog line (-1: none, and none in front of debug lines, which have their own)",
		ofBothImages("134", always(inferred("134"))), number(-1, 191, func(b *Behaviour) *int { return &b.Syslog.Priority }),
	},
	{ // surface-2.md §4.7
		"syslog_end", "none or line_feed", "what stands behind a syslog line in its datagram",
		ofBothImages("line_feed", always(inferred("none"))), choice("none", "line_feed", func(b *Behaviour) *bool { return &b.Syslog.LineFeed }),
	},
	{ // surface-2.md §4.7, device-surface.md §7: Debug_Level 0 to 3 is documented, the lines are texts of 7.5.2b and 7.6.2f
		"log_lines", "few or all", "which lines are logged (few: the Log_ templates, boots, retries and errors; all: also each rule and NOTIFY, and to Debug_Server those of Debug_Level)",
		ofBothImages("all", always(inferred("all"))), choice("few", "all", func(b *Behaviour) *bool { return &b.Syslog.All }),
	},
	{ // surface-2.md §4.7, §7: field of an SPA-3000; one guide says that SIP messages need Debug_Level 2
		"sip_text", "raw or level_2", "how Debug_Server gets the texts of SIP messages (raw: without a number, whatever Debug_Level says; level_2: with one, from Debug_Level 2 on)",
		ofBothImages("raw", sipText),
		word(map[string]syslog.Priority{"raw": syslog.Text, "level_2": syslog.SIP}, func(b *Behaviour) *syslog.Priority { return &b.Syslog.SIPText }),
	},
}

// sipText knows what programs read that show an SPA-3000's callers.
func sipText(r *Row) Fact {
	if r.Model.Name == "SPA3000" {
		return field("raw")
	}
	return inferred("raw")
}

// failedUpgradeReboots knows a log line of 7.6.2f, and what operators saw of SPA9xx
// whose image is missing. SPA112 and SPA122 reboot when a bad image is sent to their
// page (field); that Upgrade_Rule leads to the same is an inference.
func failedUpgradeReboots(r *Row) Fact {
	if r.Generation == 3 || r.Model.is9xx() {
		return field("always")
	}
	return inferred("always")
}

// upgradeRetry knows from Wazo's manual that SPA9xx reboot again and again where their
// image is missing on the server, whatever the delay. Of older units we infer it, for
// their firmware is alike; of later ones nothing of the kind was reported.
func upgradeRetry(r *Row) Fact {
	switch {
	case r.Model.is9xx():
		return field("lost")
	case r.Generation <= 2:
		return inferred("lost")
	}
	return inferred("kept")
}
