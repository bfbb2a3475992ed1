// Package fromlog makes a scenario of what provisioning servers have logged: the same
// models and firmware, the same files, as often, from as many addresses. No secret and
// no identity of a real device gets into it.
package fromlog

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/scenarios/accesslog"
)

// The bounds of a survey: what it keeps is for each device, address, name and
// User-Agent, never for each line.
const (
	MostDevices  = 1_000_000
	MostArrivals = 4_000_000

	mostAgents    = 2 << 20 // texts of devices
	mostStrangers = 1 << 18 // and of others
	mostOthers    = 256     // User-Agents of others that are counted
	mostAgent     = 120     // bytes of one of them
	mostMakes     = 1024    // models with their firmware, but for the newest of each
	mostClients   = 2 << 20
)

// Options is what a log does not say.
type Options struct {
	// HTTPS says that the requests that are not TFTP came by HTTPS: a log does not.
	HTTPS bool
	// Arrivals keeps when each device began to ask, for a replay.
	Arrivals bool
	// KeepIdentities keeps MAC addresses and serial numbers.
	KeepIdentities bool
	// From and To leave out what is before and after; zero: nothing.
	From, To time.Time
}

// A Survey takes the requests of logs, one after the other.
type Survey struct {
	options   Options
	seed      maphash.Seed
	makes     []make_
	makeOf    map[string]uint16 // by model and firmware
	agents    map[uint64]agent
	units     units
	ids       map[uint64]int32 // of units, by the hash of what identifies them
	clients   map[uint64]int32
	client    []client
	names     names
	strangers int            // among agents
	others    map[string]int // User-Agents of no device that is known, and how often they came

	arrivals []Arrival
	last     int64 // of the latest request so far
	counts   Counts
}

// Counts is what became of the requests.
type Counts struct {
	Requests   int       `json:"requests"` // of devices
	Others     int       `json:"others"`   // of browsers, pollers, and of nobody who says who it is
	Unknown    int       `json:"unknown"`  // of devices whose model is not known
	Outside    int       `json:"outside"`  // before or after the time that was asked for
	Backwards  int       `json:"backwards"`
	Failed     int       `json:"failed"`     // those of devices that the server refused
	Challenged int       `json:"challenged"` // those that it answered with a 401
	Logins     int       `json:"logins"`     // those with a user's name
	First      time.Time `json:"first"`      // of the devices' requests
	Last       time.Time `json:"last"`
}

// LeftOut says which requests are in no scenario; "" for none.
func (c *Counts) LeftOut() string {
	var parts []string
	if c.Others > 0 {
		parts = append(parts, measure.Counted(c.Others, "request")+" of browsers, monitors and others that are no device")
	}
	if c.Unknown > 0 {
		parts = append(parts, measure.Counted(c.Unknown, "request")+" of models that spafleet does not have")
	}
	return strings.Join(parts, ", ")
}

// make_ is a model at a firmware.
type make_ struct {
	model    *model.Model
	firmware string
	row      *model.Row
	assumed  bool // the firmware is in no source
	guessed  bool // so is the model: by a file's name or the prefix of a MAC address
}

// An agent is a User-Agent that was seen.
type agent struct {
	unit   int32 // noUnit: it says which model, and not which device
	make   uint16
	serial [2]uint16 // where it stands in the text
	mac    uint64    // 0: it says none
}

// A client is an address, or a name, that asked.
type client struct {
	unit      int32 // the latest that asked from it
	anonymous int32 // one that has said nothing but its model; noUnit: none
	name      int32 // the latest file of the latest unit
}

const (
	noUnit   = -1
	stranger = ^uint16(0)     // the make of a User-Agent that is no device's
	unknown  = ^uint16(0) - 1 // and of one whose model is not known
)

// An Arrival is the beginning of a pass: a device asks for the first of its files.
type Arrival struct {
	At   int64 // Unix time in nanoseconds
	Unit int32
}

// New returns a survey that has seen nothing.
func New(o Options) *Survey {
	return &Survey{
		options: o, seed: maphash.MakeSeed(), makeOf: map[string]uint16{}, agents: map[uint64]agent{}, ids: map[uint64]int32{},
		clients: map[uint64]int32{}, names: newNames(), others: map[string]int{},
	}
}

// Add takes a request. The error says that a bound is reached: then the survey is of no use.
func (s *Survey) Add(e *accesslog.Entry) error {
	at := time.Unix(0, e.At)
	if !s.options.From.IsZero() && at.Before(s.options.From) || !s.options.To.IsZero() && !at.Before(s.options.To) {
		s.counts.Outside++
		return nil
	}
	if len(e.Path) == 0 {
		s.refused(e)
		return nil
	}
	a, err := s.agent(e.Agent)
	if err != nil {
		return err
	}
	switch a.make {
	case stranger:
		s.counts.Others++
		s.saw(e.Agent)
		return nil
	case unknown:
		s.counts.Unknown++
		name, _, _ := bytes.Cut(e.Agent, []byte(" (")) // without the serial number
		s.saw(name)
		return nil
	}
	s.names.read(e, &a, s.macOf(&a), s.makeAt(a.make))
	unit, err := s.unit(e, &a)
	if err != nil || unit == noUnit {
		return err
	}
	return s.request(e, unit)
}

// macOf returns the MAC address of an agent's device, 0 where it is not known.
func (s *Survey) macOf(a *agent) uint64 {
	if a.mac == 0 && a.unit != noUnit {
		return s.units.at(a.unit).mac
	}
	return a.mac
}

// makeAt returns a make, nil for none.
func (s *Survey) makeAt(n uint16) *make_ {
	if int(n) >= len(s.makes) {
		return nil
	}
	return &s.makes[n]
}

// none is the make of a request without a User-Agent.
const none = ^uint16(0) - 2

// agent reads a User-Agent, once.
func (s *Survey) agent(text []byte) (agent, error) {
	if len(text) == 0 {
		return agent{unit: noUnit, make: none}, nil
	}
	key := maphash.Bytes(s.seed, text)
	if a, ok := s.agents[key]; ok {
		return a, nil
	}
	a, err := s.newAgent(string(text))
	switch {
	case err != nil:
		return a, err
	case a.make == stranger && s.strangers >= mostStrangers:
		return a, nil // it is read again the next time
	case a.make == stranger:
		s.strangers++
	case len(s.agents)-s.strangers >= mostAgents:
		return a, fmt.Errorf("the log has more than %d different User-Agents of devices: import a part of it, with --from and --to", mostAgents)
	}
	s.agents[key] = a
	return a, nil
}

func (s *Survey) newAgent(text string) (agent, error) {
	u, ok := model.FindUserAgent(text)
	if !ok {
		return agent{unit: noUnit, make: stranger}, nil
	}
	if u.Model == nil {
		return agent{unit: noUnit, make: unknown}, nil
	}
	a := agent{unit: noUnit, make: s.make(u.Model, u.Firmware, false), mac: macNumber([]byte(u.MAC))}
	if at := strings.LastIndex(text, "("+u.Serial+")"); u.Serial != "" && at >= 0 {
		a.serial = [2]uint16{uint16(at + 1), uint16(at + 1 + len(u.Serial))}
	}
	key := uint64(0)
	switch {
	case a.mac != 0:
		key = s.idOf("mac", a.mac)
	case u.Serial != "":
		key = maphash.String(s.seed, "serial"+u.Serial)
	default:
		return a, nil
	}
	var err error
	if a.unit, err = s.find(key, a.make); err != nil {
		return a, err
	}
	d := s.units.at(a.unit)
	d.mac, d.make = max(d.mac, a.mac), a.make
	if s.options.KeepIdentities {
		s.units.serials[a.unit] = u.Serial
	}
	return a, nil
}

func (s *Survey) idOf(kind string, n uint64) uint64 {
	var b [32]byte
	text := append(append(b[:0], kind...), byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	return maphash.Bytes(s.seed, text)
}

// find returns the unit of an identity, a new one if need be.
func (s *Survey) find(key uint64, of uint16) (int32, error) {
	if unit, ok := s.ids[key]; ok {
		return s.units.whole(unit), nil
	}
	if s.units.len >= MostDevices {
		return noUnit, fmt.Errorf("the log has more than %d devices, which is the most that is imported: import a part of it, with --from and --to", MostDevices)
	}
	unit := s.units.add(of)
	s.ids[key] = unit
	return unit, nil
}

// make returns the number of a model at a firmware: at its newest, where the firmware
// cannot be or there are too many.
func (s *Survey) make(m *model.Model, firmware string, guessed bool) uint16 {
	key := m.Name + " " + firmware
	if guessed {
		key += "?"
	}
	if n, ok := s.makeOf[key]; ok {
		return n
	}
	if firmware != "" && len(s.makes) >= mostMakes {
		return s.make(m, "", guessed)
	}
	row, err := model.NewRow(m.Name, firmware, nil)
	switch {
	case err != nil && firmware == "":
		return unknown
	case err != nil:
		return s.make(m, "", guessed)
	}
	s.makes = append(s.makes, make_{m, row.Firmware.Version, row, row.Assumption() != "", guessed})
	s.makeOf[key] = uint16(len(s.makes) - 1)
	return s.makeOf[key]
}

// saw counts a User-Agent of no device that is known.
func (s *Survey) saw(text []byte) {
	text = text[:min(len(text), mostAgent)]
	if n, ok := s.others[string(text)]; ok || len(s.others) < mostOthers {
		s.others[string(text)] = n + 1
	}
}

// nobody counts a request that does not say who asks.
func (s *Survey) nobody() {
	s.counts.Others++
	s.saw([]byte("(none)"))
}

// unit returns who asks; noUnit for a stranger.
func (s *Survey) unit(e *accesslog.Entry, a *agent) (int32, error) {
	c, err := s.clientOf(e.Client)
	if err != nil {
		return noUnit, err
	}
	unit := a.unit
	if unit != noUnit {
		unit = s.units.whole(unit)
		s.learn(unit, a.make)
	} else if unit, err = s.unnamed(e, a, c); err != nil || unit == noUnit {
		return unit, err
	}
	s.client[c].unit = unit
	s.units.at(unit).client = c
	return unit, nil
}

// learn notes the MAC address of a device whose User-Agent does not say it and whose file
// does, and takes for one what asked by TFTP with it.
func (s *Survey) learn(unit int32, of uint16) {
	d := s.units.at(unit)
	d.make = of
	if d.mac != 0 || s.names.mac == 0 {
		return
	}
	d.mac = s.names.mac
	key := s.idOf("mac", d.mac)
	if other, ok := s.ids[key]; ok && s.units.whole(other) != unit {
		s.units.join(s.units.whole(other), unit)
	}
	s.ids[key] = unit
}

// unnamed returns the device of a request that names none by its User-Agent: the one with
// the MAC address in the path; else the latest at the address that may be of its model, or
// a nameless one there.
func (s *Survey) unnamed(e *accesslog.Entry, a *agent, c int32) (int32, error) {
	m := a.make
	if m == none {
		if m = s.guess(e); m == none && s.names.mac == 0 && s.client[c].unit == noUnit {
			s.nobody()
			return noUnit, nil
		}
	}
	if mac := s.names.mac; mac != 0 {
		if m == none {
			if m = s.byPrefix(mac); m == none {
				s.nobody()
				return noUnit, nil
			}
		}
		key := s.idOf("mac", mac)
		if _, known := s.ids[key]; !known && s.client[c].anonymous != noUnit {
			unit := s.units.whole(s.client[c].anonymous) // which asked for a file of its model before
			s.client[c].anonymous, s.ids[key] = noUnit, unit
			s.units.at(unit).mac = mac
			return unit, nil
		}
		unit, err := s.find(key, m)
		if err == nil {
			s.units.at(unit).mac = mac
		}
		return unit, err
	}
	if unit := s.client[c].unit; unit != noUnit && (m == none || s.alike(s.units.at(s.units.whole(unit)).make, m)) {
		return s.units.whole(unit), nil
	}
	unit, err := s.find(s.idOf("client"+s.makes[m].model.Name, uint64(c)), m)
	s.client[c].anonymous = unit
	return unit, err
}

// alike reports whether two makes are of one model.
func (s *Survey) alike(a, b uint16) bool { return s.makes[a].model == s.makes[b].model }

// guess returns the make that a file's name is of, none if it tells nothing.
func (s *Survey) guess(e *accesslog.Entry) uint16 {
	if m := s.names.modelOf(e.Path); m != nil {
		return s.make(m, m.Newest().Version, true)
	}
	return none
}

// byPrefix guesses the model by the prefix of a MAC address: the first of the table that
// has it.
func (s *Survey) byPrefix(mac uint64) uint16 {
	if n, ok := s.names.prefixes[uint32(mac>>24)]; ok {
		return n
	}
	n := none
	for m := range model.All() {
		if m.HasPrefix(uint32(mac >> 24)) {
			n = s.make(m, m.Newest().Version, true)
			break
		}
	}
	if len(s.names.prefixes) < mostMakes {
		s.names.prefixes[uint32(mac>>24)] = n
	}
	return n
}

func (s *Survey) clientOf(text []byte) (int32, error) {
	key := maphash.Bytes(s.seed, text)
	if n, ok := s.clients[key]; ok {
		return n, nil
	}
	if len(s.client) >= mostClients {
		return 0, fmt.Errorf("the log has more than %d client addresses: import a part of it, with --from and --to", mostClients)
	}
	n := int32(len(s.client))
	s.client = append(s.client, client{noUnit, noUnit, -1})
	s.clients[key] = n
	return n, nil
}

// refused takes a line that says that the latest TFTP request of a client failed.
func (s *Survey) refused(e *accesslog.Entry) {
	n, ok := s.clients[maphash.Bytes(s.seed, e.Client)]
	if !ok || s.client[n].unit == noUnit || s.client[n].name < 0 {
		return
	}
	s.units.at(s.units.whole(s.client[n].unit)).failed = true
	name := &s.names.list[s.client[n].name]
	name.OK--
	name.Failed++
	s.counts.Failed++
}

// request notes a request of a device.
func (s *Survey) request(e *accesslog.Entry, unit int32) error {
	if e.At < s.last {
		s.counts.Backwards++
	}
	s.last = max(s.last, e.At)
	s.counts.Requests++
	if at := time.Unix(0, e.At); s.counts.First.IsZero() || at.Before(s.counts.First) {
		s.counts.First = at
	}
	if e.User {
		s.counts.Logins++
	}
	if e.Status == 401 {
		s.counts.Challenged++
		return nil // the device asks again at once
	}
	n := s.names.number()
	d := s.units.at(unit)
	s.client[d.client].name = n
	failed := e.Status >= 400
	if failed {
		s.counts.Failed++
	}
	if n < 0 {
		return nil
	}
	s.names.count(n, e, failed)
	if !d.asks(n, e.At, failed) {
		return nil
	}
	s.names.list[n].Begins++
	if !s.options.Arrivals {
		return nil
	}
	if len(s.arrivals) >= MostArrivals {
		return fmt.Errorf("the log has more than %d arrivals, which is the most that is replayed: import a part of it, with --from and --to", MostArrivals)
	}
	s.arrivals = append(s.arrivals, Arrival{e.At, unit})
	return nil
}

// NoDevice says that a log has no request of a device.
type NoDevice struct {
	Others map[string]int // User-Agents that it has, the most frequent ones
	Counts Counts
}

// Error says which User-Agents were seen instead.
func (n *NoDevice) Error() string {
	if len(n.Others) == 0 {
		if n.Counts.Outside > 0 {
			return fmt.Sprintf("no request of a device: all %d requests are before --from or after --to", n.Counts.Outside)
		}
		return "no request of a device, nor of anybody else: is it the log of a provisioning server?"
	}
	var list []string
	for text := range n.Others {
		list = append(list, text)
	}
	slices.SortFunc(list, func(a, b string) int {
		if n.Others[a] != n.Others[b] {
			return n.Others[b] - n.Others[a]
		}
		return strings.Compare(a, b)
	})
	var b bytes.Buffer
	b.WriteString("no request of a device, whose User-Agent looks like Cisco/SPA504G-7.5.5 (MAC)(SERIAL); those of the log:")
	for _, text := range list[:min(len(list), 5)] {
		fmt.Fprintf(&b, "\n  %7d  %q", n.Others[text], text)
	}
	return b.String()
}
