package resync

import (
	"fmt"
	"slices"
	"strings"

	"spafleet/device/model"
	"spafleet/device/rule"
)

// What is told of changes is bounded: parameters by name, and bytes of a value.
const (
	mostDiffering = 8
	mostOfValue   = 64
)

// differs says in words which changes reboot the device, with both values of the
// first that is no secret.
func (p *pass) differs(changed []model.ID) string {
	var names []string
	values := ""
	more := 0
	slices.Sort(changed)
	for _, id := range changed {
		name := id.Name()
		switch {
		case p.in.Unit.Row.Reboots([]model.ID{id}) == model.NoReboot:
		case values == "" && !isSecret(name):
			values = fmt.Sprintf("%s %s → %s", name, excerpt(p.in.Params.Get(id)), excerpt(p.params.Get(id)))
		case len(names) == mostDiffering:
			more++
		default:
			names = append(names, name)
		}
	}
	if values != "" {
		names = append([]string{values}, names...)
	}
	text := strings.Join(names, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// isSecret reports whether a parameter's value is nobody's business.
func isSecret(name string) bool {
	return strings.Contains(name, "Passw") || strings.Contains(name, "Key") || strings.HasPrefix(name, "GPP_S")
}

func excerpt(value string) string {
	value = rule.WithoutKeys(value)
	if len(value) > mostOfValue {
		return fmt.Sprintf("%q…", value[:mostOfValue])
	}
	return fmt.Sprintf("%q", value)
}

// mostOfText is how many bytes of any text a file's events hold.
const mostOfText = 2 << 10

func clipped(text string) string { return text[:min(len(text), mostOfText)] }
