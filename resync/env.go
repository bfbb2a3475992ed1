package resync

import (
	"context"
	"io"
	"net/netip"

	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/resync/body"
)

// Env is all that an attempt may ask for. A call may block the attempt; none
// blocks the fleet.
type Env interface {
	// Now returns fleet time in nanoseconds since the Unix epoch.
	Now() int64
	// Resolve returns the IPv4 addresses of a host name, in the server's order.
	// An error is *Error with result NoDNS, or the context's.
	Resolve(ctx context.Context, name string) ([]netip.Addr, error)
	Fetcher
	// Commit says that flash is written: p and l survive a power loss. Events
	// are handed on in order; the callee stamps device and count.
	Commit(p device.Params, l device.Life, events []device.Event)
}

// A Fetcher transfers one file. Package fetch has the one with sockets.
type Fetcher interface {
	// Fetch asks for one file and waits for the answer or its failure. A failure
	// is an *Error, or the context's error when that ended first; then nothing
	// of the transfer is left within 10 ms. The request is only read.
	Fetch(ctx context.Context, r *Request) (Response, error)
}

// A Responder answers requests without sockets, as a provisioning server does at a
// moment of fleet time. The request has its device. Package prov has one.
type Responder interface {
	Respond(at int64, r *Request) Response
}

// A Greeter is a [Responder] that may spoil handshakes of HTTPS, and is told of those
// that fail.
type Greeter interface {
	// Greet answers a client's hello. An error is how the handshake fails by it;
	// nil: it goes on.
	Greet(at int64, r *Request) *Error
	// LogHandshake is told how a handshake ended, as the server sees it: Verify is
	// OpenSSL's number for the client's certificate.
	LogHandshake(at int64, r *Request, h Handshake)
}

// A Request is one file to get, or a body to send.
type Request struct {
	Unit        *device.Unit   // who asks: User-Agent, firmware, certificate
	Source      netip.Addr     // source address; the zero Addr leaves it to the system
	Params      device.Params  // what it is set to: some parameters change how it speaks HTTPS
	CA          string         // PEM of what the device trusts beside its firmware's authorities
	Server      netip.AddrPort // which to ask
	Method      string         // GET, POST or PUT; TFTP reads for GET and writes for PUT
	Scheme      string         // tftp, http or https
	Host        string         // server as the URL has it: a name or an address
	Path        string         // with its leading slash and its query
	Body        []byte         // of POST and PUT
	ContentType string         // of the body; "" says none
	// Authorization answers a server's challenge; "" is a first request. With
	// Proxy it goes into Proxy-Authorization. HTTP clients build a request that
	// has one differently.
	Authorization string
	Proxy         bool
	// Service: the request is for an XML service, which a phone tells its display.
	Service bool
	// Into takes the body of a success as it comes, which Response.Passed then
	// counts; nil: it is the Response's. A Fetcher that has the body in memory
	// anyhow may return it all the same.
	Into io.Writer
	// Has is of the body that the device applied last, where it would find nothing new in
	// it; zero where it wants the bytes whatever they are. Only a [Responder] looks at it.
	Has body.Sum
	Max int   // most bytes of an answer that are wanted, at least 1; more is an Error with result Corrupt
	Now int64 // what the device's clock says, for certificates: see device.Params.CertificateTime
}

// A Response is a server's answer. Its body is the caller's, who may give it back.
type Response struct {
	Status   int    // HTTP status; TFTP: 200, or 404 for ERROR 1
	Location string // of a redirect
	// Challenges are the WWW-Authenticate headers of a 401, the
	// Proxy-Authenticate headers of a 407.
	Challenges []string
	Body       []byte
	// Buffer is the memory of the body; nil where that cannot be given back. Who keeps
	// the body keeps the buffer; an attempt frees it when it needs the body no more.
	Buffer    *body.Buffer
	Passed    int  // bytes of the body that Request.Into took, or that an Unchanged one has
	Unchanged bool // the body is that of Request.Has, and is left out
	Announced int  // of HTTP 200: how many bytes the header said the body has; 0: it did not say
	Resent    int  // packets of TFTP that the device sent again
	TLS       bool // the server was verified
	Mutual    bool // it asked for a certificate and the device sent its own
	// Refusal says, for a person, why a status 400 or 403 may be about the device's
	// certificate; "" where the server asked for none.
	Refusal string
	Took    device.Phases
	// Fails is how the transfer ends for the device where the server breaks this
	// answer off, spoils or withholds it, and how long that takes. Only a [Responder]
	// says so; what a [Fetcher] returns has none.
	Fails *Error
}

// Len returns how many bytes the body had.
func (r *Response) Len() int { return len(r.Body) + r.Passed }

// An Error is a transfer that got no answer, or a broken one. It is data: the
// device goes on with its error schedule.
type Error struct {
	Result device.Result // NoDNS, NoConnect, Timeout, TLSFailed, BadStatus (TFTP errors other than 1), BadScheme, Corrupt
	TooBig bool          // the answer was larger than Max
	Cut    bool          // a good answer began, and its body ended early
	Phase  phase.Phase   // where it failed
	Code   int           // of a TFTP server's ERROR
	Resent int           // packets of TFTP that the device sent again
	Said   string        // and its text
	Took   device.Phases
	TLS    Handshake // of TLSFailed
	Cause  error     // for a person's log; never in an event
}

// A Handshake is an HTTPS handshake that failed, or a certificate for another
// host.
type Handshake struct {
	Verify int      // OpenSSL's number for what is wrong with the certificate, 50 for the wrong name; 0: nothing
	Alert  uint8    // the fatal alert that was sent, by either side; 0: none
	Sent   bool     // the device ended it
	Log    []string // what the device tells its syslog server
	Hint   string   // for a person: what is the matter with the server
}

// Error describes the failure for a person.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Result.String()
	}
	return e.Result.String() + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
