package prov

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"hash/fnv"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
	"spafleet/resync/fault"
)

// disturb notes what befalls a request, or a client's hello.
func (c *Core) disturb(x *exchange, hello bool) {
	if c.options.Faults == nil {
		return
	}
	e := fault.Exchange{Device: stranger(x.request.Source), Scheme: x.request.Scheme, Path: x.request.Path, Hello: hello}
	if u := x.asker.Unit; u != nil {
		e.Device = uint32(u.Index)
	}
	x.trouble = c.options.Faults.Exchange(e)
	x.bad = x.trouble.Server()
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

// badStatus returns the status that a fault answers with. A status of TFTP,
// which is below 100, says nothing to other requests.
func (x *exchange) badStatus() (int, bool) {
	tftp := x.request.Scheme == "tftp"
	switch {
	case !x.bad.HasStatus:
		return 0, false
	case x.bad.Status >= 100:
		return x.bad.Status, true
	case !tftp:
		return 0, false
	}
	for _, c := range tftpCodes {
		if c.code == x.bad.Status {
			return c.status, true
		}
	}
	return http.StatusInternalServerError, true
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
	if r.Status != http.StatusOK || isUpload(x.request.Method) {
		return
	}
	if x.bad.Hostile == fault.Bomb {
		r.Body = bytes.Clone(bomb())
	}
	if x.bad.Corrupt {
		x.trouble.Corrupt(r.Body)
	}
}

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
	patience  = 10               // read waits that a device waits for one file (inferred)
	silence   = 30 * time.Second // of TFTP: longer than the devices' tries as a rule
)

// hello returns how a handshake fails that a fault disturbs; for requests that
// have none, and as a rule, it does not.
func (c *Core) hello(x *exchange) (r resync.Response) {
	if x.request.Scheme != "https" || c.options.Faults == nil {
		return r
	}
	x.asker.Unit = x.request.Unit
	c.disturb(x, true)
	if x.bad.OfServer() {
		r.Fails = &resync.Error{Result: device.TLSFailed, TLS: resync.Handshake{Alert: uint8(x.bad.Alert), Log: []string{certs.LogNoSSL}}}
	}
	x.bad, x.trouble, x.asker = fault.Effects{}, nil, Asker{}
	return r
}

// A failing is what a device makes of a way to answer badly: how the transfer
// ends, and after which time.
type failing struct {
	tooBig, cut bool
	result      device.Result
	took        func(*model.Behaviour) device.Phases
}

func atOnce(*model.Behaviour) device.Phases { return device.Phases{} }

func afterRead(b *model.Behaviour) device.Phases { return device.Phases{Body: int64(b.HTTPRead)} }

func afterPatience(b *model.Behaviour) device.Phases {
	return device.Phases{Body: patience * int64(b.HTTPRead)}
}

func afterTries(b *model.Behaviour) device.Phases {
	return device.Phases{FirstByte: int64(b.TFTPWait) * int64(b.TFTPTries)}
}

// What devices make of a bad server over a connection, and by TFTP. A test holds
// both to real sockets.
var (
	failings = map[fault.Hostile]failing{
		fault.Endless: {result: device.Corrupt, tooBig: true, cut: true, took: atOnce},
		fault.Length:  {result: device.Corrupt, tooBig: true, cut: true, took: atOnce},
		fault.Headers: {result: device.Corrupt, took: atOnce},
		fault.Garbage: {result: device.Corrupt, took: atOnce},
	}
	tftpFailings = map[fault.Hostile]failing{
		fault.Endless: {result: device.Corrupt, tooBig: true, took: atOnce},
		fault.Storm:   {result: device.Timeout, took: atOnce},
		fault.Garbage: {result: device.Timeout, took: atOnce},
	}
)

// fails returns how a transfer fails that a fault of the server breaks; nil for
// one that goes well. A drip that ends in time is only late.
func (x *exchange) fails(r *resync.Response) *resync.Error {
	f, ok := x.failing(r)
	if !ok || x.request.Unit == nil {
		return nil
	}
	return &resync.Error{Result: f.result, TooBig: f.tooBig, Cut: f.cut, Took: f.took(&x.request.Unit.Row.Behaviour)}
}

func (x *exchange) failing(r *resync.Response) (failing, bool) {
	tftp := x.request.Scheme == "tftp"
	switch {
	case x.bad.Down && tftp:
		return failing{result: device.Timeout, took: afterTries}, true
	case x.bad.Down:
		return failing{result: device.NoConnect, took: atOnce}, true
	case tftp && r.Status != http.StatusOK && r.Status != http.StatusNotFound && x.bad.HasStatus:
		return failing{result: device.BadStatus, took: atOnce}, true
	case r.Status != http.StatusOK:
		return failing{}, false
	case x.stalls(r) && tftp:
		return failing{result: device.Timeout, took: afterTries}, true
	case x.stalls(r):
		return failing{result: device.Timeout, cut: true, took: afterRead}, true
	case x.bad.Hostile == fault.Drip:
		return x.drip(r, tftp)
	case tftp:
		f, ok := tftpFailings[x.bad.Hostile]
		return f, ok
	}
	f, ok := failings[x.bad.Hostile]
	return f, ok
}

// stalls reports whether a body is longer than what is sent of it.
func (x *exchange) stalls(r *resync.Response) bool {
	return x.bad.StallAfter.Given && x.bad.StallAfter.Bytes < int64(len(r.Body))
}

// drip says how long a body takes that comes drop by drop.
func (x *exchange) drip(r *resync.Response, tftp bool) (failing, bool) {
	drops := len(r.Body)
	if tftp {
		drops = len(r.Body)/512 + 1
	}
	r.Took.Body = int64(drops) * int64(dripEvery)
	if x.request.Unit == nil {
		return failing{}, false
	}
	b := &x.request.Unit.Row.Behaviour
	switch {
	case tftp && afterTries(b).FirstByte <= int64(dripEvery):
		return failing{result: device.Timeout, took: afterTries}, true
	case tftp:
		return failing{}, false
	case b.HTTPRead <= dripEvery && drops > 0:
		return failing{result: device.Timeout, cut: true, took: afterRead}, true
	case r.Took.Body > patience*int64(b.HTTPRead):
		return failing{result: device.Timeout, cut: true, took: afterPatience}, true
	}
	return failing{}, false
}

// breaks reports whether an answer is sent in another way than it should.
func (x *exchange) breaks() bool {
	h := x.bad.Hostile
	return x.bad.Down || x.bad.StallAfter.Given || h != "" && h != fault.Bomb
}

// fatal returns the record of a fatal alert.
func fatal(alert int) []byte {
	return []byte{21, 3, 1, 0, 2, 2, byte(alert)}
}
