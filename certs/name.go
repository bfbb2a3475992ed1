package certs

// An attribute is one part of a distinguished name.
type attribute struct {
	kind  *kind
	value string
}

// A kind is what an attribute says, such as the state.
type kind struct {
	label string // as it is printed
	oid   []byte
}

var (
	commonName   = &kind{"CN", oid(2, 5, 4, 3)}
	country      = &kind{"C", oid(2, 5, 4, 6)}
	locality     = &kind{"L", oid(2, 5, 4, 7)}
	state        = &kind{"ST", oid(2, 5, 4, 8)}
	organization = &kind{"O", oid(2, 5, 4, 10)}
	unit         = &kind{"OU", oid(2, 5, 4, 11)}
	emailAddress = &kind{"emailAddress", oid(1, 2, 840, 113549, 1, 9, 1)}
)

var kinds = []*kind{commonName, country, locality, state, organization, unit, emailAddress}

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
	if k == emailAddress {
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
