package model

import (
	"slices"
	"time"
)

// sipSwitches are about how a device speaks SIP (surface-2.md §6.1, §6.3).
var sipSwitches = []firmwareSwitch{
	{ // K59: when it changed is open
		"sip_names", "plain or quoted", "display names in SIP: as they are, or in quotation marks",
		sipBySamples("plain", "quoted", []string{"PAP2T 3.1.15(LS)", "RT31P2 2.0.10(LIc)"}, []string{"SPA525G 7.4.9a", "SPA303 7.4.7"}),
		choice("quoted", "plain", func(b *Behaviour) *bool { return &b.SIP.PlainNames }),
	},
	{ // no page says it; a log line of 7.5.2b names the time, not how it is found
		"sip_refresh", "0s or a duration", "how long before its end a registration is refreshed, but never before its half is over",
		always(inferred("30s")), pause(func(b *Behaviour) *time.Duration { return &b.SIP.RefreshBefore }),
	},
	{ // K28, K29: each seen once; the same trace of an RT31P2 has CSeq elsewhere
		"sip_options", "whole, no_cseq or stray", "the answer 200 to OPTIONS: whole, without CSeq, or with a number in front and Content-Length 5 without a body",
		always(inferred("whole")), oneOf(func(b *Behaviour) *string { return &b.SIP.OptionsAnswer }, "whole", "no_cseq", "stray"),
	},
	{ // K60
		"sip_numbers", "padded or bare", "hexadecimal numbers of SIP, as in a branch: eight digits, or without the zeros in front",
		func(r *Row) Fact {
			switch {
			case r.Model.Name == "SPA962" && r.Firmware.Version == "6.1.5(a)":
				return field("bare")
			case r.Model.is9xx() && !r.before("6.0.0"):
				return inferred("bare")
			}
			return inferred("padded")
		}, choice("padded", "bare", func(b *Behaviour) *bool { return &b.SIP.BareNumbers }),
	},
	{ // §6.1 a to c, g
		"sip_features", "x-sipura or replaces", "what Supported says in SIP; with replaces, Allow has UPDATE too",
		sipBySamples("x-sipura", "replaces", []string{"PAP2T 3.1.15(LS)", "RT31P2 2.0.10(LIc)", "PAP2 3.1.3(LS)"}, []string{"SPA525G 7.4.9a", "SPA303 7.4.7"}),
		choice("x-sipura", "replaces", func(b *Behaviour) *bool { return &b.SIP.Replaces }),
	},
	{ // device-surface.md §6.1: a text of 7.6.2f, and an answer of an SPA9000
		"sip_challenge", "plain or qop", "what a device asks for before it does what a NOTIFY says: Digest, or Digest with qop",
		sipBySamples("plain", "qop", []string{"SPA9000 6.1.5"}, []string{"SPA504G 7.6.2f", "SPA508G 7.6.2f"}),
		choice("plain", "qop", func(b *Behaviour) *bool { return &b.SIP.OffersQoP }),
	},
	{ // §6.1 e; that ATAs and other phones do the same is inferred from their parameters
		"sip_mailbox", "never, boot or registered", "when a line subscribes that has a voice mail server: never, when the firmware starts, or once the line is registered",
		func(r *Row) Fact {
			if r.Model.Name == "SPA962" && r.Firmware.Version == "6.1.5(a)" { // that it does: not after what
				return field("registered")
			}
			return inferred("registered")
		}, oneOf(func(b *Behaviour) *string { return &b.SIP.Mailbox }, "never", "boot", "registered"),
	},
	{ // K47: weak, for the server between may have counted
		"sip_nonce", "new or kept", "a refresh in SIP: without credentials until it is challenged, or with an answer to the last challenge, if that offered qop",
		func(r *Row) Fact {
			if r.Model.Name == "SPA525G2" && r.Firmware.Version == "7.6.1(ES_RC01)" {
				return field("kept")
			}
			return inferred("new")
		}, choice("new", "kept", func(b *Behaviour) *bool { return &b.SIP.KeepsNonce }),
	},
}

// sipBySamples gives firmware before 7.x one value and later firmware another; that of a
// traced unit is field.
func sipBySamples(early, late string, seenEarly, seenLate []string) func(*Row) Fact {
	return func(r *Row) Fact {
		value, seen := early, seenEarly
		if r.Generation >= 3 {
			value, seen = late, seenLate
		}
		if slices.Contains(seen, r.Model.Name+" "+r.Firmware.Version) {
			return field(value)
		}
		return inferred(value)
	}
}
