package rule

import (
	"fmt"
	"strconv"
	"strings"
)

// urlNeed says which parts of a URL cannot be missing.
type urlNeed uint8

const (
	pathNeeded urlNeed = iota // in a rule (documented)
	anyPart                   // in a web command: all of them can
)

// url reads [scheme://][host[:port]]/path at the read position, up to a blank or
// a bar.
func (p *parser) url(need urlNeed) (u URL, err error) {
	end := p.pos + len(p.urlToken())
	if u.Scheme, err = p.scheme(end); err != nil {
		return u, err
	}
	at := p.pos
	for p.pos < end && isHostByte(p.text[p.pos]) {
		p.pos++
	}
	u.Host = p.text[at:p.pos]
	if p.at(':') {
		if u.Port, err = p.port(u.Host); err != nil {
			return u, err
		}
	}
	switch {
	case p.pos < end && p.text[p.pos] != '/':
		return u, p.strayInHost()
	case p.pos == end && need == pathNeeded:
		return u, p.fail(end, "the URL has no path", fmt.Sprintf("%.40q is read as a host; a path begins with /", u.Host))
	}
	u.Path, p.pos = p.text[p.pos:end], end
	return u, nil
}

// urlToken returns the URL without moving on.
func (p *parser) urlToken() string {
	rest := p.text[p.pos:]
	if i := strings.IndexAny(rest, blankBytes+"|"); i >= 0 {
		rest = rest[:i]
	}
	p.looked += len(rest)
	return rest
}

// scheme reads a scheme and its :// if the URL that ends at end has one. Capital
// letters are accepted (inferred).
func (p *parser) scheme(end int) (string, error) {
	rest := p.text[p.pos:end]
	slash := strings.IndexByte(rest, '/')
	if slash < 1 || rest[slash-1] != ':' || !strings.HasPrefix(rest[slash:], "//") {
		return "", nil
	}
	scheme := strings.ToLower(rest[:slash-1])
	switch {
	case scheme == "tftp" || scheme == "http" || scheme == "https":
		p.pos += slash + 2
		return scheme, nil
	case nameLen(scheme) < len(scheme):
		return "", nil // reading it as a host will find the odd byte
	}
	return "", &SyntaxError{Column: p.pos, Text: p.text, Scheme: scheme,
		Msg: fmt.Sprintf("unknown scheme %.20q", rest[:slash-1]), Hint: "a URL begins with tftp://, http://, https:// or none of them"}
}

// port reads :port.
func (p *parser) port(host string) (uint16, error) {
	colon := p.pos
	p.pos++
	digits := p.text[p.pos:][:digitsLen(p.text[p.pos:])]
	if host == "" {
		return 0, p.fail(colon, "a port without a host", "write host:port")
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || port == 0 {
		if token, _, _ := strings.Cut(p.urlToken(), "/"); strings.Contains(token, "@") {
			return 0, p.fail(p.pos, "a user and password in a URL", userHint)
		}
		return 0, p.fail(p.pos, "no port after :", "a port is a number from 1 to 65535; a scheme ends with ://")
	}
	p.pos += len(digits)
	return uint16(port), nil
}

// isHostByte accepts what a name or an address is made of, and the dollar of an
// unknown macro: such a host is read but never found.
func isHostByte(c byte) bool {
	return isLetter(c) || isDigit(c) || c >= 0x80 || strings.IndexByte("-._$", c) >= 0
}

// userHint is how a rule names a user, who has no place in its URL.
const userHint = "give the user as [--uid NAME --pwd WORD] before the URL"

// strayInHost explains the byte at the read position, where host and port have
// ended without a slash.
func (p *parser) strayInHost() error {
	c := p.text[p.pos]
	hint := "a path begins with /"
	switch c {
	case '"':
		hint = "a URL has no quotes"
	case '@':
		hint = userHint
	case '(', ')', '[', ']', '!', ';':
		hint = `the order is (condition)? (assignments)! [options] URL`
	case '?':
		hint = "a path begins with / and comes before the query"
	}
	return p.fail(p.pos, fmt.Sprintf("%q in host or port", c), hint)
}
