package model

import (
	"regexp"
	"strconv"
	"strings"

	"spafleet/device/measure"
)

var numbers = regexp.MustCompile(`^(-?\d+) to (-?\d+)$`)

// described are the choices that are no words.
var described = map[string]string{"a duration": measure.DurationForm.Pattern, "a media type": ".+/.+", "digits": "[0-9]{1,32}",
	"option numbers": "[0-9]{1,3}(,[0-9]{1,3})*", "a vendor class": vendorClass}

// vendorClass is what can be told to a DHCP server.
const vendorClass = "[A-Za-z0-9 .,-]{1,60}"

var isVendorClass = regexp.MustCompile("^" + vendorClass + "$")

// Form returns the values that a switch takes: the choices that are words, and how
// others look.
func (s Setting) Form() measure.Form {
	var f measure.Form
	for _, choice := range strings.Split(strings.ReplaceAll(s.Choices, " or ", ", "), ", ") {
		span := numbers.FindStringSubmatch(choice)
		switch {
		case span != nil:
			f.Pattern = "-?[0-9]+"
			f.Least, _ = strconv.Atoi(span[1])
			f.Most, _ = strconv.Atoi(span[2])
		case described[choice] != "":
			f.Pattern = described[choice]
		default:
			f.Words = append(f.Words, choice)
		}
	}
	return f
}
