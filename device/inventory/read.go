package inventory

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/host"
)

// MostBytes is the longest list, in bytes.
const MostBytes = 128 << 20

// mostGroups is how many different groups, models and firmware versions a list may
// have together. Devices of one of them share what they have in common.
const mostGroups = 1024

// Read reads a list: a line that names the columns, then one for each device. Name is
// what mistakes call it, and dir the folder that the names of certificates start from.
// The error is [*Mistakes]: all that is wrong, each with its place.
func Read(src []byte, name, dir string) (*List, error) {
	r := &reader{list: &List{name: name}, dir: dir, sum: sha256.New(), rows: map[rowName]*row{}, groups: map[groupKey]uint16{},
		macs: map[model.MAC]int{}, serials: map[serialKey]int{}, addresses: map[[4]byte]int{}}
	r.mistakes.Name = name
	for i := range r.at {
		r.at[i] = -1
	}
	if r.text(src) {
		r.records()
	}
	if err := r.mistakes.err(); err != nil {
		return nil, err
	}
	r.finish()
	return r.list, nil
}

// ReadFile is [Read] of a file of at most [MostBytes], from whose folder the names of
// certificates start.
func ReadFile(name string) (*List, error) {
	src, err := host.ReadFile(name, MostBytes)
	if err != nil {
		return nil, err
	}
	return Read(src, name, filepath.Dir(name))
}

// A reader turns a file into a list.
type reader struct {
	list     *List
	dir      string
	csv      *csv.Reader
	columns  []column
	at       [noteField]int // the place of a column that is no parameter's, -1 for none
	params   []int          // places of the parameters' columns, by ascending ID
	mistakes Mistakes
	sum      hash.Hash
	digested []byte // what was added to it last, to be used again

	rows      map[rowName]*row
	groups    map[groupKey]uint16
	counts    []groupKey // of each group
	macs      map[model.MAC]int
	serials   map[serialKey]int
	addresses map[[4]byte]int
	without   int // the line of the first device without an address
	sets      []device.Set
	record    []string
	line      int
}

type (
	rowName  struct{ model, firmware string }
	groupKey struct {
		name string
		row  *row
	}
	serialKey struct {
		model  *model.Model
		serial string
	}
)

// A row is a model and firmware of the list, and which of its columns' parameters it
// has.
type row struct {
	*model.Row
	why    string         // it is none
	of     field          // the column that says so
	params []*model.Param // beside reader.params; nil: the firmware lacks it
}

// text takes the text of a file, and reports whether it is one.
func (r *reader) text(src []byte) bool {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	switch {
	case bytes.HasPrefix(src, []byte{0xff, 0xfe}), bytes.HasPrefix(src, []byte{0xfe, 0xff}), bytes.IndexByte(src[:min(len(src), 1<<10)], 0) >= 0:
		r.mistakes.add(1, 1, "", "this is not text in UTF-8; save the file as comma-separated values, UTF-8")
		return false
	case len(src) > MostBytes:
		r.mistakes.add(1, 1, "", "the list has %d bytes, more than %d", len(src), MostBytes)
		return false
	case bytes.IndexByte(src, '\n') < 0:
		src = bytes.ReplaceAll(src, []byte("\r"), []byte("\n"))
	}
	r.csv = csv.NewReader(bytes.NewReader(src))
	r.csv.Comma, r.csv.Comment, r.csv.FieldsPerRecord, r.csv.ReuseRecord = delimiterOf(src), '#', -1, true
	r.csv.TrimLeadingSpace = r.csv.Comma != '\t'
	return true
}

// records reads the header and the devices.
func (r *reader) records() {
	for {
		record, err := r.csv.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.malformed(err)
			if r.columns == nil {
				return
			}
			continue
		}
		r.record = record
		r.line, _ = r.csv.FieldPos(0)
		switch {
		case r.columns == nil:
			if r.header(record, r.csv.FieldPos); r.mistakes.Count > 0 {
				return
			}
		case !slices.ContainsFunc(record, func(s string) bool { return strings.TrimSpace(s) != "" }):
		case len(record) != len(r.columns):
			r.mistakes.add(r.line, 1, "", "the line has %d fields, the header %d", len(record), len(r.columns))
		case r.list.Len() == device.MaxDevices:
			r.mistakes.add(r.line, 1, "", "more than %d devices", device.MaxDevices)
			return
		default:
			r.device()
		}
	}
	switch {
	case r.mistakes.Count > 0:
	case r.columns == nil:
		r.mistakes.add(1, 1, "", "the list is empty; its first line names the columns: mac, model, and as you like %s", others)
	case r.list.Len() == 0:
		r.mistakes.add(r.line, 1, "", "no device stands below the header")
	}
}

// malformed notes what is no comma-separated value.
func (r *reader) malformed(err error) {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		r.mistakes.add(1, 1, "", "%s", err)
		return
	}
	text := p.Err.Error()
	switch {
	case errors.Is(p.Err, csv.ErrBareQuote):
		text = `a " stands in a field without quotes: put the field into quotes, and write "" for each one in it`
	case errors.Is(p.Err, csv.ErrQuote):
		text = `a field that begins with " has no end, or something stands behind it; write "" for each one in it`
	}
	r.mistakes.add(p.StartLine, max(p.Column, 1), "", "%s", text)
}

// field returns a field of the record, empty where the file has no such column.
func (r *reader) field(f field) string {
	if r.at[f] < 0 {
		return ""
	}
	return strings.TrimSpace(r.record[r.at[f]])
}

// wrong notes a mistake in a field of the record.
func (r *reader) wrong(at int, format string, args ...any) {
	line, column := r.line, 1
	of := ""
	if at >= 0 {
		line, column = r.csv.FieldPos(at)
		of = r.columns[at].name
	}
	r.mistakes.add(line, column, of, format, args...)
}

// device reads the device of the record.
func (r *reader) device() {
	before := r.mistakes.Count
	for i, text := range r.record {
		if !utf8.ValidString(text) {
			r.wrong(i, "%s is not text in UTF-8", shown(text))
		}
	}
	mac := r.mac()
	kind := r.kind()
	group := r.group(kind)
	serial := r.serial(kind)
	address := r.address()
	certificate := r.certificate(mac)
	r.values(kind)
	if r.mistakes.Count > before {
		return
	}
	l := r.list
	dev := len(l.macs)
	l.macs = append(l.macs, mac)
	l.group = append(l.group, group)
	l.serials.set(dev, serial)
	if address.IsValid() {
		l.addresses = append(l.addresses, address.As4())
	}
	if certificate.File != "" {
		l.files = append(l.files, certificate)
	}
	if err := l.values.Add(kind.Factory, r.sets); err != nil {
		r.wrong(-1, "%s", err)
	}
	r.digest(mac, kind, serial, address)
}

// digest adds a device to the digest. Parameters go by name: their numbers differ
// between builds, and the order of columns says nothing.
func (r *reader) digest(mac model.MAC, kind *row, serial string, address netip.Addr) {
	b := append(r.digested[:0], mac[:]...)
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	text(kind.Model.Name)
	text(kind.Firmware.Version)
	text(r.groupName())
	text(serial)
	b = append(b, address.AsSlice()...)
	for _, s := range sorted(r.sets) {
		text(s.ID.Name())
		text(s.Value)
	}
	r.digested = append(b, '\n')
	r.sum.Write(r.digested)
}

// sorted returns a device's values by name.
func sorted(sets []device.Set) []device.Set {
	byName := func(a, b device.Set) int { return strings.Compare(a.ID.Name(), b.ID.Name()) }
	if !slices.IsSortedFunc(sets, byName) {
		slices.SortFunc(sets, byName)
	}
	return sets
}

// mac reads the device's address, which no other has.
func (r *reader) mac() model.MAC {
	text, at := r.field(macField), r.at[macField]
	mac, err := model.ParseMAC(text)
	switch before, twice := r.macs[mac]; {
	case text == "":
		r.wrong(at, "a device without a MAC address")
	case err != nil && strings.Contains(text, "E+"):
		r.wrong(at, "%s is no MAC address any more: a spreadsheet has read it as a number; format the column as text", shown(text))
	case err != nil:
		r.wrong(at, "%s is not a MAC address of 12 hexadecimal digits", shown(text))
	case !possible(mac):
		r.wrong(at, "%s is no address that a device can have", shown(text))
	case twice:
		r.wrong(at, "%s is already in line %d", shown(text), before)
	default:
		r.macs[mac] = r.line
	}
	return mac
}

// kind returns the device's model and firmware.
func (r *reader) kind() *row {
	name := rowName{r.field(modelField), r.field(firmwareField)}
	k := r.rows[name]
	switch {
	case k != nil:
	case len(r.rows) < mostKinds:
		k = r.newRow(name)
		r.rows[rowName{strings.Clone(name.model), strings.Clone(name.firmware)}] = k
	default:
		k = &row{why: fmt.Sprintf("more than %d different models and firmware versions", mostKinds), of: modelField}
	}
	if k.why != "" {
		r.wrong(r.at[k.of], "%s", k.why)
	}
	return k
}

// mostKinds is how many models and firmware versions, right or wrong, are looked up.
const mostKinds = 2 * mostGroups

func (r *reader) newRow(name rowName) *row {
	if name.model == "" {
		return &row{why: "a device without a model", of: modelField}
	}
	if _, err := model.FindModel(name.model); err != nil {
		return &row{why: err.Error(), of: modelField}
	}
	m, err := model.NewRow(name.model, name.firmware, nil)
	if err != nil {
		return &row{why: err.Error(), of: firmwareField}
	}
	for _, k := range r.rows { // by another spelling
		if k.Row != nil && k.Model == m.Model && k.Firmware == m.Firmware {
			return k
		}
	}
	k := &row{Row: m}
	for _, at := range r.params {
		p, ok := m.Lookup(r.columns[at].param)
		if !ok {
			p = nil
		}
		k.params = append(k.params, p)
	}
	return k
}

// groupName returns the name of the device's group.
func (r *reader) groupName() string {
	if name := r.field(groupField); name != "" {
		return name
	}
	return DefaultGroup
}

// DefaultGroup is the group of devices of which the list does not say another.
const DefaultGroup = "devices"

// IsGroupName reports whether a group may have a name: lower-case letters, digits and
// hyphens, and not all.
func IsGroupName(s string) bool {
	return s != "" && s != "all" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// group returns the number of the device's group, in the order in which they came.
func (r *reader) group(kind *row) uint16 {
	name := r.groupName()
	if !IsGroupName(name) {
		r.wrong(r.at[groupField], "%s is not a group's name: lower-case letters, digits and hyphens, and not all", shown(name))
		return 0
	}
	key := groupKey{name, kind}
	n, ok := r.groups[key]
	switch {
	case ok || kind.Row == nil:
	case len(r.counts) == mostGroups:
		r.wrong(r.at[groupField], "more than %d groups, models and firmware versions; what differs between devices can be a column of its own, such as param:GPP_A", mostGroups)
	default:
		n, key.name = uint16(len(r.counts)), strings.Clone(name)
		r.groups[key] = n
		r.counts = append(r.counts, key)
	}
	return n
}

// serial reads the device's serial number, which no other of its model has.
func (r *reader) serial(kind *row) string {
	serial, at := r.field(serialField), r.at[serialField]
	if serial == "" || kind.Row == nil {
		return serial
	}
	key := serialKey{kind.Model, serial}
	switch before, twice := r.serials[key]; {
	case !isSerial(serial):
		r.wrong(at, "%s is not a serial number: letters, digits and hyphens, at most %d", shown(serial), mostSerial)
	case twice:
		r.wrong(at, "%s is already that of the %s in line %d", shown(serial), kind.Model.Name, before)
	default:
		r.serials[key] = r.line
	}
	return serial
}

// mostSerial is the longest serial number; those of the makers have 11 or 12.
const mostSerial = 32

func isSerial(s string) bool {
	return len(s) <= mostSerial && strings.Trim(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") == ""
}

// possible reports whether a device can have an address.
func possible(mac model.MAC) bool { return mac[0]&1 == 0 && mac != model.MAC{} }

// One returns the list of one device. Without a serial number it has the one that
// follows from the seed.
func One(r *model.Row, mac model.MAC, serial string) (*List, error) {
	switch {
	case !possible(mac):
		return nil, fmt.Errorf("%s is no address that a device can have", mac)
	case !isSerial(serial):
		return nil, fmt.Errorf("%s is not a serial number: letters, digits and hyphens, at most %d", shown(serial), mostSerial)
	}
	src := fmt.Sprintf("mac,model,firmware,serial\n%s,%s,%s,%s\n", mac, r.Model.Name, r.Firmware.Version, serial)
	return Read([]byte(src), "the device", "")
}

// address reads where the device lives, which is nobody else's address.
func (r *reader) address() (address netip.Addr) {
	text, at := r.field(addressField), r.at[addressField]
	if at < 0 {
		return address
	}
	if text == "" {
		if r.without == 0 {
			r.without = r.line
		}
		if len(r.addresses) > 0 {
			r.wrong(at, "no address, where other devices have one: give each device an address, or none")
		}
		return address
	}
	address, err := netip.ParseAddr(text)
	if err != nil || !address.Is4() || address.IsMulticast() || address.IsUnspecified() || address == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		r.wrong(at, "%s is not an IPv4 address of one device", shown(text))
		return netip.Addr{}
	}
	if before, twice := r.addresses[address.As4()]; twice {
		r.wrong(at, "%s is already in line %d", shown(text), before)
	} else if r.without > 0 {
		r.wrong(at, "an address, and the device in line %d has none: give each device an address, or none", r.without)
	}
	r.addresses[address.As4()] = r.line
	return address
}

// certificate reads which files the device's certificate is in.
func (r *reader) certificate(mac model.MAC) Certificate {
	c := Certificate{MAC: mac, File: r.file(certificateField), Key: r.file(keyField)}
	if c.Key != "" && c.File == "" {
		r.wrong(r.at[keyField], "a key without a certificate")
	}
	return c
}

// file reads the name of a file, which must be there.
func (r *reader) file(f field) string {
	name := r.field(f)
	if name == "" {
		return ""
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(r.dir, name)
	}
	if info, err := os.Stat(name); err != nil {
		r.wrong(r.at[f], "%s", err)
	} else if info.IsDir() {
		r.wrong(r.at[f], "%s is a folder", name)
	}
	return name
}

// values reads what the device is set to. An empty field leaves a parameter as it is.
func (r *reader) values(kind *row) {
	r.sets = r.sets[:0]
	if kind.Row == nil {
		return
	}
	for i, at := range r.params {
		text := r.record[at]
		if text == "" {
			continue
		}
		p := kind.params[i]
		if p == nil {
			name, why := r.columns[at].param, ""
			if r.mistakes.Count < MostShown { // others are not shown: it takes time
				why = ": " + device.WhyLacks(kind.Row, name).String()
			}
			r.wrong(at, "%s %s has no parameter %s%s; leave the field empty", kind.Model.Name, kind.Firmware.Version, name, why)
			continue
		}
		value, ok := p.Take(text)
		if !ok {
			r.wrong(at, "a %s does not take %s for %s; it takes %s", kind.Model.Name, shown(text), p.Name, p.Takes())
			continue
		}
		r.sets = append(r.sets, device.Set{ID: p.ID, Has: true, Access: p.Access, Value: value})
	}
}

// finish numbers the groups, so that those of one name are neighbours, and orders the
// devices.
func (r *reader) finish() {
	l := r.list
	var names []string
	for _, g := range r.counts {
		if !slices.Contains(names, g.name) {
			names = append(names, g.name)
		}
	}
	number := make([]uint16, len(r.counts))
	for _, name := range names {
		for i, g := range r.counts {
			if g.name == name {
				number[i] = uint16(len(l.groups))
				l.groups = append(l.groups, Group{Name: name, Row: g.row.Row})
			}
		}
	}
	for dev, g := range l.group {
		l.group[dev] = number[g]
		l.groups[number[g]].Count++
	}
	first := 0
	for _, g := range l.groups {
		l.firsts = append(l.firsts, first)
		first += g.Count
	}
	next := slices.Clone(l.firsts)
	l.order = make([]uint32, len(l.macs))
	for dev, g := range l.group {
		l.order[next[g]] = uint32(dev)
		next[g]++
	}
	l.byAddress = make([]uint32, len(l.addresses))
	for i := range l.byAddress {
		l.byAddress[i] = uint32(i)
	}
	slices.SortFunc(l.byAddress, func(a, b uint32) int { return slices.Compare(l.addresses[a][:], l.addresses[b][:]) })
	l.macs, l.group, l.addresses = slices.Clone(l.macs), slices.Clone(l.group), slices.Clone(l.addresses)
	l.serials.clip()
	l.values.Done()
	l.digest = hex.EncodeToString(r.sum.Sum(nil))
}
