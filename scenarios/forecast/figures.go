package forecast

import (
	"time"

	"spafleet/scenarios/tally"
)

// A Forecast is the load that a scenario will put on its server and on this
// machine, in the form of its JSON. It is computed from what is known before the
// start: presets, factory values and limits. Profiles may change all of it.
type Forecast struct {
	Format       int            `json:"format"`
	Name         string         `json:"name"`
	About        string         `json:"about,omitempty"`  // of the scenario
	Params       []Param        `json:"params,omitempty"` // of the scenario
	Seed         uint64         `json:"seed"`
	Clock        string         `json:"clock"` // rates are per second of the wall
	Devices      int            `json:"devices"`
	Models       []tally.Make   `json:"models"`
	Contacts     []Contact      `json:"contacts"`
	Commands     []Command      `json:"commands,omitempty"` // of the user's own, that steps run
	Start        Wave           `json:"start"`
	Steady       float64        `json:"steady_per_second"` // resyncs, once all have begun to repeat
	Failing      Failing        `json:"failing"`
	Extras       []Extras       `json:"extra_files"`   // beside profile and image, by kind
	SIP          *Registrations `json:"sip,omitempty"` // nil: no line registers
	Memory       Memory         `json:"memory"`
	Descriptors  Descriptors    `json:"descriptors"`
	Certificates Certificates   `json:"certificates"`
	Handshakes   []Handshake    `json:"handshakes,omitempty"` // of the built-in server's HTTPS, by model and firmware
	Addresses    Addresses      `json:"addresses"`
	Connections  Connections    `json:"connections"`
	CPU          CPU            `json:"cpu"`
	Simulation   *Simulation    `json:"simulation,omitempty"` // of virtual time
	Notes        []string       `json:"notes"`                // as at the start of the run
	Misfits      []Misfit       `json:"misfits"`
}

// A Param is a value of a scenario that may come from outside.
type Param struct {
	Name  string `json:"name"`
	Value string `json:"value"` // of a secret ***
	About string `json:"about,omitempty"`
}

// Extras is what the presets name of one kind of files beside profile and image.
type Extras struct {
	What    string `json:"what"`
	Devices int    `json:"devices"`
	Files   int    `json:"files"` // of all of them, each counted once
}

// A Wave is the resyncs after the devices get power.
type Wave struct {
	AtOnce    int     `json:"at_once"`    // devices without a random delay
	PerSecond float64 `json:"per_second"` // of the others, at their peak
	Window    float64 `json:"window_seconds"`
	Waiting   int     `json:"waiting"` // devices that wait for power, or do not resync when it comes
	Rate      float64 `json:"rate_limit,omitempty"`
}

// Failing is the load while the server refuses every request for a profile, as with
// 403 or a closed port.
type Failing struct {
	Resyncs  float64 `json:"resyncs_per_second"`  // once all wait the last time of their Resync_Error_Retry_Delay
	Requests float64 `json:"requests_per_second"` // of them, with those that a firmware repeats at once
	InARow   int     `json:"requests_in_a_row"`   // most of one device for one profile
}

// Peak returns the most resyncs that become due within a second.
func (w Wave) Peak() float64 { return float64(w.AtOnce) + w.PerSecond }

// Memory is what the devices take.
type Memory struct {
	PerDevice int    `json:"bytes_per_device"` // measured: see Basis
	Fresh     int    `json:"bytes_per_fresh_device"`
	Attempts  int64  `json:"attempts_bytes"` // when as many as may be are at work
	Whole     int64  `json:"bytes"`          // with what the collector leaves
	Available int64  `json:"available_bytes"`
	Container int64  `json:"container_bytes,omitempty"` // that a container may have; 0: no limit
	Basis     string `json:"basis"`
}

// Descriptors are the files that may be open, and who has them.
type Descriptors struct {
	Limit    int    `json:"limit"` // RLIMIT_NOFILE
	Attempts int    `json:"attempts_at_once"`
	Bound    string `json:"bound_by"` // descriptors, memory or outstanding
	Sockets  int    `json:"own_sockets"`
	// What attempts may hold bounds them too.
	Memory     int64 `json:"memory_for_attempts"` // bytes; 0: not known
	PerAttempt int64 `json:"bytes_per_attempt"`   // at most
}

// Certificates are those that the devices show to servers that ask.
type Certificates struct {
	Known      bool    `json:"https"` // something known beforehand speaks HTTPS
	Devices    int     `json:"devices"`
	Defective  int     `json:"defective"` // of them: units with a certificate that a server refuses
	Keys       int     `json:"keys"`
	Kept       int     `json:"kept"`
	CPUSeconds float64 `json:"cpu_seconds"` // to make them all, by one made here and now
}

// Addresses are the devices' own.
type Addresses struct {
	Prefix string `json:"prefix"`
	First  string `json:"first"`
	Last   string `json:"last"`
	Own    bool   `json:"own"`            // each device's traffic comes from its own
	DHCP   string `json:"dhcp,omitempty"` // the server that gives them, as relay:ADDRESS:PORT or client:INTERFACE
	// Shared are the prefixes in which several devices are behind one address.
	Shared []SharedAddresses `json:"shared,omitempty"`
}

// SharedAddresses are those behind which a fleet's devices are as behind NAT.
type SharedAddresses struct {
	Prefix    string `json:"prefix"`
	Devices   int    `json:"devices"`
	Addresses int    `json:"addresses"`
}

// Connections are those of the busiest source address to one server.
type Connections struct {
	PerSecond float64 `json:"per_second"`
	Sources   int     `json:"source_addresses"`
	Ports     int     `json:"ports"`
	Most      float64 `json:"most_per_second"` // Ports / 60 s
	Warn      float64 `json:"warn_per_second"`
}

// CPU is what the attempts of the peak second cost this machine.
type CPU struct {
	Cores      float64 `json:"cores"`               // that Go uses, at most Limit
	Limit      float64 `json:"container,omitempty"` // of the container, in cores; 0: none
	PerAttempt float64 `json:"seconds_per_attempt"` // about
	Peak       float64 `json:"cores_at_peak"`
}

// A Simulation is what virtual time takes of the wall's, on one core.
type Simulation struct {
	Fleet      float64 `json:"fleet_seconds"` // that are simulated; 0: not known
	Attempts   float64 `json:"attempts"`      // in them, with the presets
	PerAttempt float64 `json:"seconds_per_attempt"`
	Seconds    float64 `json:"seconds"`
}

// A Misfit is something that does not fit, with the flag that helps.
type Misfit struct {
	What    string `json:"what"`
	Why     string `json:"why"`
	Flag    string `json:"flag"`
	Refused bool   `json:"refused"` // the run would not start; else it would start and may be invalid
}

// Measured figures of this program; TestFiguresOfTheForecast holds the first two.
const (
	freshBytes    = 260                    // live bytes of a device that has what its model shares
	ownBytes      = 390                    // of one after a profile of 25 values, 8 of them its own
	watchedBytes  = 200                    // more where a scenario's expectations or server's templates look at each device
	attemptBytes  = 24 << 10               // goroutine, buffers and body of an attempt
	attemptCost   = 200 * time.Microsecond // CPU of a resync by HTTP that brings a changed file
	virtualCost   = 20 * time.Microsecond  // CPU of a resync in virtual time: docs/performance.md
	timeWait      = 60 * time.Second       // a port rests that long after its connection
	warnPerSource = 400.0                  // connections per second from one address, with a margin to ports / 60 s
)
