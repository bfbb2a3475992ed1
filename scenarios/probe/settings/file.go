package settings

import (
	"errors"
	"fmt"
	"strings"
)

// FromFile reads what a person has saved of a phone: a profile in open XML, the phone's own
// export, a report, or its advanced page as the browser saved it.
func FromFile(text string) (*Settings, error) {
	s := &Settings{}
	if len(text) > mostBody {
		return nil, fmt.Errorf("more than %d bytes: no profile and no page of a phone is as long", mostBody)
	}
	if isPage(text) {
		if s.readPage(text, fromFile); len(s.values) == 0 {
			return nil, errors.New("a web page without a setting of a phone; save the page of /admin/advanced")
		}
		return s, nil
	}
	if _, err := s.readProfile([]byte(text), fromFile); err != nil {
		return nil, fmt.Errorf("neither a profile in open XML nor a page of a phone: %w", err)
	}
	if len(s.values) == 0 {
		return nil, errors.New("a profile that sets nothing")
	}
	return s, nil
}

// isPage reports whether a text is HTML: what stands first of all decides.
func isPage(text string) bool {
	start := strings.ToLower(text[:min(len(text), 4<<10)])
	html, profile := strings.Index(start, "<html"), strings.Index(start, "<flat-profile")
	if doc := strings.Index(start, "<!doctype html"); doc >= 0 {
		html = doc
	}
	return html >= 0 && (profile < 0 || html < profile)
}
