package settings

import (
	"strings"

	"spafleet/device/profile"
)

// fromFile is where a value came from that none of the paths of a phone's web server had.
const fromFile = "file"

// lenient takes more than devices do: what a phone writes may be not quite XML.
var lenient = profile.Options{Nested: true, Limit: mostBody, Mistakes: profile.Mistakes{Broken: profile.ApplyStart, Less: profile.Overlook}}

// readProfile reads a flat-profile that a phone or a person has written. What a phone says
// of itself in front of its settings is not one of them, whatever its name. Partly says that
// not all could be read.
func (s *Settings) readProfile(body []byte, from string) (partly string, err error) {
	file, err := profile.Decode(body, lenient)
	if err != nil {
		return "", err
	}
	for i := range file.Params {
		p := &file.Params[i]
		group, exported := groupOf(file.Text, int(p.Offset))
		switch {
		case exported && isStatus(group):
			s.introduce(p.Name, p.Value)
		case p.Has || exported || from != fromFile: // of a person's file <X/> says nothing
			s.add(p.Name, Value{strings.Clone(p.Value), p.Access, from, hidden(p.Name, p.Value, false)})
		}
	}
	s.identify()
	if file.Partly != "" {
		partly = ", " + file.Partly
	}
	return partly, nil
}

// introduce notes what the phone calls itself.
func (s *Settings) introduce(name, value string) {
	switch folded(name) {
	case "Product_Name":
		s.product = strings.Clone(value)
	case "Software_Version":
		s.software = strings.Clone(value)
	}
}

// groupOf returns the tab and section that an export writes into an element, which begins
// at an offset; exported is false where there is none.
func groupOf(text string, at int) (group string, exported bool) {
	tag, _, _ := strings.Cut(text[min(at, len(text)):], ">")
	_, rest, ok := strings.Cut(tag, ` group="`)
	if !ok {
		return "", false
	}
	group, _, exported = strings.Cut(rest, `"`)
	return group, exported
}

// isStatus reports whether a tab, or what begins with it, says how the phone is.
func isStatus(group string) bool {
	tab, _, _ := strings.Cut(group, "/")
	return tab == "Info" || tab == "Status" || tab == "Information"
}
