package device

import "spafleet/fsm"

// A View is a device as a page sees it: a consistent copy, taken without waiting
// for what the device is doing.
type View struct {
	Unit    Unit
	Params  Params
	State   fsm.State
	Proven  bool
	Powered bool
	Booting bool  // has power, and nothing answers yet
	InUse   bool  // a line is off hook
	Booted  int64 // fleet time of the last boot, nanoseconds
	// Customization is Open, Pending or the company that the unit was customized
	// for; "" reads as Open.
	Customization string
	Now           int64 // fleet time of the copy
	Due           int64 // fleet time of its next resync, 0 for none
	Resyncs       struct{ OK, Failed uint32 }
}

// Get returns the value of a parameter by its name, "" where the model lacks it.
func (v View) Get(name string) string {
	value, _ := v.Params.Lookup(name)
	return value
}
