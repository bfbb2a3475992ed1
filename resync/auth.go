package resync

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"spafleet/device/digest"
)

// mostAnswers is how often one file's challenges are answered before its
// transfer counts as failed (documented for the descendants of these devices).
const mostAnswers = 2

// ask makes one request, and answers the challenges of its server where the
// firmware can and the rule has credentials. No answer is sent unasked (field). The
// phases of the transfer are those of its last request.
func (x *transfer) ask() (Response, error) {
	r := x.request()
	resp, err := x.exchange(r)
	answering := reply{uid: x.options.UID, pwd: x.options.PWD, method: r.Method, uri: r.Path, one: x.in.Unit.Row.Behaviour.HTTP.CountsOne}
	for try := 0; try < mostAnswers && err == nil && x.challenged(&answering, resp.Status); try++ {
		again := *r
		again.Authorization = answering.to(resp.Challenges, x.clientNonce())
		again.Proxy = resp.Status == 407
		if again.Authorization == "" {
			break
		}
		resp, err = x.exchange(&again)
	}
	return resp, err
}

func (x *transfer) challenged(r *reply, status int) bool {
	return x.in.Unit.Row.Behaviour.HTTP.Auth && r.uid != "" && (status == 401 || status == 407)
}

// clientNonce returns the next client nonce, a new one for each request: a function of
// the attempt's draw and of how many there were. It has no zeros in front (image of
// 7.5.2b); that it is of 32 bits is inferred.
func (a *attempt) clientNonce() string {
	a.nonces++
	sum := md5.Sum(fmt.Appendf(nil, "%d %d", a.in.Nonce, a.nonces))
	return strconv.FormatUint(uint64(binary.BigEndian.Uint32(sum[:])), 16)
}

// A reply is what answers the challenges of one request.
type reply struct {
	uid, pwd, method, uri string
	one                   bool   // each answer says that it is the first to its nonce
	nonce                 string // of the server, as last answered
	count                 int    // answers to it so far
}

// to returns the header value that answers one of a server's challenges, Digest
// rather than Basic (inferred); "" where it can answer none.
func (r *reply) to(headers []string, cnonce string) string {
	basic := false
	for _, c := range parseChallenges(headers) {
		switch {
		case c.scheme == "digest" && c.answerable():
			return r.digest(c, cnonce)
		case c.scheme == "basic":
			basic = true
		}
	}
	if !basic {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(r.uid+":"+r.pwd))
}

// digest writes the fields in the order of 7.6.2f, which puts no quotes around
// algorithm, qop and nc (field). Digests in SIP messages of 7.4.9a and 7.6.1 have no
// blanks behind the commas (field); that those of HTTP have none is inferred. Without qop there is neither count nor client
// nonce (RFC 2069's form).
func (r *reply) digest(c challenge, cnonce string) string {
	if r.one || r.nonce != c.params["nonce"] {
		r.nonce, r.count = c.params["nonce"], 0
	}
	r.count++
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username="%s",realm="%s",nonce="%s",uri="%s",algorithm=MD5`, r.uid, c.params["realm"], r.nonce, r.uri)
	between := r.nonce
	if c.params["qop"] != "" {
		nc := fmt.Sprintf("%08x", r.count)
		fmt.Fprintf(&b, `,qop=auth,nc=%s,cnonce="%s"`, nc, cnonce)
		between += ":" + nc + ":" + cnonce + ":auth"
	}
	secret := digest.Hash(r.uid + ":" + c.params["realm"] + ":" + r.pwd)
	fmt.Fprintf(&b, `,response="%s"`, digest.Proof(secret, between, r.method, r.uri))
	if opaque, ok := c.params["opaque"]; ok {
		fmt.Fprintf(&b, `,opaque="%s"`, opaque)
	}
	return b.String()
}

// A challenge is one way of proving oneself that a server offers.
type challenge struct {
	scheme string // in small letters
	params map[string]string
}

// answerable reports whether the firmware knows this kind of digest: MD5, and no
// protection or that of the request line. Others were not seen in it.
func (c challenge) answerable() bool {
	algorithm, qop := c.params["algorithm"], c.params["qop"]
	if algorithm != "" && !strings.EqualFold(algorithm, "MD5") {
		return false
	}
	if qop == "" {
		return true
	}
	for word := range strings.SplitSeq(qop, ",") {
		if strings.EqualFold(strings.TrimSpace(word), "auth") {
			return true
		}
	}
	return false
}

// parseChallenges reads the challenges of a response, several of which may share
// a header line. What it cannot read it leaves out.
func parseChallenges(headers []string) []challenge {
	var all []challenge
	for _, header := range headers {
		for _, part := range splitUnquoted(header) {
			name, value, isParam := strings.Cut(part, "=")
			scheme, first, begins := strings.Cut(strings.TrimSpace(name), " ")
			if begins || !isParam {
				all = append(all, challenge{strings.ToLower(scheme), map[string]string{}})
				name = first
			}
			if isParam && len(all) > 0 {
				all[len(all)-1].params[strings.ToLower(strings.TrimSpace(name))] = unquoted(strings.TrimSpace(value))
			}
		}
	}
	return all
}

// splitUnquoted splits a header at the commas outside quotes.
func splitUnquoted(header string) []string {
	var parts []string
	quoted, start := false, 0
	for i := range len(header) {
		switch {
		case header[i] == '"' && (i == 0 || header[i-1] != '\\'):
			quoted = !quoted
		case header[i] == ',' && !quoted:
			parts, start = append(parts, strings.TrimSpace(header[start:i])), i+1
		}
	}
	return append(parts, strings.TrimSpace(header[start:]))
}

// unquoted takes the quotes off a value and leaves what is inside as it is, so
// that an escape goes back to the server as it came.
func unquoted(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}
