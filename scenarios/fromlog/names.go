package fromlog

import (
	"bytes"
	"hash/maphash"
	"strings"

	"spafleet/device/model"
	"spafleet/scenarios/accesslog"
	"spafleet/scenarios/bundle"
)

const (
	mostNames = 4096 // different file names, once what differs between devices is out of them
	mostWords = 4096 // words that were looked up
	mostName  = 512  // bytes of a name; of a longer one the beginning counts
)

// A Name is a file that devices ask for, with macros in the place of what differs between
// them.
type Name struct {
	Path   string
	TFTP   bool
	OK     int
	Failed int
	Begins int   // passes that begin with it
	Bytes  int64 // of all answers that came
	Hidden bool  // something in it looked like a secret, or like a person's or a device's own
	Varies bool  // what stands in its place differs between devices

	slots uint64   // hash of what stood in the place of the slots, the first time
	plain []string // the numbers among it
}

// What stands in a name until it is known whether it differs between devices.
const (
	hiddenSlot  = 1 // a secret, or what looks like one
	numberSlot  = 2 // a number
	addressSlot = 3 // a MAC address without letters: $MA or $MAU
)

// names reads paths, and counts them.
type names struct {
	list    []Name
	numbers map[uint64]int32
	missing int             // requests whose name is not kept: there are too many
	secret  map[string]bool // whether a word is the name of a secret
	guessed map[uint64]*model.Model
	seed    maphash.Seed

	prefixes map[uint32]uint16 // makes, by the prefix of MAC addresses

	// Of the path that was read last:
	text  []byte
	tftp  bool
	mac   uint64 // that stands in it
	slots maphash.Hash
	plain []string
	had   bool // it has slots
}

func newNames() names {
	n := names{numbers: map[uint64]int32{}, secret: map[string]bool{}, guessed: map[uint64]*model.Model{}, seed: maphash.MakeSeed(), prefixes: map[uint32]uint16{}}
	n.slots.SetSeed(n.seed)
	return n
}

// A reading is a path that is read from left to right, with who asks for it.
type reading struct {
	*names
	path   []byte
	serial []byte
	mac    uint64
	of     *make_
	hide   bool // what comes next has the name of a secret
	query  bool
}

// read replaces what belongs to one device in a path: by macros where the device is known
// to fill it in so. What is left that looks like a device's, a person's or a secret is
// kept out.
func (n *names) read(e *accesslog.Entry, a *agent, mac uint64, of *make_) {
	n.text, n.tftp, n.mac, n.had = n.text[:0], e.TFTP, 0, false
	n.plain = n.plain[:0]
	n.slots.Reset()
	r := reading{names: n, path: e.Path[:min(len(e.Path), mostName)], serial: e.Agent[a.serial[0]:a.serial[1]], mac: mac, of: of}
	if len(r.path) > 0 && r.path[0] != '/' {
		n.text = append(n.text, '/')
	}
	for i := 0; i < len(r.path); {
		i = r.step(i)
	}
}

// step reads the next part of a path, and returns where the one after it begins.
func (r *reading) step(i int) int {
	c := r.path[i]
	if !isWord(c) {
		r.mark(c)
		return i + 1
	}
	end := i
	for end < len(r.path) && isWord(r.path[end]) {
		end++
	}
	if r.query && r.text[len(r.text)-1] == '=' {
		end = i + valueLen(r.path[i:])
		if r.hide {
			r.slot(hiddenSlot, r.path[i:end])
			r.hide = false
			return end
		}
		if r.of != nil && string(r.path[i:end]) == r.of.firmware {
			r.text = append(r.text, "$SWVER"...)
			return end
		}
		for end = i; end < len(r.path) && isWord(r.path[end]); {
			end++
		}
	}
	if n := spread(r.path[i:]); n > 0 {
		r.take(macNumber(r.path[i:i+n]), "$MAC")
		return i + n
	}
	if n := r.product(r.path[i:]); n > 0 {
		r.text = append(r.text, "$PN"...)
		return i + n
	}
	word := r.path[i:end]
	if r.hide {
		r.slot(hiddenSlot, word)
		r.hide = false
		return end
	}
	r.word(word)
	r.hide = r.secretName(word)
	return end
}

// mark takes what is no part of a word. What a rule or a served path has a meaning for,
// and what is no plain text, becomes a line.
func (r *reading) mark(c byte) {
	switch {
	case c == '?':
		r.query = true
		r.hide = false
	case c == '.' && !r.query, c == '&', c == ';':
		r.hide = false
	}
	if strings.IndexByte("/._~:@!&=?,+;%-", c) < 0 {
		c = '_'
	}
	r.text = append(r.text, c)
}

// word takes letters and digits.
func (r *reading) word(word []byte) {
	digits, letters := 0, 0
	for _, c := range word {
		if c >= '0' && c <= '9' {
			digits++
		} else {
			letters++
		}
	}
	if len(r.serial) > 0 && bytes.Equal(word, r.serial) {
		r.text = append(r.text, "$SN"...)
		return
	}
	if at := r.address(word); at >= 0 {
		r.text = append(r.text, word[:at]...)
		r.take(macNumber(word[at:at+12]), caseOf(word[at:at+12]))
		if rest := word[at+12:]; len(rest) > 0 {
			r.slot(hiddenSlot, rest)
		}
		return
	}
	if r.of != nil && digits > 0 {
		if head, ok := bytes.CutSuffix(word, []byte(r.of.row.Model.PSN.Value)); ok && (len(head) == 0 || isLetter(head[len(head)-1])) {
			r.text = append(append(r.text, head...), "$PSN"...)
			return
		}
	}
	switch {
	case letters == 0 && digits >= 3 && digits <= 4:
		r.slot(numberSlot, word)
	case letters == 0 && digits >= 5, len(word) >= 20, len(word) >= 16 && digits > 0, len(word) >= 8 && digits >= 4:
		r.slot(hiddenSlot, word)
	default:
		r.text = append(r.text, word...)
	}
}

// address returns where in a word a MAC address stands, -1 for none: that of the device
// anywhere; any other alone, or behind spa or SEP.
func (r *reading) address(word []byte) int {
	if len(word) < 12 {
		return -1
	}
	if r.mac != 0 {
		for at := 0; at+12 <= len(word); at++ {
			if macNumber(word[at:at+12]) == r.mac {
				return at
			}
		}
	}
	for _, head := range [...]string{"", "spa", "SEP", "SPA", "sep"} {
		if rest, ok := bytes.CutPrefix(word, []byte(head)); ok && len(rest) == 12 && macNumber(rest) != 0 {
			return len(head)
		}
	}
	return -1
}

// take puts a macro in the place of a MAC address.
func (r *reading) take(mac uint64, macro string) {
	r.names.mac = mac
	if macro == "" {
		r.text = append(r.text, addressSlot)
		return
	}
	r.text = append(r.text, macro...)
}

// caseOf returns the macro of a MAC address by the case of its letters, "" where it has none.
func caseOf(mac []byte) string {
	for _, c := range mac {
		switch {
		case c >= 'a':
			return "$MA"
		case c >= 'A':
			return "$MAU"
		}
	}
	return ""
}

// spread returns the length of a MAC address with colons or hyphens, 0 for none.
func spread(text []byte) int {
	if len(text) < 17 || text[2] != ':' && text[2] != '-' || len(text) > 17 && isWord(text[17]) {
		return 0
	}
	for i := range 17 {
		if i%3 == 2 && text[i] != text[2] || i%3 != 2 && hexDigit(text[i]) < 0 {
			return 0
		}
	}
	return 17
}

// product returns the length of the device's $PN where a text begins with it, 0 else.
func (r *reading) product(text []byte) int {
	if r.of == nil {
		return 0
	}
	pn := r.of.row.PN()
	if !bytes.HasPrefix(text, []byte(pn)) || len(text) > len(pn) && isWord(text[len(pn)]) {
		return 0
	}
	return len(pn)
}

// slot keeps a text out of the name, and whether it is always the same.
func (r *reading) slot(kind byte, text []byte) {
	r.had = true
	r.text = append(r.text, kind)
	r.slots.Write(text)
	r.slots.WriteByte(0)
	if kind == numberSlot && len(r.plain) < 4 {
		r.names.plain = append(r.names.plain, number4(text))
	}
}

// number4 returns a number of up to four digits as a text.
func number4(text []byte) string { return small[text4(text)%len(small)][4-len(text):] }

func text4(text []byte) (n int) {
	for _, c := range text {
		n = 10*n + int(c-'0')
	}
	return n
}

// small are all numbers of four digits: a text for each line would be garbage.
var small = func() (list [10000]string) {
	const digits = "0123456789"
	for n := range list {
		list[n] = string([]byte{digits[n/1000], digits[n/100%10], digits[n/10%10], digits[n%10]})
	}
	return list
}()

// secretName reports whether a word is the name of a secret, which then comes next.
func (n *names) secretName(word []byte) bool {
	if secret, known := n.secret[string(word)]; known {
		return secret
	}
	secret := bundle.IsSecret(string(word)) || strings.EqualFold(string(word), "pass") || strings.EqualFold(string(word), "auth")
	if len(n.secret) < mostWords {
		n.secret[string(word)] = secret
	}
	return secret
}

// number returns the number of the name that was read, -1 if there are too many.
func (n *names) number() int32 {
	key := maphash.Bytes(n.seed, n.text)
	if n.tftp {
		key = ^key
	}
	i, ok := n.numbers[key]
	if !ok {
		if len(n.list) >= mostNames {
			n.missing++
			return -1
		}
		i = int32(len(n.list))
		n.numbers[key] = i
		n.list = append(n.list, Name{Path: string(n.text), TFTP: n.tftp, slots: n.slots.Sum64(), plain: append([]string(nil), n.plain...)})
	}
	if n.had && !n.list[i].Varies && n.list[i].slots != n.slots.Sum64() {
		n.list[i].Varies = true
	}
	return i
}

func (n *names) count(i int32, e *accesslog.Entry, failed bool) {
	if failed {
		n.list[i].Failed++
		return
	}
	n.list[i].OK++
	n.list[i].Bytes += e.Bytes
}

// finish makes paths of rules and of a server out of what was read.
func (n *names) finish() {
	forms := map[string]bool{}
	for i := range n.list {
		forms[n.list[i].Path] = true
	}
	for i := range n.list {
		name := &n.list[i]
		if strings.IndexByte(name.Path, addressSlot) >= 0 {
			macro := "$MA"
			if upper := strings.ReplaceAll(name.Path, string(rune(addressSlot)), "$MAU"); forms[upper] {
				macro = "$MAU"
			}
			name.Path = strings.ReplaceAll(name.Path, string(rune(addressSlot)), macro)
		}
		name.fill()
		name.Path = separate(name.Path)
	}
}

// fill puts into slots what may be shown: a word, a number that is always the same, or the
// MAC address where what stood there differs between devices.
func (name *Name) fill() {
	var b strings.Builder
	plain := name.plain
	varies := name.Varies
	for i := range len(name.Path) {
		switch c := name.Path[i]; {
		case c == numberSlot && !name.Varies && len(plain) > 0:
			b.WriteString(plain[0])
			plain = plain[1:]
		case c == numberSlot || c == hiddenSlot:
			name.Hidden = true
			b.WriteString("hidden")
			if varies && !strings.Contains(name.Path, "$MA") {
				b.WriteString("-$MA")
				varies = false
			}
		default:
			b.WriteByte(c)
		}
	}
	name.Path = b.String()
}

// separate puts a macro in parentheses where a letter or a digit comes behind it.
func separate(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); {
		if path[i] != '$' {
			b.WriteByte(path[i])
			i++
			continue
		}
		macro := ""
		for _, m := range [...]string{"$SWVER", "$MAU", "$MAC", "$PSN", "$MA", "$PN", "$SN"} {
			if strings.HasPrefix(path[i:], m) {
				macro = m
				break
			}
		}
		if i += len(macro); i < len(path) && isWord(path[i]) {
			macro = "$(" + macro[1:] + ")"
		}
		b.WriteString(macro)
	}
	return b.String()
}

// Serves returns the path by which a server has the file: without the query, which any
// path takes.
func (name *Name) Serves() string {
	path, _, _ := strings.Cut(name.Path, "?")
	return path
}

// modelOf returns the model whose factory's file a path is, or whose name is in it; nil for
// none.
func (n *names) modelOf(path []byte) *model.Model {
	key := maphash.Bytes(n.seed, path)
	if m, known := n.guessed[key]; known {
		return m
	}
	m := modelNamed(string(path))
	if len(n.guessed) < mostWords {
		n.guessed[key] = m
	}
	return m
}

func modelNamed(path string) (found *model.Model) {
	base := strings.ToLower(path[strings.LastIndexByte(path, '/')+1:])
	for m := range model.All() {
		rule := m.DefaultRule.Value
		if rule = strings.ToLower(strings.ReplaceAll(rule, "$PSN", m.PSN.Value)); !strings.Contains(rule, "$") && strings.HasSuffix(rule, "/"+base) && base != "" {
			if found == nil || found.Family == m.Family { // /init.cfg is that of two
				found = m
			}
		}
	}
	if found != nil {
		return found
	}
	for m := range model.All() {
		name := strings.ToLower(m.Name)
		at := strings.Index(base, name)
		if behind := at + len(name); at >= 0 && (behind == len(base) || !isWord(base[behind])) && (found == nil || len(m.Name) > len(found.Name)) {
			found = m
		}
	}
	return found
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isWord(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' }

// valueLen returns the length of a value of a query.
func valueLen(text []byte) int {
	if end := bytes.IndexAny(text, "&;"); end >= 0 {
		return end
	}
	return len(text)
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// macNumber reads a MAC address with or without marks; 0 where it is none.
func macNumber(text []byte) (mac uint64) {
	digits := 0
	for _, c := range text {
		if c == ':' || c == '-' {
			continue
		}
		d := hexDigit(c)
		if d < 0 {
			return 0
		}
		mac = mac<<4 | uint64(d)
		digits++
	}
	if digits != 12 {
		return 0
	}
	return mac
}
