package resync

import (
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
)

// secretsIn counts the values of a file that nobody but the device is to know: those of
// passwords, and keys in rules or in the parameters that a rule of the same file takes
// its key from.
func secretsIn(row *model.Row, sets []device.Set) (n int) {
	var macros []string
	for i := range sets {
		s := &sets[i]
		param, ok := row.Lookup(s.ID.Name())
		switch {
		case !ok || !s.Has || s.Value == "":
		case param.Secret():
			n++
		case param.Type == "rule":
			n += rule.Keys(s.Value)
			macros = append(macros, rule.KeyMacros(s.Value)...)
		}
	}
	if macros == nil {
		return n
	}
	for i := range sets {
		letter, general := strings.CutPrefix(sets[i].ID.Name(), "GPP_")
		if general && !strings.HasPrefix(letter, "S") && sets[i].Value != "" && slices.Contains(macros, letter) {
			n++
		}
	}
	return n
}
