package accesslog

import "bytes"

// syslog reads what a program told syslog: its host, its name with a number maybe, and
// the message. A program's own log file, as of dnsmasq's log-facility, has no host.
func (r *Reader) syslog(at int64, rest []byte, e *Entry) verdict {
	tag, message := word(rest)
	if !bytes.HasSuffix(tag, []byte(":")) { // it is the host
		tag, message = word(message)
	}
	if len(tag) == 0 || tag[len(tag)-1] != ':' {
		return other // nothing with a name
	}
	e.At = at
	name, _, _ := bytes.Cut(tag[:len(tag)-1], []byte("["))
	switch string(name) {
	case "in.tftpd", "tftpd", "tftpd-hpa":
		return r.tftpd(message, e)
	case "atftpd", "in.atftpd":
		return r.atftpd(message, e)
	case "dnsmasq-tftp":
		return r.dnsmasq(message, e)
	case "nginx", "httpd", "apache", "apache2":
		return r.combined(message, e)
	}
	return other
}

// tftpd reads a message of tftpd-hpa, which tells of requests with -v and of errors with
// -vv: "RRQ from 192.0.2.7 filename /spa942.cfg", maybe with "remapped to" behind it, and
// "sending NAK (1, File not found) to 192.0.2.7".
func (r *Reader) tftpd(message []byte, e *Entry) verdict {
	if rest, ok := bytes.CutPrefix(message, []byte("RRQ from ")); ok {
		client, name, ok := bytes.Cut(rest, []byte(" filename "))
		if !ok {
			return other
		}
		name, _, _ = bytes.Cut(name, []byte(" remapped to "))
		return transfer(e, client, name, 200)
	}
	if rest, ok := bytes.CutPrefix(message, []byte("sending NAK (")); ok {
		if at := bytes.LastIndex(rest, []byte(") to ")); at >= 0 {
			return transfer(e, rest[at+5:], nil, 404)
		}
	}
	return other
}

// atftpd reads a message of atftpd: "Serving spa942.cfg to 192.0.2.7:2048". Its message
// that a file is not there names no client.
func (r *Reader) atftpd(message []byte, e *Entry) verdict {
	rest, ok := bytes.CutPrefix(message, []byte("Serving "))
	at := bytes.LastIndex(rest, []byte(" to "))
	if !ok || at < 0 {
		return other
	}
	client := rest[at+4:]
	if colon := bytes.LastIndexByte(client, ':'); colon > 0 {
		client = client[:colon]
	}
	return transfer(e, client, rest[:at], 200)
}

// dnsmasq reads a message of dnsmasq, which has the folder before the name: "sent
// /srv/tftp/spa942.cfg to 192.0.2.7", "file /srv/tftp/spa942.cfg not found for 192.0.2.7",
// "failed sending … to …".
func (r *Reader) dnsmasq(message []byte, e *Entry) verdict {
	for _, form := range [...]struct {
		begins, then string
		status       int
	}{{"sent ", " to ", 200}, {"file ", " not found for ", 404}, {"failed sending ", " to ", 500}} {
		rest, ok := bytes.CutPrefix(message, []byte(form.begins))
		at := bytes.LastIndex(rest, []byte(form.then))
		if !ok || at < 0 {
			continue
		}
		name := rest[:at]
		for _, root := range r.roots {
			if below, ok := bytes.CutPrefix(name, root); ok && len(below) > 0 && below[0] == '/' {
				name = bytes.TrimLeft(below[1:], "/") // dnsmasq joins folder and name with one more
				name = below[len(below)-len(name)-1:]
				break
			}
		}
		return transfer(e, rest[at+len(form.then):], name, form.status)
	}
	return other
}

// transfer makes an entry of a TFTP request.
func transfer(e *Entry, client, name []byte, status int) verdict {
	client = bytes.TrimPrefix(bytes.TrimRight(client, " "), []byte("::ffff:"))
	if !isAddress(client) || bytes.IndexByte(name, 0) >= 0 || name != nil && len(bytes.TrimSpace(name)) == 0 {
		return other
	}
	e.TFTP, e.Client, e.Path, e.Status = true, client, name, status
	return request
}
