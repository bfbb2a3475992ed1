package bundle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"spafleet/device/model"
)

// A Vault knows the secrets of a run, and a stand-in for each: a made-up text of the
// same length, which is a number, or hexadecimal, where the secret is. It has nothing
// of the secret but that.
type Vault struct {
	secrets []secret
	known   map[string]int // of secrets, by value
	made    map[string]bool
	keys    map[string]bool // parameters that rules take keys and logins from, in lower case
	replace *strings.Replacer
	cleared *strings.Replacer // takes stand-ins out
}

type secret struct{ value, standIn, found string }

// leastSecret is the length of the shortest secret that can be found in a text without
// spoiling what is none.
const leastSecret = 4

// Add takes a secret, with where it was found. One that is too short to be told from
// other text is left out.
func (v *Vault) Add(value, found string) {
	if value = strings.TrimSpace(value); len(value) < leastSecret || v.made[value] {
		return
	}
	if _, has := v.known[value]; has {
		return
	}
	if v.known == nil {
		v.known, v.made = map[string]int{}, map[string]bool{}
	}
	v.known[value] = len(v.secrets)
	v.secrets = append(v.secrets, secret{value, v.makeUp(value), found})
	v.replace, v.cleared = nil, nil
}

// makeUp returns the next stand-in.
func (v *Vault) makeUp(value string) string {
	word, base := strings.Repeat("hidden", len(value)/6+1), 36
	switch {
	case strings.Trim(value, "0123456789") == "":
		word, base = strings.Repeat("739", len(value)), 10
	case strings.Trim(value, "0123456789abcdefABCDEF") == "" && len(value) >= 16:
		word, base = strings.Repeat("decade", len(value)/6+1), 16
	}
	for n := len(v.secrets) + 1; ; n++ {
		number := strconv.FormatInt(int64(n), base)
		text := word[:max(len(value)-len(number), 0)] + number
		if _, is := v.known[text]; !is && !v.made[text] {
			v.made[text] = true
			return text
		}
	}
}

// forms are the ways in which a text may have a value, with how each has its stand-in.
func forms(value string) []string {
	quoted, _ := json.Marshal(value) // of a text: cannot fail
	list := []string{value, url.QueryEscape(value), url.PathEscape(value), strings.Trim(string(quoted), `"`), strings.ReplaceAll(value, "'", "''")}
	for _, quotes := range [][2]string{{`"`, "'"}, {"&quot;", "'"}, {`"`, "&apos;"}, {"&quot;", "&apos;"}, {"&#34;", "&#39;"}} {
		list = append(list, strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, quotes[0], "'", quotes[1]).Replace(value))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Hide puts stand-ins in the place of secrets in a text.
func (v *Vault) Hide(text string) string {
	if v.replace == nil {
		longest := slices.SortedStableFunc(slices.Values(v.secrets), func(a, b secret) int { return cmp.Compare(len(b.value), len(a.value)) }) // one may begin another
		var pairs []string
		for _, s := range longest {
			for _, form := range forms(s.value) {
				pairs = append(pairs, form, s.standIn)
			}
		}
		v.replace = strings.NewReplacer(pairs...)
	}
	return v.replace.Replace(text)
}

// HideJSON is Hide for the values of JSON, which keeps its keys.
func (v *Vault) HideJSON(text []byte) []byte {
	return eachValue(text, v.Hide)
}

// made are the keys of JSON whose values this program makes. A secret of a few digits may
// be part of one by chance, which shows nobody the secret; a stand-in there would be a
// false time or another device.
var made = map[string]bool{`"at`: true, `"next`: true, `"mac`: true}

// eachValue replaces each text of JSON that is neither a key nor made, and keeps
// everything else.
func eachValue(text []byte, replace func(string) string) []byte {
	var out []byte
	var key string
	for len(text) > 0 {
		at := bytes.IndexByte(text, '"')
		if at < 0 {
			break
		}
		end := at + 1
		for end < len(text) && text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(text))
		out = append(out, text[:at]...)
		switch value := string(text[at:end]); {
		case bytes.HasPrefix(text[min(end+1, len(text)):], []byte(":")):
			key = value
			out = append(out, value...)
		case made[key]:
			out = append(out, value...)
		default:
			out = append(out, replace(value)...)
		}
		text = text[end:]
		if len(text) > 0 {
			out, text = append(out, '"'), text[1:]
		}
	}
	return append(out, text...)
}

// inJSON is in for the values of JSON.
func (v *Vault) inJSON(text []byte) (found string) {
	eachValue(text, func(value string) string {
		if found == "" {
			found = v.in(value)
		}
		return value
	})
	return found
}

// in returns where a secret was found that a text has beside stand-ins, "" for none.
func (v *Vault) in(text string) string {
	if v.cleared == nil {
		var pairs []string
		for i := range v.secrets {
			pairs = append(pairs, v.secrets[i].standIn, "\x00")
		}
		v.cleared = strings.NewReplacer(pairs...)
	}
	text = v.cleared.Replace(text)
	if v.Hide(text) == text {
		return ""
	}
	for i := range v.secrets {
		for _, form := range forms(v.secrets[i].value) {
			if strings.Contains(text, form) {
				return v.secrets[i].found
			}
		}
	}
	return "the run"
}

// StandIns returns what stands for which secret.
func (v *Vault) StandIns() []StandIn {
	list := []StandIn{}
	for _, s := range v.secrets {
		list = append(list, StandIn{For: v.Hide(s.found), Value: s.standIn})
	}
	return list
}

// secretNames are the parameters whose values are for nobody's eyes, of all models, in
// lower case.
var secretNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for m := range model.All() {
		for _, p := range m.Factory().Params {
			if p.Secret() {
				names[strings.ToLower(p.Name)] = true
			}
		}
	}
	return names
})

// isSecret reports whether a name is that of a secret in this run.
func (v *Vault) isSecret(name string) bool {
	return IsSecret(name) || v.keys[strings.ToLower(strings.TrimSpace(name))]
}

// IsSecret reports whether a name is that of a secret: of a device's parameter, a key,
// or what looks like one.
func IsSecret(name string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	if secretNames()[name] || secretNames()[strings.NewReplacer("-", "_", " ", "_", "[", "_", "]", "_").Replace(name)] {
		return true
	}
	return name == "key" || name == "pin" || secretWord.MatchString(name)
}
