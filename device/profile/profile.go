package profile

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// Access is what the end user's web login may do with a parameter; the
// administrator's login is not affected (documented). The zero value says that
// the file is silent about it: whether a device then keeps the present access
// or returns to the factory's differs between guides and is the caller's choice.
type Access uint8

// The values of the ua attribute, and of the marks in source text.
const (
	NoAccess  Access = iota + 1 // ua="na", no mark
	ReadOnly                    // ua="ro", mark ?
	ReadWrite                   // ua="rw", mark !
)

var accessNames = [...]string{"", "na", "ro", "rw"}

// String returns the value of the ua attribute, "" for an access not said.
func (a Access) String() string {
	if int(a) < len(accessNames) {
		return accessNames[a]
	}
	return fmt.Sprintf("Access(%d)", uint8(a))
}

// accessOf reads a ua attribute. Templates in the field hold other words, such
// as ua="ua"; these count as absent (inferred).
func accessOf(ua string) Access {
	switch ua {
	case "na":
		return NoAccess
	case "ro":
		return ReadOnly
	case "rw":
		return ReadWrite
	}
	return 0
}

// A Param is one parameter as a file gives it. Name is the XML element name,
// also where the file spelt it as source text. Name and Value share memory with
// the whole file's text: clone what is to outlive it.
type Param struct {
	Name, Value string
	Has         bool // false: <X/>, only the access changes; Value is then empty
	Access      Access
	Custom      bool   // of source text: a * behind the name lets a customization change it; no device cares
	Offset      uint32 // of its element in File.Text; 0: the file is no XML
}

// Protection says what kept others from reading or forging a file. It is a set;
// zero is a plain file. [Decode] never reports TLS or Mutual: they are for the
// transport to add.
type Protection uint8

const (
	Scrambled Protection = 1 << iota // readable by every device
	Targeted                         // addressed to this device's MAC, and opened
	KeyedWeak                        // RC4, or a container key under 256 bits
	Keyed                            // AES-256 with the key of the requesting rule
	TLS                              // came from a verified server
	Mutual                           // and the server verified the device's own certificate
)

var protectionNames = [...]string{"scrambled", "targeted", "keyed-weak", "keyed", "tls", "mutual"}

// Names returns the members in a fixed order, "plain" alone for the empty set.
func (p Protection) Names() []string {
	if p == 0 {
		return []string{"plain"}
	}
	var names []string
	for i, name := range protectionNames {
		if p&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String joins the names with a plus sign, as in "targeted+keyed".
func (p Protection) String() string { return strings.Join(p.Names(), "+") }

// Options is what a device brings to a file: the requesting rule's key, who the
// device is, and how its firmware behaves where the guides are silent. The zero
// value is an ordinary Linksys unit without a key and without a size limit.
type Options struct {
	// Keep says that the body is never changed again: values may share its memory,
	// and need no copy of it.
	Keep bool
	// Scratch is used again by one scan after the other; nil: each has its own memory.
	Scratch *Scratch

	Key   string // the requesting rule's --key, expanded
	Keyed bool   // the rule has a --key, maybe an empty one

	MAC    string // 12 lower-case hex digits, opens targeted containers
	Family string // a container's family must be empty or equal to it

	// Aliases is the content of the parameter that --alias names; empty: none.
	// Entries read `/outer/element = /flat-profile/Name ;`, up to 30; the left
	// side matches the end of an element's path, and the file needs no
	// flat-profile element then (documented).
	Aliases string

	// Limit is the most bytes of the file and of what it unpacks to; 0: none.
	// The firmware has a limit (field); no maker publishes it.
	Limit int

	// AcceptPlainUnderKey takes a file that is not encrypted though the rule has
	// a key. By default it is refused: the firmware has a text for it (field,
	// medium certainty).
	AcceptPlainUnderKey bool

	// EmptyElementClears makes <X/> empty the value, as the guides of the later
	// multiplatform phones say. By default it leaves the value (documented).
	EmptyElementClears bool

	// Nested makes items count in the sections of <router-configuration>, by
	// their own name, as SPA1xx, SPA2xx and ATA19x do (documented). By default
	// the block is skipped like any unknown element.
	Nested bool

	// AcceptSource takes compiler source text as it is. No device is known to
	// (inferred).
	AcceptSource bool

	// StrictAmpersand refuses a file with an ampersand that begins no reference.
	// By default it stands for itself (inferred).
	StrictAmpersand bool

	// CDATA takes CDATA sections as text. By default an element that holds one
	// is ignored (inferred).
	CDATA bool

	// Mistakes is what happens to XML that breaks the rules.
	Mistakes Mistakes

	// KeepBlanks leaves blanks and line ends around a value. By default they are
	// dropped (documented).
	KeepBlanks bool

	// EmptyFile takes a file of no bytes, or of blanks alone, for a profile that
	// says nothing. By default it is corrupt (inferred).
	EmptyFile bool

	// The vendor's compiled binaries, which nobody can read, are opened by the
	// first of these that is set: Sidecar is asked for the source text that a file
	// of this SHA-256 was compiled from, External opens it with a program of its
	// owner, and Opaque takes it as a file that holds nothing. Without, or where
	// the one that answers fails, such a file is a corrupt one. Both functions may
	// be called from several goroutines, and Decode waits for them.
	Sidecar  func(sum [sha256.Size]byte) (source string, ok bool)
	External func(body []byte) (source string, err error)
	Opaque   bool

	// EmptyForeign takes an XML file without a flat-profile element for a profile
	// that says nothing. By default it is corrupt (inferred).
	EmptyForeign bool

	// CompiledOnly is firmware before 2.0.6, to which XML and what openssl wrote
	// are corrupt (documented).
	CompiledOnly bool

	// ShortKeys is firmware before 2.0, whose keys have 128 bits at most
	// (documented; the text of the refusal is inferred).
	ShortKeys bool

	// Explain spends some milliseconds on a file that does not decrypt, to name
	// one more mistake in Error.Hint. It is for a person's command, not a fleet.
	Explain bool
}

// Mistakes says for each kind of mistake in XML what the firmware does about it. Open
// and close tags must match (documented); what happens otherwise is in no guide.
type Mistakes struct {
	Broken    OnMistake // a tag, a comment or the file ends too early; Overlook means Refuse
	EndTag    OnMistake // </B> where </A> is due; Overlook: it closes <A>
	Slash     OnMistake // <A/B>, the web page's name with its slash; Overlook: the element is passed over
	Less      OnMistake // a < that begins no tag; Overlook: it is text
	Attribute OnMistake // <A ua"na">, an attribute without an equals sign; Overlook: it says nothing
	Blank     OnMistake // </A >; Overlook: it closes <A>
}

// OnMistake is what a firmware does about a mistake in XML. The zero value is what is
// thought of an ordinary unit: Overlook for Attribute and Blank, else Refuse (inferred).
type OnMistake uint8

// What a firmware may do.
const (
	Refuse     OnMistake = iota + 1 // the file is corrupt
	ApplyStart                      // what stands before the mistake counts, in a flat-profile
	Overlook                        // the file counts
)

// The names of firmware switches, each of which decides about one kind of mistake.
const (
	brokenFile    = "broken_file"
	mismatchedEnd = "mismatched_end"
	slashInName   = "slash_in_name"
	bareLess      = "bare_less_than"
	bareAttribute = "bare_attribute"
	blankInEnd    = "blank_in_end_tag"
	bareAmpersand = "bare_ampersand"
	cdataSection  = "cdata"
	noFlatProfile = "no_flat_profile"
	emptyFile     = "empty_file"
)

// on returns what happens to a kind of mistake.
func (m *Mistakes) on(mistake string) OnMistake {
	usual, on := Refuse, m.Broken
	switch mistake {
	case mismatchedEnd:
		on = m.EndTag
	case slashInName:
		on = m.Slash
	case bareLess:
		on = m.Less
	case bareAttribute:
		usual, on = Overlook, m.Attribute
	case blankInEnd:
		usual, on = Overlook, m.Blank
	}
	if on == 0 {
		return usual
	}
	return on
}

// exceeds reports whether n bytes are more than the device's buffer holds.
func (o Options) exceeds(n int) bool { return o.Limit > 0 && n > o.Limit }

// maxValue is the most characters of a value. The web pages of four models
// stop there (field); that files are cut at the same length is inferred.
const maxValue = 2047

// A File is what a profile file says.
type File struct {
	Params     []Param    // in file order, duplicates kept: for a device the last one wins (documented)
	Protection Protection // without what the transport adds
	Text       string     // of XML: decrypted, unpacked, without a byte order mark; the Params share its memory
	Truncated  int        // how many values were cut to 2047 bytes

	// Partly says what of the file counts, if not all of it does: "up to line 7: ",
	// or "without <GPP_A> in line 3: ", and why. Mistake is the name of the firmware
	// switch that decides about it.
	Partly, Mistake string

	// Opened is how a compiled binary was opened, 0 for every other file. What a
	// program made of it may be meant for this device only.
	Opened Opened
}

// Opened says by which of the [Options] a compiled binary was opened.
type Opened uint8

// The ways to open a compiled binary. Its protection cannot be told: it counts as
// plain, however it was compiled.
const (
	BySidecar Opened = iota + 1
	ByExternal
	AsOpaque
)

// An Error is a file that the device refuses.
type Error struct {
	Text string // the device's $ERR, e.g. "corrupt file"
	Hint string // for a person: the likely cause and what to do; may be empty
	Own  bool   // another device with the same options, but for its MAC, may open the file

	Line    int    // of the mistake in XML, decrypted and unpacked; 0: none
	Column  int    // likewise, in bytes from 1
	Mistake string // the name of the firmware switch that decides about it; empty: none
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Text
	}
	return e.Text + ": " + e.Hint
}

// The firmware's texts (field; "corrupt file" is documented as well). Which
// situation gives which text is inferred.
const (
	errCorrupt   = "corrupt file"
	errDecrypt   = "file decrypt error"
	errExpecting = "expecting an encrypted file"
	errZeroKey   = "zero length key"
	errKeyLength = "invalid length key"
	errSize      = "file size exceeds internal buffer"
	errAliases   = "aliases error"
)

func corrupt(hint string) *Error { return &Error{Text: errCorrupt, Hint: hint} }
