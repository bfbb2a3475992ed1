package accesslog

import "bytes"

// combined reads a line in the common or the combined format, with what servers are often
// told to put around it: Apache's name and port of the virtual host before it, and the
// header X-Forwarded-For behind it.
func (r *Reader) combined(line []byte, e *Entry) verdict {
	open := bytes.IndexByte(line, '[')
	if open < 0 || !r.client(line[:open], e) {
		return unreadable
	}
	rest := line[open+1:]
	end := bytes.IndexByte(rest, ']')
	if end < 0 {
		return unreadable
	}
	var ok bool
	if e.At, ok = r.dates.combined(rest[:end]); !ok {
		return unreadable
	}
	asked, rest, ok := quoted(rest[end+1:])
	if !ok {
		return unreadable
	}
	status, rest := word(rest)
	if e.Status, ok = number(status); !ok || e.Status > 999 {
		return unreadable
	}
	size, rest := word(rest)
	if n, ok := number(size); ok {
		e.Bytes = int64(n)
	}
	if len(rest) > 0 {
		r.headers(rest, e)
	}
	return asks(asked, e)
}

// client reads what stands before the time: the client, its identity and its user, maybe
// behind a virtual host.
func (r *Reader) client(head []byte, e *Entry) bool {
	first, rest := word(head)
	second, rest := word(rest)
	third, rest := word(rest)
	if len(third) == 0 {
		return false
	}
	e.Client, e.User = first, third[0] != '-' || len(third) > 1
	if user, _ := word(rest); len(user) > 0 && isHost(first) {
		e.Client, e.User = second, user[0] != '-' || len(user) > 1
	}
	return true
}

// isHost reports whether a text is name:port, as no client's address is.
func isHost(text []byte) bool {
	name, port, ok := bytes.Cut(text, []byte(":"))
	_, digits := number(port)
	return ok && digits && len(name) > 0
}

// headers reads referrer, User-Agent and, if it is there, X-Forwarded-For.
func (r *Reader) headers(rest []byte, e *Entry) {
	_, rest, ok := quoted(rest)
	if !ok {
		return
	}
	if e.Agent, rest, ok = quoted(rest); !ok {
		e.Agent = nil
		return
	}
	if e.Agent = unescape(e.Agent); len(e.Agent) == 1 && e.Agent[0] == '-' {
		e.Agent = nil
	}
	if forwarded, _, ok := quoted(rest); ok {
		first, _, _ := bytes.Cut(forwarded, []byte(","))
		if first = bytes.TrimSpace(first); isAddress(first) {
			e.Client = first
		}
	}
}

// asks reads the request itself.
func asks(text []byte, e *Entry) verdict {
	method, path := word(unescape(text))
	if len(method) == 0 || len(path) == 0 {
		return other
	}
	for _, c := range method {
		if c < 'A' || c > 'Z' {
			return other // a TLS hello at a port without TLS
		}
	}
	if last := bytes.LastIndexByte(path, ' '); last > 0 {
		e.TFTP = bytes.HasPrefix(path[last+1:], []byte("TFTP/"))
		path = path[:last]
	}
	if at := bytes.Index(path, []byte("://")); at > 0 && at < 8 { // for a proxy
		slash := bytes.IndexByte(path[at+3:], '/')
		if slash < 0 {
			return other
		}
		path = path[at+3+slash:]
	}
	if path[0] != '/' && !e.TFTP || bytes.Equal(method, []byte("CONNECT")) {
		return other
	}
	e.Path = path
	if !e.TFTP {
		e.Path = unpercent(path)
	}
	return request
}

// word cuts the first word off a text.
func word(text []byte) (first, rest []byte) {
	text = bytes.TrimLeft(text, " ")
	end := bytes.IndexByte(text, ' ')
	if end < 0 {
		return text, nil
	}
	return text[:end], text[end+1:]
}

// quoted cuts a text in quotation marks off another. A mark within it has a backslash.
func quoted(text []byte) (inner, rest []byte, ok bool) {
	text = bytes.TrimLeft(text, " ")
	if len(text) == 0 || text[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[1:i], text[i+1:], true
		}
	}
	return nil, nil, false
}

// unescape undoes \xHH, \" and \\ where they stand.
func unescape(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	out := text[:0]
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			if text[i+1] == 'x' && i+3 < len(text) && hex(text[i+2]) >= 0 && hex(text[i+3]) >= 0 {
				c, i = byte(hex(text[i+2])<<4|hex(text[i+3])), i+3
			} else {
				i++
				c = text[i]
			}
		}
		out = append(out, c)
	}
	return out
}

// unpercent undoes %HH where it stands, but for what would change how a path is read.
func unpercent(path []byte) []byte {
	if bytes.IndexByte(path, '%') < 0 {
		return path
	}
	out := path[:0]
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) && hex(path[i+1]) >= 0 && hex(path[i+2]) >= 0 {
			plain := byte(hex(path[i+1])<<4 | hex(path[i+2]))
			if plain > ' ' && plain < 0x7f && bytes.IndexByte([]byte("/?&=%#"), plain) < 0 {
				c, i = plain, i+2
			}
		}
		out = append(out, c)
	}
	return out
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// number reads up to nine digits.
func number(text []byte) (n int, ok bool) {
	if len(text) == 0 || len(text) > 9 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// isAddress reports whether a text looks like an IP address.
func isAddress(text []byte) bool {
	marks := 0
	for _, c := range text {
		if c == '.' || c == ':' {
			marks++
		} else if hex(c) < 0 {
			return false
		}
	}
	return marks >= 2 && len(text) >= 3
}
