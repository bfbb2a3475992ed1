package model

import (
	"strconv"
	"strings"
)

// leaseUse is what a device does with a lease.
type leaseUse struct {
	Transport  bool   // a bare address in option 66 heeds Transport_Protocol
	NextServer bool   // siaddr names the server where no option does
	BootFile   bool   // option 67 is the path where an option names a server alone
	CiscoPath  string // /Cisco/$PN/$MA.cfg where the lease names a server alone: never, after Profile_Rule's path or before it
	url        string // what a URL in an option is

	Asked []byte // option 55
	Class string // option 60, "" for none
	Again bool   // a cold start asks for the address that the device had
	Tries int    // DISCOVERs without an answer after which there is no lease
	Warm  bool   // the end of a lease is a warm restart; else the device reboots
}

// Whole reports whether a URL in an option is that of the file. Else the path of
// Profile_Rule is put behind it.
func (l *leaseUse) Whole(url string) bool {
	tail := url[strings.LastIndexByte(url, '/')+1:]
	return l.url == "file" || l.url == "by_form" && strings.ContainsAny(tail, ".$?")
}

// leaseSwitches are about DHCP (device-surface.md §4.3 and §5, surface-2.md §5).
var leaseSwitches = []firmwareSwitch{
	{ // §5: a URL with macros was seen, and one that the path is put behind
		"lease_url", "by_form, file or folder", "a URL in an option of DHCP: that of the file, or what Profile_Rule's path is put behind (by_form: of a file where its last part has a dot, a macro or a query)",
		always(inferred("by_form")), oneOf(func(b *Behaviour) *string { return &b.Lease.url }, "by_form", "file", "folder"),
	},
	{ // §4.3, choice 19
		"cisco_path", "never, after or before", "whether /Cisco/$PN/$MA.cfg is asked for where DHCP names a server without a path: after Profile_Rule's path or before it",
		ciscoPath, oneOf(func(b *Behaviour) *string { return &b.Lease.CiscoPath }, "never", "after", "before"),
	},
	{ // provisioning.md §3.6; K36 says that phones of SCCP do not
		"siaddr", "ignore or use", "whether a rule without a host asks the next server where no option of DHCP names one",
		nextServer, choice("ignore", "use", func(b *Behaviour) *bool { return &b.Lease.NextServer }),
	},
	{ // no source says that it is used
		"option67", "ignore or use", "whether the file name of DHCP stands for Profile_Rule's path where DHCP names a server without a path",
		always(inferred("ignore")), choice("ignore", "use", func(b *Behaviour) *bool { return &b.Lease.BootFile }),
	},
	{ // §5: fingerprints
		"option55", "option numbers", "which options the device asks a DHCP server for",
		option55, optionList,
	},
	{ // §5
		"option60", "none or a vendor class", "the vendor class that the device tells a DHCP server",
		option60, func(b *Behaviour, v string) error {
			if !isVendorClass.MatchString(v) {
				return errChoice
			}
			if b.Lease.Class = v; v == "none" {
				b.Lease.Class = ""
			}
			return nil
		},
	},
	{ // no source says which
		"dhcp_start", "discover or request", "whether a cold start asks for any address, or first for the one that the device had",
		always(inferred("discover")), choice("discover", "request", func(b *Behaviour) *bool { return &b.Lease.Again }),
	},
	{ // §5
		"lease_end", "reboot or restart", "what a device does whose lease is over: it reboots, or it starts its program again; then it asks for another",
		leaseEnd, choice("reboot", "restart", func(b *Behaviour) *bool { return &b.Lease.Warm }),
	},
	{ // the numbers are those of RFC 2131
		"dhcp_tries", "1 to 20", "how often a device asks for an address until it counts as without one; it goes on asking",
		always(inferred("4")), number(1, 20, func(b *Behaviour) *int { return &b.Lease.Tries }),
	},
}

// option55 knows the fingerprints of a public collection.
func option55(r *Row) Fact {
	switch f := r.Model.Family; {
	case f == &pap:
		return field("1,3,42,6,7,15,58,59,66")
	case f == &sipuraATA:
		return field("1,3,42,6,7,15,58,59,44,66")
	case f == &phone9xx:
		return field("1,3,42,6,7,15,58,59,44,66,150,151")
	case f == &phone50x || f == &phone51x || f == &phone525:
		return field("1,3,42,6,7,15,58,59,66,2,150,151,160,159")
	}
	return inferred("1,3,42,6,7,15,58,59,44,66")
}

// leaseEnd is a text of the firmware of phones SPA5xx.
func leaseEnd(r *Row) Fact {
	switch r.Model.Family {
	case &phone50x, &phone51x, &phone525:
		return field("reboot")
	}
	return inferred("reboot")
}

// option60 is that of the model; where none is known, none is sent.
func option60(r *Row) Fact {
	if f := r.Model.Option60; f.Value != "" {
		return f
	}
	return inferred("none")
}

func optionList(b *Behaviour, v string) error {
	b.Lease.Asked = nil
	for word := range strings.SplitSeq(v, ",") {
		n, err := strconv.ParseUint(word, 10, 8)
		if err != nil || n == 0 || n == 255 {
			return errChoice
		}
		b.Lease.Asked = append(b.Lease.Asked, byte(n))
	}
	return nil
}

// ciscoPath is a text of the firmware of phones that know several options.
func ciscoPath(r *Row) Fact {
	if r.Model.Family.Phone && r.Generation == 3 {
		return inferred("after")
	}
	return inferred("never")
}

// nextServer is documented for phones that look for an SCCP server there instead.
func nextServer(r *Row) Fact {
	if extraFile("sccp", r.Model.Name) != nil {
		return documented("ignore")
	}
	return inferred("use")
}
