package scenarios

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// hidden stands where a secret was.
const hidden = "***"

// redactor replaces secrets in texts, as they are and as URLs and JSON have them.
func redactor(secrets []string) *strings.Replacer {
	var pairs []string
	longest := func(a, b string) int { return cmp.Compare(len(b), len(a)) }
	for _, s := range slices.SortedFunc(slices.Values(secrets), longest) { // one may begin another
		quoted, _ := json.Marshal(s) // of a text: cannot fail
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(string(quoted), `"`)} {
			pairs = append(pairs, form, hidden)
		}
	}
	return strings.NewReplacer(pairs...)
}

// Redact replaces the scenario's secrets in a text that others may see. It is safe for
// concurrent use.
func (s *Scenario) Redact(text string) string {
	if !s.HasSecrets() {
		return text
	}
	return redactor(s.file.secrets).Replace(text)
}

// HasSecrets reports whether there is anything to redact.
func (s *Scenario) HasSecrets() bool { return s.file != nil && len(s.file.secrets) > 0 }
