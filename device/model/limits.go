package model

import "strconv"

// A FileLimit is how many bytes a profile may have for a model, and what that rests on.
// No maker has published one.
type FileLimit struct {
	Fact
	Served  int    `json:"served_bytes,omitempty"`  // of the largest file that real units are known to have been served; 0: none is known
	Refused int    `json:"refused_bytes,omitempty"` // of the smallest that one is known to have refused; 0: none is known
	Source  string `json:"source"`
}

// FileLimit returns the model's limit, without what a tester has turned.
func (m *Model) FileLimit() FileLimit {
	l := FileLimit{Fact: inferred(strconv.Itoa(m.Family.Limit)), Source: "no file near a limit was reported"}
	switch {
	case m.Name == "SPA941":
		l = FileLimit{field("64000"), 53_000, 65_337, "a public report of a file for six lines that fails and one for four that works; 64 KB less some overhead is our reading of it"}
	case m.Name == "SPA921" || m.Name == "SPA901":
		l = FileLimit{inferred("64000"), 0, 0, "as the SPA941, of which there is a report; their firmware is its relative"}
	case m.Name == "SPA2102" || m.Name == "PAP2T" || m.Name == "SPA8000":
		l.Served, l.Source = 46_328, "real units of this group were served such a file; how far above it the limit lies is our guess"
	case m.Family == &phone50x || m.Family == &phone525:
		l.Served, l.Source = 120_684, "real units of these series were served such a file; how far above it the limit lies is our guess"
	}
	return l
}
