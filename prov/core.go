package prov

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/fault"
)

// Options is what a [Core] needs beside its files. The zero value serves texts
// as they are to devices that it does not know. Hooks are called from many
// goroutines at a time.
type Options struct {
	Root string // directory that the File of entries is below; "": none

	// Who returns the device at a source address, Find the one with a MAC
	// address of 12 lower-case hexadecimal digits.
	Who  func(addr netip.Addr) (*device.Unit, bool)
	Find func(mac string) (*device.Unit, bool)

	// Expand replaces the {{ }} of a text. It is called only for texts that hold
	// {{; an error is answered with status 500. In a path, where an expression
	// is checked against what the path holds, an error is no match.
	Expand func(text string, a Asker, r Rotation) (string, error)
	// Stable reports whether the outcome of Expand for a text follows from its rotation
	// and from which device a.Unit is, and from nothing else: such answers are made
	// once. Nil: of no text.
	Stable func(text string) bool

	Faults     *fault.Plan // what the server does wrong; nil: nothing
	Pairs      *Pairs      // the devices' secrets; nil: those of seed 0, never rotated
	MaxUploads int         // most bytes of uploads kept; 0: 16 MiB
	MaxKept    int         // most bytes of answers kept that need not be made again; 0: 128 MiB
	Log        func(Line)  // is told of every request that was answered
	Auth       *Auth       // what HTTP and HTTPS ask of clients; nil: nothing
}

// ports are those of the listeners, 0 for none.
type ports struct{ tftp, http atomic.Uint32 }

// A Core answers requests without sockets. It is safe for concurrent use.
type Core struct {
	options Options
	finder  atomic.Pointer[finder]
	files   files
	kept    kept
	sums    sums
	changes atomic.Uint32 // of what is served
	auth    atomic.Pointer[Auth]
	expand  func(text string, x *exchange) (string, error) // nil: texts are sent as they are
	uploads uploads
	ports   ports
}

var (
	_ resync.Responder = (*Core)(nil)
	_ resync.Greeter   = (*Core)(nil)
	_ resync.Greeter   = (*matching)(nil)
)

// NewCore returns a server of the files by path. A path begins with a slash and
// may hold $MA, $MAU, $MAC, $SN, $PSN and $PN (as $(MA) where a letter or digit
// follows; $$ is a dollar) and {{ }}: what the path then has in the place of
// {{ }} must be its value for the device that asks. {{ dir }} is known without
// a hook. A path that has a query is matched with the request's query, any
// other without. Of several that match, the one with more bytes that stand for
// themselves answers, then the one with the more telling macros in the order
// above. Case counts. What matches nothing is status 404.
func NewCore(files map[string]Entry, o Options) (*Core, error) {
	c := newCore(o)
	if o.Expand != nil {
		c.expand = func(text string, x *exchange) (string, error) {
			return o.Expand(text, x.asker, x.rotation)
		}
	}
	if o.Root != "" {
		root, err := os.OpenRoot(o.Root)
		if err != nil {
			return nil, fmt.Errorf("serve files below %s: %w", o.Root, err)
		}
		c.files.root = root
	}
	if err := c.SetFiles(files); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func newCore(o Options) *Core {
	if o.Pairs == nil {
		o.Pairs = &Pairs{}
	}
	if o.MaxUploads == 0 {
		o.MaxUploads = 16 << 20
	}
	if o.MaxKept == 0 {
		o.MaxKept = 128 << 20
	}
	c := &Core{options: o, uploads: uploads{max: o.MaxUploads}, kept: kept{max: o.MaxKept}}
	c.auth.Store(o.Auth)
	return c
}

// SetFiles serves other files from now on; uploads and secrets stay. All
// requests see either the old files or the new ones. A core of [Dir] serves them
// instead of the directory.
func (c *Core) SetFiles(files map[string]Entry) error {
	t, err := newTable(files, &c.options)
	if err != nil {
		return err
	}
	c.serve(t)
	return nil
}

// SetAuth asks clients of HTTP and HTTPS for credentials from now on; nil asks for none.
func (c *Core) SetAuth(a *Auth) { c.auth.Store(a) }

func (c *Core) serve(f finder) {
	c.finder.Store(&f)
	c.changes.Add(1) // after that: see [moment]
	c.kept.forget()
}

// Close lets go of the directory. The core answers nothing from it afterwards.
func (c *Core) Close() error {
	if c.files.root == nil {
		return nil
	}
	return c.files.root.Close()
}

// Matching returns a responder that gives a file whose path names a device only
// to the client that has its certificate, as [HTTPS] does with Match. Certified
// returns the MAC address in a device's certificate, "" for none.
func (c *Core) Matching(certified func(*device.Unit) string) resync.Responder {
	return &matching{c, certified}
}

type matching struct {
	core      *Core
	certified func(*device.Unit) string
}

func (m *matching) LogHandshake(at int64, r *resync.Request, h resync.Handshake) {
	m.core.LogHandshake(at, r, h)
}

func (m *matching) Greet(at int64, r *resync.Request) *resync.Error { return m.core.Greet(at, r) }

func (m *matching) Respond(at int64, r *resync.Request) resync.Response {
	x := &exchange{at: at, request: r, userAgent: r.Unit.UserAgent()}
	m.core.find(x)
	if mac := x.asker.MAC; mac != "" && mac != m.certified(r.Unit) {
		response := resync.Response{Status: http.StatusForbidden}
		x.err = errForeign
		m.core.log(x.line(response))
		return response
	}
	return m.core.Respond(at, r)
}

var errForeign = errors.New("the certificate is not that of the device in the path")

// Respond answers a request at a moment of fleet time. Over HTTP the User-Agent
// is that of r.Unit; otherwise the server does not look at who asks, only at
// path and source address, as it could not in a real network. Where a fault breaks
// the answer, r.Unit says how the transfer ends: Respond panics without it.
func (c *Core) Respond(at int64, r *resync.Request) resync.Response {
	if response, ok := c.hasByRequest(r); ok {
		return response
	}
	x := exchanges.Get().(*exchange)
	defer func() {
		*x = exchange{}
		exchanges.Put(x)
	}()
	x.at, x.request, x.begun = at, r, c.moment()
	if x.tellsWhatItHas() {
		x.userAgent = r.Unit.UserAgent()
	}
	response := c.answer(x)
	x.file.release()
	if x.shared {
		response.Body = bytes.Clone(response.Body)
	}
	response.Fails = x.fails(&response)
	c.log(x.line(response))
	return response
}

// exchanges are used again.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// Uploads returns the uploads that are kept, oldest first, and how many there
// ever were. The bodies are shared and must not be changed.
func (c *Core) Uploads() (kept []Upload, count int) {
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	return slices.Clone(c.uploads.kept), c.uploads.count
}

// LogHandshake logs a handshake that failed: see [resync.Greeter].
func (c *Core) LogHandshake(at int64, r *resync.Request, h resync.Handshake) {
	if h.Alert != 0 {
		c.logHandshake(at, r.Source, &handshakeError{h, errors.New(ssl.Alert(h.Alert).String())})
	}
}

func (c *Core) logHandshake(at int64, source netip.Addr, h *handshakeError) {
	c.log(Line{At: at, Scheme: "https", Method: "-", Source: source, Err: h})
}
