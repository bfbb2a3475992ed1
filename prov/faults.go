package prov

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"hash/fnv"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/phase"
	"spafleet/resync"
	"spafleet/resync/fault"
	"spafleet/resync/tftp/packet"
)

// disturb looks for the faults of a request, or of a client's hello.
func (c *Core) disturb(x *exchange, hello bool) {
	if c.options.Faults == nil {
		return
	}
	e := fault.Exchange{Device: stranger(x.request.Source), Scheme: x.request.Scheme, Path: x.request.Path, Hello: hello}
	if u := x.asker.Unit; u != nil {
		e.Device = uint32(u.Index)
	}
	x.disturbance = c.options.Faults.Exchange(e)
	x.bad = x.disturbance.Server()
}

// stranger numbers those who are not of the fleet by their addresses, above all
// devices.
func stranger(addr netip.Addr) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(addr.AsSlice()) // a hash takes everything
	return h.Sum32() | 1<<31
}

// tftpCodes are the errors of TFTP that HTTP has a status for.
var tftpCodes = []struct{ code, status int }{{1, http.StatusNotFound}, {2, http.StatusForbidden}, {3, http.StatusInsufficientStorage}}

// badStatus returns the answer of a fault that has a status; false for none. A
// status of TFTP, which is below 100, says nothing to other requests.
func (x *exchange) badStatus() (r resync.Response, ok bool) {
	if !x.bad.HasStatus || x.bad.Down || x.bad.Status < 100 && x.request.Scheme != "tftp" {
		return r, false
	}
	x.disturbance.Did(fault.Effects{HasStatus: true})
	r.Status = x.bad.Status
	if r.Status >= 100 {
		return r, true
	}
	r.Status = http.StatusInternalServerError
	for _, c := range tftpCodes {
		if c.code == x.bad.Status {
			r.Status = c.status
		}
	}
	return r, true
}

// tftpCode returns the code of a TFTP error for a status.
func (x *exchange) tftpCode(status int) uint16 {
	if x.bad.HasStatus && x.bad.Status < 100 {
		return uint16(x.bad.Status)
	}
	for _, c := range tftpCodes {
		if c.status == status {
			return uint16(c.code)
		}
	}
	return 0
}

// spoil changes the body of a good answer.
func (x *exchange) spoil(r *resync.Response) {
	if !x.isFile(r) {
		return
	}
	if x.bad.Hostile == fault.Bomb {
		r.Body, x.shared = bomb(), true
		x.disturbance.Did(fault.Effects{Hostile: fault.Bomb})
	}
	if x.bad.Corrupt && len(r.Body) > 0 {
		r.Body = bytes.Clone(r.Body)
		x.disturbance.Corrupt(r.Body)
		x.disturbance.Did(fault.Effects{Corrupt: true})
	}
}

// isFile reports whether an answer is a file.
func (x *exchange) isFile(r *resync.Response) bool {
	return r.Status == http.StatusOK && !isUpload(x.request.Method)
}

// A misdeed is what a fault does to the sending of an answer.
type misdeed uint8

const (
	sends   misdeed = iota // nothing
	gone                   // nobody listens
	refuses                // an ERROR of TFTP, with a code of its own
	stalls                 // after Effects.StallAfter
	attacks                // by Effects.Hostile
)

// misdo decides how an answer is sent. One whose status a fault has given is sent
// as it should be. TFTP acknowledges an upload, and has no answer that could be sent
// badly.
func (x *exchange) misdo(r *resync.Response, given bool) misdeed {
	tftp := x.request.Scheme == "tftp"
	isBody := x.isFile(r) && (tftp || len(r.Body) > 0)
	switch bad := &x.bad; {
	case bad.Down: // that is counted by those who find nobody
		return gone
	case given && tftp:
		return refuses
	case given, tftp && isUpload(x.request.Method):
		return sends
	case bad.Hostile == fault.Drip && isBody, slices.Contains(replacing, bad.Hostile) && bad.Hostile.Fits(x.request.Scheme):
		x.disturbance.Did(fault.Effects{Hostile: bad.Hostile})
		return attacks
	case bad.StallAfter.Given && bad.StallAfter.Bytes < int64(len(r.Body)) && x.isFile(r):
		x.disturbance.Did(fault.Effects{StallAfter: bad.StallAfter})
		return stalls
	}
	return sends
}

// replacing are the ways of a hostile server that come in the place of any answer.
var replacing = []fault.Hostile{fault.Endless, fault.Length, fault.Headers, fault.Storm, fault.Garbage}

// bombSize is what a bomb unpacks to, in MB.
const bombSize = 48

// bomb returns a gzip file that is small enough for every device, a thousandth
// of what it unpacks to: one packed megabyte again and again.
var bomb = sync.OnceValue(func() []byte {
	piece := bytes.Repeat([]byte(" "), 1<<20)
	var packed bytes.Buffer
	z, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = z.Write(piece) // into memory
	_ = z.Flush()
	sum := uint32(0)
	for range bombSize {
		sum = crc32.Update(sum, crc32.IEEETable, piece)
	}
	b := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	b = append(b, bytes.Repeat(packed.Bytes(), bombSize)...)
	b = append(b, 1, 0, 0, 0xff, 0xff) // the last block, an empty one
	b = binary.LittleEndian.AppendUint32(b, sum)
	return binary.LittleEndian.AppendUint32(b, uint32(bombSize*len(piece)))
})

// How a bad server takes its time.
const (
	dripEvery = time.Second      // for a byte, or a block of TFTP
	silence   = 70 * time.Second // of TFTP: longer than the devices' tries as a rule
)

// Greet answers a client's hello, without sockets: an error is how the handshake
// fails by a fault, nil as a rule.
func (c *Core) Greet(at int64, r *resync.Request) *resync.Error {
	if c.options.Faults == nil {
		return nil
	}
	x := &exchange{at: at, request: r, asker: Asker{Unit: r.Unit}}
	if !c.answersHello(x) {
		return nil
	}
	return &resync.Error{Result: device.TLSFailed, Phase: phase.TLS, TLS: resync.Handshake{Alert: uint8(x.bad.Alert), Log: []string{trust.LogNoSSL}}}
}

// answersHello reports whether a fault answers a client's hello.
func (c *Core) answersHello(x *exchange) bool {
	c.disturb(x, true)
	switch {
	case x.bad.Alert != 0:
		x.disturbance.Did(fault.Effects{Alert: x.bad.Alert})
	case x.bad.Hostile == fault.Garbage:
		x.disturbance.Did(fault.Effects{Hostile: fault.Garbage})
	default:
		return false
	}
	return true
}

// A failing is how a transfer ends for a device that is answered badly, and after
// which time.
type failing struct {
	tooBig, cut bool
	result      device.Result
	phase       phase.Phase
	took        func(*model.Behaviour) device.Phases
}

func atOnce(*model.Behaviour) device.Phases { return device.Phases{} }

func afterRead(b *model.Behaviour) device.Phases { return device.Phases{Body: int64(b.HTTPRead)} }

func afterPatience(b *model.Behaviour) device.Phases {
	return device.Phases{Body: int64(b.HTTPWhole())}
}

func afterTries(b *model.Behaviour) device.Phases {
	return device.Phases{FirstByte: int64(b.TFTP.Wait) * int64(b.TFTP.Tries)}
}

// How transfers from a bad server end, over a connection and by TFTP. A test holds
// both to real sockets.
var (
	failings = map[fault.Hostile]failing{
		fault.Endless: {result: device.Corrupt, phase: phase.Size, tooBig: true, cut: true, took: atOnce},
		fault.Length:  {result: device.Corrupt, phase: phase.Size, tooBig: true, cut: true, took: atOnce},
		fault.Headers: {result: device.Corrupt, phase: phase.Header, took: atOnce},
		fault.Garbage: {result: device.Corrupt, phase: phase.Header, took: atOnce},
	}
	tftpFailings = map[fault.Hostile]failing{
		fault.Endless: {result: device.Corrupt, phase: phase.Size, tooBig: true, took: atOnce},
		fault.Storm:   {result: device.Timeout, phase: phase.Progress, took: atOnce},
		fault.Garbage: {result: device.Timeout, phase: phase.Progress, took: atOnce},
	}
)

// fails returns how a transfer fails that a fault of the server breaks; nil for
// one that goes well. A drip that ends in time is only late.
func (x *exchange) fails(r *resync.Response) *resync.Error {
	if x.misdeed == sends {
		return nil
	}
	if x.request.Unit == nil {
		panic("prov: a fault breaks the answer to a request without its device")
	}
	f, ok := x.failing(r)
	if !ok {
		return nil
	}
	e := &resync.Error{Result: f.result, TooBig: f.tooBig, Cut: f.cut, Phase: f.phase, Took: f.took(&x.request.Unit.Row.Behaviour)}
	if f.phase == phase.Status {
		e.Code, e.Said = int(x.tftpCode(r.Status)), refusalText
	}
	return e
}

// refusalText is the text of an ERROR that a fault asks for.
const refusalText = "no"

func (x *exchange) failing(r *resync.Response) (failing, bool) {
	tftp := x.request.Scheme == "tftp"
	switch {
	case tftp && x.misdeed == stalls && x.bad.StallAfter.Bytes >= packet.BlockSize:
		return failing{result: device.Timeout, phase: phase.Body, took: afterTries}, true
	case tftp && (x.misdeed == gone || x.misdeed == stalls):
		return failing{result: device.Timeout, phase: phase.FirstByte, took: afterTries}, true
	case x.misdeed == gone:
		return failing{result: device.NoConnect, phase: phase.FirstByte, took: atOnce}, true
	case x.misdeed == refuses:
		return failing{result: device.BadStatus, phase: phase.Status, took: atOnce}, r.Status != http.StatusNotFound && !isUpload(x.request.Method)
	case x.misdeed == stalls:
		return failing{result: device.Timeout, phase: phase.Body, cut: true, took: afterRead}, true
	case x.bad.Hostile == fault.Drip:
		return x.drip(r, tftp)
	case tftp:
		f, ok := tftpFailings[x.bad.Hostile]
		return f, ok
	}
	f, ok := failings[x.bad.Hostile]
	return f, ok
}

// drip says how long a body takes that comes drop by drop.
func (x *exchange) drip(r *resync.Response, tftp bool) (failing, bool) {
	drops := len(r.Body)
	if tftp {
		drops = len(r.Body)/packet.BlockSize + 1
	}
	r.Took.Body = int64(drops) * int64(dripEvery)
	b := &x.request.Unit.Row.Behaviour
	switch {
	case tftp && afterTries(b).FirstByte <= int64(dripEvery):
		return failing{result: device.Timeout, phase: phase.Body, took: afterTries}, true
	case tftp:
		return failing{}, false
	case b.HTTPRead <= dripEvery && drops > 0:
		return failing{result: device.Timeout, phase: phase.Body, cut: true, took: afterRead}, true
	case r.Took.Body > int64(b.HTTPWhole()):
		return failing{result: device.Timeout, phase: phase.Body, cut: true, took: afterPatience}, true
	}
	return failing{}, false
}

// fatal returns the record of a fatal alert.
func fatal(alert int) []byte {
	return []byte{21, 3, 1, 0, 2, 2, byte(alert)}
}
