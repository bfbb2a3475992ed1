// Package digest is what both ends of Digest authentication compute, by HTTP and by SIP (RFC 2617).
package digest

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
)

// Hash returns the MD5 of a text, as lower-case hexadecimal digits.
func Hash(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Proof returns what proves a secret: the hash of user, realm and password. Middle is
// the nonce, and with qop also count, client nonce and qop, joined by colons.
func Proof(secret, middle, method, uri string) string {
	return Hash(secret + ":" + middle + ":" + Hash(method+":"+uri))
}

// Middle returns the middle of a [Proof], of the fields of an Authorization header.
func Middle(f map[string]string) string {
	if f["qop"] == "" {
		return f["nonce"]
	}
	return f["nonce"] + ":" + f["nc"] + ":" + f["cnonce"] + ":" + f["qop"]
}

// Fields reads NAME="VALUE", … behind the scheme of an Authorization header. Names
// are in lower case; quotes may be missing. What it cannot read it leaves out.
func Fields(text string) map[string]string {
	fields := map[string]string{}
	for text != "" {
		name, rest, ok := strings.Cut(text, "=")
		if !ok {
			break
		}
		value := ""
		if quoted, is := strings.CutPrefix(rest, `"`); is {
			value, rest, _ = strings.Cut(quoted, `"`)
			_, text, _ = strings.Cut(rest, ",")
		} else {
			value, text, _ = strings.Cut(rest, ",")
		}
		fields[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return fields
}
