// Package phase names the parts of a transfer, by where it can fail.
package phase

// A Phase is the part of a transfer that it failed in. Zero is none.
type Phase uint8

// The phases, in the order in which a transfer comes to them.
const (
	Rule      Phase = iota + 1 // the rule that asks for the file
	Admission                  // whether the server may be contacted
	Lookup                     // the server's address
	Route                      // a way to the server
	Connect                    // the connection
	TLS                        // the handshake
	FirstByte                  // the first byte of the answer
	Header                     // the form of the answer
	Progress                   // packets that bring something new
	Body                       // the rest of the answer
	Size                       // whether the answer is small enough
	Status                     // what the server says of the request
	Decode                     // the file that came
	Install                    // whether an image that came may be installed
	numPhases
)

var names = [numPhases]string{"", "rule", "admission", "dns", "route", "connect", "tls", "first_byte", "header", "progress", "body", "size", "status", "decode", "install"}

// String returns the phase as logs and reports name it; "" for none.
func (p Phase) String() string {
	if p < numPhases {
		return names[p]
	}
	return "unknown"
}

// All returns the phases in order.
func All() []Phase {
	var list []Phase
	for p := Rule; p < numPhases; p++ {
		list = append(list, p)
	}
	return list
}
