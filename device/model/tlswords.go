package model

// A Reaction is what a firmware does about a Diffie-Hellman prime that is too
// long for it.
type Reaction uint8

// The reactions. The words are those of the switch.
const (
	ReactAlert   Reaction = iota // it sends handshake_failure
	ReactClose                   // it closes the connection
	ReactSilence                 // it says nothing more
)

// A Renegotiation is what a firmware does about a HelloRequest.
type Renegotiation uint8

// The ways to take a HelloRequest.
const (
	Renegotiate   Renegotiation = iota // it shakes hands again
	RefuseHello                        // it answers with the warning no_renegotiation
	IgnoreHello                        // it does not answer
	FailCertified                      // it shakes hands again, and fails where it is asked for a certificate
)
