package fetch

import (
	"fmt"
	"strconv"

	"spafleet/resync"
)

// appendHTTP adds a request as the devices send it: this header order and the
// port in every Host line are those of 7.6.2f (field; of other firmware
// inferred). A request that answers a challenge comes from another routine, with
// headers of its own and both forms of Connection (field). What a balancer adds comes last.
func appendHTTP(b []byte, r *resync.Request, by Balancer) []byte {
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = appendText(b, r.Path, '!')
	b = append(b, httpVersion(r)...)
	b = append(b, "\r\nHost: "...)
	b = appendText(b, r.Host, '!')
	b = append(b, ':')
	b = strconv.AppendUint(b, uint64(r.Server.Port()), 10)
	if r.Authorization != "" {
		b = append(b, "\r\nAccept-Encoding: gzip, deflate\r\nConnection: Keep-Alive\r\nAccept-Charset: UTF-8\r\nCache-Control: no-cache"...)
	}
	b = append(b, "\r\nUser-Agent: "...)
	b = appendText(b, r.Unit.UserAgent(), ' ')
	if r.Service { // in this order (surface-2.md §2.3: field; that a request without a body has no more is inferred)
		b = append(b, "\r\nx-CiscoIPPhoneModelName: "...)
		b = appendText(b, r.Unit.Row.PN(), ' ')
		b = append(b, "\r\nx-CiscoIPPhoneDisplay: 128x64\r\nx-CiscoIPPhoneSDKVersion: NA"...)
	}
	if r.ContentType != "" {
		b = append(b, "\r\nContent-Type: "...)
		b = appendText(b, r.ContentType, ' ')
	}
	if r.Method != "GET" {
		b = append(b, "\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(r.Body)), 10)
	}
	b = appendAuthorization(b, r)
	b = append(b, "\r\nConnection: close"...)
	b = append(by.appendForwarded(b, r), "\r\n\r\n"...)
	return append(b, r.Body...)
}

func appendAuthorization(b []byte, r *resync.Request) []byte {
	switch {
	case r.Authorization == "":
		return b
	case r.Proxy:
		b = append(b, "\r\nProxy-Authorization: "...)
	default:
		b = append(b, "\r\nAuthorization: "...)
	}
	return appendText(b, r.Authorization, ' ')
}

// httpVersion is a switch: firmware holds both forms, and which of them a
// profile's request takes is not known (1.1: inferred).
func httpVersion(r *resync.Request) string {
	if r.Unit.Row.Behaviour.HTTP.Version10 {
		return " HTTP/1.0"
	}
	return " HTTP/1.1"
}

// appendText adds a text with the bytes below least, and DEL, percent-encoded,
// so that no rule or version can end a line of the request.
func appendText(b []byte, text string, least byte) []byte {
	for i := range len(text) {
		if c := text[i]; c < least || c == 0x7f {
			b = fmt.Appendf(b, "%%%02X", c)
		} else {
			b = append(b, c)
		}
	}
	return b
}
