package model

import "time"

// extraSwitches are about files beside profile and image (surface-2.md §4.2, §4.3).
var extraSwitches = []firmwareSwitch{
	{
		"extra_files", "on or off", "whether files beside profile and image are asked for at all: off stands above the switches of each kind",
		always(inferred("on")), choice("on", "off", func(b *Behaviour) *bool { return &b.Extras.Off }),
	},
	{ // K36, §5
		"sccp", "never or boot", "what is asked for in the search for an SCCP server, by phones whose lease has no option 66 but a siaddr",
		extra("sccp", "boot"), choice("never", "boot", func(b *Behaviour) *bool { return &b.Extras.SCCP }),
	},
	{ // texts of 7.6.2f: the script is compared with the stored one
		"dictionary", "never or change", "the file of the language, once its script or the language has changed",
		extra("dictionary", "change"), choice("never", "change", func(b *Behaviour) *bool { return &b.Extras.Dictionary }),
	},
	{ // K34: texts of 7.6.2f
		"dictionary_check", "ucs2 or any", "which dictionary is taken: XML in UCS-2 big endian, or any file",
		byGeneration(inferred("ucs2"), inferred("ucs2"), field("ucs2"), inferred("ucs2")),
		choice("ucs2", "any", func(b *Behaviour) *bool { return &b.Extras.AnyDictionary }),
	},
	{ // texts of 7.6.2f: there is a counter; how far it goes is not known
		"dictionary_tries", "1 to 20", "how often a dictionary that cannot be had is asked for, until the next boot",
		always(inferred("3")), number(1, 20, func(b *Behaviour) *int { return &b.Extras.DictionaryTries }),
	},
	{
		"dictionary_wait", "a duration", "wait before a dictionary is asked for again",
		always(inferred("60s")), duration(func(b *Behaviour) *time.Duration { return &b.Extras.DictionaryWait }),
	},
	{ // texts of 7.6.2f have it as a reason of reboots; when it is one is not known
		"dictionary_reboot", "no or yes", "whether a phone reboots once it has stored another dictionary",
		always(inferred("no")), choice("no", "yes", func(b *Behaviour) *bool { return &b.Extras.DictionaryReboots }),
	},
	{ // §4.7
		"dictionary_slash", "skip or keep", "leading slash of a dictionary's path by TFTP",
		from752b("skip", always(inferred("keep"))), choice("skip", "keep", func(b *Behaviour) *bool { return &b.Extras.DictionarySlash }),
	},
	{ // K35
		"picture", "never, shown or set", "the background picture, once its URL has changed (shown: where logo or background are the BMP picture)",
		extra("picture", "shown"), picture,
	},
	{
		"ring_tone", "never or boot", "the files of ring tones (a phone gets them when it rings)",
		always(inferred("never")), choice("never", "boot", func(b *Behaviour) *bool { return &b.Extras.RingTones }),
	},
	{
		"directory", "never or boot", "the XML directory (a phone gets it when its user opens it)",
		always(inferred("never")), choice("never", "boot", func(b *Behaviour) *bool { return &b.Extras.Directory }),
	},
	{
		"rss", "never, boot or a duration", "news feeds (a phone gets them when its user opens them); a duration asks again and again",
		always(inferred("never")), feedTimes,
	},
}

// extra gives the value that a kind of extra files has in a model with a row for it.
func extra(what, value string) func(*Row) Fact {
	return func(r *Row) Fact {
		if x := extraFile(what, r.Model.Name); x != nil {
			return Fact{Value: value, Evidence: x.Evidence}
		}
		return inferred("never")
	}
}

// picture is when a background picture is asked for.
func picture(b *Behaviour, v string) error {
	if v != "never" && v != "shown" && v != "set" {
		return errChoice
	}
	b.Extras.Picture, b.Extras.HiddenPicture = v != "never", v == "set"
	return nil
}

// feedTimes is when news feeds are asked for.
func feedTimes(b *Behaviour, v string) error {
	switch v {
	case "never":
		b.Extras.Feeds = 0
	case "boot":
		b.Extras.Feeds = -1
	default:
		return duration(func(b *Behaviour) *time.Duration { return &b.Extras.Feeds })(b, v)
	}
	return nil
}
