package certs

// An attribute is one part of a distinguished name.
type attribute struct {
	kind  *kind
	value string
}

// A kind is what an attribute says, such as the state.
type kind struct {
	oid []byte
	ia5 bool // an address for mail
}

var (
	commonName   = &kind{oid(2, 5, 4, 3), false}
	country      = &kind{oid(2, 5, 4, 6), false}
	locality     = &kind{oid(2, 5, 4, 7), false}
	state        = &kind{oid(2, 5, 4, 8), false}
	organization = &kind{oid(2, 5, 4, 10), false}
	unit         = &kind{oid(2, 5, 4, 11), false}
	emailAddress = &kind{oid(1, 2, 840, 113549, 1, 9, 1), true}
)

// A dn is a distinguished name, in the order in which it is written. Attributes
// without a value are left out.
type dn []attribute

// der returns the name as a certificate has it.
func (d dn) der() []byte {
	var sets [][]byte
	for _, a := range d {
		if a.value != "" {
			value := der(a.kind.tag(a.value), []byte(a.value))
			sets = append(sets, der(tagSet, der(tagSequence, a.kind.oid, value)))
		}
	}
	return der(tagSequence, sets...)
}

// tag returns the type of string that OpenSSL 0.9.7 gave a value: PrintableString
// where its letters allow it, which commas and colons do, and else TeletexString.
func (k *kind) tag(value string) byte {
	if k.ia5 {
		return tagIA5
	}
	tag := byte(tagPrintable)
	for i := range len(value) {
		switch {
		case value[i] >= 0x80:
			return tagUTF8
		case !printable(value[i]):
			tag = tagTeletex
		}
	}
	return tag
}

// printable reports whether a PrintableString may hold a letter.
func printable(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case ' ', '\'', '(', ')', '+', ',', '-', '.', '/', ':', '=', '?':
		return true
	}
	return false
}
