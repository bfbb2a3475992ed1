package scenarios

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"spafleet/device/inventory"
	"spafleet/fleet"
	"spafleet/prov"
	"spafleet/resync/fetch"
	"spafleet/resync/unit"
	"spafleet/scenarios/report"
)

// A Scenario is a file as it is written: devices, servers, timeline,
// expectations. Its values are not checked together before [NewPlan].
type Scenario struct {
	Name     string
	About    string
	Seed     uint64
	Clock    Clock
	Duration time.Duration // 0: until no step is left and every expectation is decided
	Brief    bool          // ends before Duration as soon as nothing is left to decide
	Lateness time.Duration // p99 above which the run is invalid; 0: 100 ms
	Rate     float64       // most starts per second; 0: no limit
	Most     int           // attempts at once; 0: what the machine allows
	Fleet    []Group
	// Devices is a list that says who the devices are; see [Scenario.List]. Nil: they
	// follow from Seed.
	Devices    *inventory.List
	Server     *Server
	Target     *Target
	Timeline   []Step
	Expect     []Expectation
	Thresholds []report.Threshold
	Bug        *Bug // nil: the scenario is about none
	Params     []Param
	With       []Change          // what changed the file from outside
	Files      map[string]string // SHA-256 of the files that from names, by path
	Warnings   []string          // of the file: what is no mistake, but probably not meant
	SHA256     string            // of the file; "" for a scenario that no file holds
	file       *source
	cured      bool // a cure of its bug is merged into it
}

// A Group is devices of the fleet, numbered after those of the groups before it.
type Group struct {
	Name       string
	Model      string // or Mix
	Firmware   string // "": the model's newest
	Mix        []Share
	Count      int
	Set        []Preset
	Switches   map[string]string
	TFTPServer string           // option 66; "": the server's TFTP
	NoLease    bool             // no option 66 in particular
	NextServer string           // siaddr of the lease
	Class      string           // vendor class without which the lease is an address alone; "": any
	Options    map[uint8]string // of the lease, beside 66
	RC         string           // where the units ask for remote customization; "": they are ordinary ones
	Off        bool             // waits for power_on
	// MACs and Serials are what the devices have, from the first one on; none: what
	// follows from Seed.
	MACs    inventory.MACRange
	Serials inventory.SerialRange
	// Addresses is where the devices live, together with those of other groups with
	// the same prefix; zero: where the fleet does.
	Addresses netip.Prefix
	NAT       unit.NAT     // how the devices at Addresses share them
	Cert      string       // folder with the devices' own certificates; "": those of the PKI
	observed  *observation // under Switches; nil: none
	over      *observation // over them; nil: none
	node      *node
}

// Shares returns what a group is made of: Mix, or the one model. The caller changes
// nothing in it.
func (g *Group) Shares() []Share {
	if len(g.Mix) > 0 {
		return g.Mix
	}
	return []Share{{Model: g.Model, Firmware: g.Firmware, Count: g.Count}}
}

// OtherServer reports whether the lease names a server by something else than option 66.
func (g *Group) OtherServer() bool {
	names := func(option uint8) bool { return g.Options[option] != "" }
	return g.NextServer != "" || slices.ContainsFunc([]uint8{43, 60, 125, 150, 159, 160}, names)
}

// Turn turns a switch of the firmware.
func (g *Group) Turn(name, value string) {
	if g.Switches == nil {
		g.Switches = map[string]string{}
	}
	g.Switches[name] = value
}

// Evidence says what a firmware's behaviour rests on, as the switch evidence has
// it: all, or field for no firmware image. Other words are errors.
func (g *Group) Evidence(word string) error {
	switch word {
	case "field":
		g.Turn("evidence", word)
	case "all":
		delete(g.Switches, "evidence")
	default:
		return fmt.Errorf("%q is neither all nor field", word)
	}
	return nil
}

// A Share is a part of a group: a number of devices, or percent of the group.
type Share struct {
	Model    string
	Firmware string
	Count    int
	Percent  float64
	at       *node
}

// A Preset is a device parameter that a tester sets before a device's life.
type Preset struct {
	Name, Value string
	// Given is how the user gave it where no file does, such as --set GPP_A: a
	// mistake names it in the place of a line.
	Given     string
	at, value *node
}

// A Server is the embedded provisioning server.
type Server struct {
	Name  string // what its certificates say, and what the devices find it by; "": prov.test
	Files map[string]prov.Entry
	TFTP  Port
	HTTP  Port
	// Syslog takes log lines and keeps none. It is opened where a text names it.
	Syslog Port
	HTTPS  []HTTPS
	SIP    *registrar // nil: none
	// Replicas is how many addresses its name has, with the same files and ports; 0: 1.
	Replicas int
	Auth     *prov.Auth // that HTTP and HTTPS ask for; nil: none
	// In virtual time only: how long the server thinks about a request, and how
	// many it thinks about at once (0: all, and no device feels another).
	Latency latency
	Workers int
	node    *node // of the files
}

// A registrar is that of the built-in server. Where there is one, lines register.
type registrar struct {
	Port     Port
	Password string // that every user is asked for, with {{ }}; "": nobody is asked
	node     *node
}

// A Port is that of a listener. The zero Port is a free one, or in virtual time the
// usual one.
type Port struct {
	Number int
	Off    bool // it does not listen
}

// A Target is the server under test.
type Target struct {
	Hosts []Host     // the only hosts that the fleet may contact; nil: any
	TFTP  string     // host:port for option 66
	Certs string     // folder of a test PKI; "": the options'
	Trust string     // PEM file with further authorities that the devices trust
	SIP   bool       // lines that have an account register, wherever their parameters say
	DHCP  fleet.DHCP // the server that gives the devices their addresses, where the Machine names none
	// Balancer is what stands before the servers of HTTP; zero: nothing.
	Balancer fetch.Balancer
}

// A Step is something that happens, at an instant or when a expectation holds.
type Step struct {
	Name   string
	At     Instant
	When   *Expectation
	By     Instant // deadline of When; not given: the end
	Action string  // "" for a step that only names a moment
	Of     string  // selector
	URL    string  // of resync and upgrade
	Set    []Preset
	Fault  *Fault        // of fault
	Clear  string        // of clear: the step whose fault ends
	Visit  Visit         // of web
	Keys   string        // of ivr: what is pressed
	Notify notify        // of notify and options
	Run    []string      // of run: the program and its arguments
	For    time.Duration // after which power_off, power_on, off_hook, on_hook, fault and server are undone; 0: never
	// Arrivals is when which devices resync, of arrivals.
	Arrivals []arrival
	Pace     Pace          // of the devices; the zero Pace: all at once
	Every    time.Duration // it happens again after so long; 0: it does not
	Times    int           // how often in all; 0: until the end
	node     *node
	change   *node // of server: what is merged into it
}

// A Visit is what a browser asks of a device.
type Visit struct {
	Path           string // with its query
	Post           string // body of a form; "": it is a GET
	User, Password string // that it answers a challenge with
}

// A notify is a NOTIFY of the built-in registrar to a line of a device, or OPTIONS.
type notify struct {
	Event string
	Auth  string // good, bad or none: what it answers a challenge with
	User  string // of options: who is asked for; "": who the line is
	Line  int    // from 1
}

// An Instant is a moment of fleet time, from the start or from a named step.
type Instant struct {
	Step  string
	Plus  time.Duration
	End   bool
	Given bool
	at    *node
}

// A Expectation is what must hold.
type Expectation struct {
	Name  string
	Quant report.Quant
	Expr  string
	Of    string
	By    Instant // each device's deadline: it counts once it has held
	At    Instant // or the moment at which the fleet must be so; neither: the end
	From  Instant // of always and never
	// FromStart says that it may hold at 0 s already: the author means it.
	FromStart bool
	Abort     bool  // its failure ends the run at once
	at        *node // the expression
	node      *node
}

// Awaits returns the step that another one is timed by, "" for none.
func (s *Step) Awaits() string {
	if s.When != nil {
		return s.By.Step
	}
	return s.At.Step
}

// OfNoDevice reports whether a step acts on something else than devices.
func (s *Step) OfNoDevice() bool {
	return s.Action == "clear" || s.Action == "server" || s.Action == "run"
}

// Deadline returns until when a step waits for its when.
func (s *Step) Deadline() Instant {
	if s.When != nil && !s.By.Given {
		return Instant{End: true, Given: true}
	}
	return s.By
}

// undo is what takes an action back.
var undo = map[string]string{"power_off": "power_on", "power_on": "power_off", "off_hook": "on_hook", "on_hook": "off_hook"}

// Undo returns the action that takes the step's action back, "" for none.
func (s *Step) Undo() string { return undo[s.Action] }

// Since returns the moment from which an expectation is followed. What a plain
// deadline adds to a step does not count: the expectation may hold any time before
// it.
func (e *Expectation) Since() Instant {
	switch {
	case e.Quant.EachEvent():
		return e.From
	case e.At.Given:
		return e.At
	}
	return Instant{Step: e.By.Step}
}

// Host returns the name by which devices find the server.
func (s *Server) Host() string { return cmp.Or(s.Name, "prov.test") }
