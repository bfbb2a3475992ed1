package tftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/phase"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/resync/body"
	"spafleet/resync/fault"
	"spafleet/resync/tftp/packet"
)

// A Client transfers files over sockets that it is given. Its zero value is
// ready; it keeps buffers from one transfer to the next. It is safe for
// concurrent use and must not be copied after its first use.
type Client struct {
	transfers sync.Pool // of *transfer
}

// Fetch transfers one file over a socket, which belongs to this transfer and is
// not closed. Now is the clock that the socket's deadlines follow. The transfer
// began at begun.
//
// A failure is a *[resync.Error] with the phases up to it: Timeout where nothing
// came in time, NoConnect where the socket failed before an answer, BadStatus for
// an ERROR other than 1, Corrupt for an answer that is not the protocol or larger
// than Max. When ctx ends, its error is returned at the next packet or deadline;
// who needs it sooner sets the socket's deadline.
func (c *Client) Fetch(ctx context.Context, conn fault.Datagrams, now func() time.Time, begun time.Time, r *resync.Request) (resync.Response, error) {
	t := c.newTransfer()
	defer c.transfers.Put(t)
	t.conn, t.row, t.now, t.begun = conn, r.Unit.Row, now, begun
	t.into = r.Into
	t.peer = netip.AddrPortFrom(r.Server.Addr().Unmap(), r.Server.Port())
	var err error
	if r.Method == http.MethodPut {
		err = t.write(ctx, r.Path, r.Body)
	} else {
		err = t.read(ctx, r.Path, r.Max)
	}
	return t.conclude(ctx, err)
}

func (c *Client) newTransfer() *transfer {
	t, ok := c.transfers.Get().(*transfer)
	if !ok {
		t = new(transfer)
	}
	*t = transfer{out: t.out[:0]}
	return t
}

// A transfer is one file by TFTP as the old devices do it: RFC 1350, octet,
// blocks of 512 bytes, numbers that roll over from 65535 to 0 (inferred). By switch
// its requests have options; an OACK is then answered as RFC 2347 has it, and what
// it says changes nothing (inferred). After its last ACK it is gone: a server that did
// not get that one finds a closed port. On a time-out of its own it says nothing.
type transfer struct {
	conn   fault.Datagrams
	now    func() time.Time
	row    *model.Row
	peer   netip.AddrPort // the server, with its transfer's own port once locked
	locked bool
	strays int // packets in a row that brought nothing
	begun  time.Time
	first  time.Time // when the first answer came; zero: none has
	out    []byte    // what is repeated until it is answered
	in     [packet.HeaderSize + packet.BlockSize + 1]byte
	body   *body.Buffer // nil until something came
	into   io.Writer    // takes the body in the place of body; nil: nothing does
	passed int          // bytes that it took
	resent int          // packets that were sent again
}

// maxStrays bounds what a server can send without getting on, so that it cannot
// keep a device busy for the length of its waits.
const maxStrays = 100

// ErrTooBig is the cause of a failure where the answer is larger than the device
// takes, by any scheme.
var ErrTooBig = errors.New("answer is larger than the device takes")

var errNoProgress = errors.New("server repeats itself")

// conclude returns the answer of a transfer that ended with err.
func (t *transfer) conclude(ctx context.Context, err error) (resync.Response, error) {
	var refused *refusal
	switch {
	case errors.As(err, &refused) && refused.code == packet.NotFound:
		t.body.Free()
		return resync.Response{Status: http.StatusNotFound, Resent: t.resent, Took: t.took()}, nil
	case err != nil:
		t.body.Free()
		return resync.Response{}, t.failure(ctx, err)
	}
	resp := resync.Response{Status: http.StatusOK, Buffer: t.body, Passed: t.passed, Resent: t.resent, Took: t.took()}
	if t.body != nil {
		resp.Body = t.body.Bytes
	}
	return resp, nil
}

// took returns the phases of a transfer that ends now.
func (t *transfer) took() device.Phases {
	end := t.now()
	if t.first.IsZero() {
		return device.Phases{FirstByte: int64(end.Sub(t.begun))}
	}
	return device.Phases{FirstByte: int64(t.first.Sub(t.begun)), Body: int64(end.Sub(t.first))}
}

// failure returns the device's failure for what a socket or server said.
func (t *transfer) failure(ctx context.Context, err error) error {
	if over := ctx.Err(); over != nil {
		return over
	}
	var told *resync.Error
	if errors.As(err, &told) { // by a socket that is a model
		return &resync.Error{Result: told.Result, TooBig: told.TooBig, Cut: told.Cut, Phase: told.Phase, Code: told.Code, Said: told.Said, Resent: t.resent, Took: t.took(), Cause: told.Cause}
	}
	failed := &resync.Error{Result: t.resultOf(err), TooBig: errors.Is(err, ErrTooBig), Phase: t.phase(err), Resent: t.resent, Took: t.took(), Cause: err}
	var refused *refusal
	if errors.As(err, &refused) {
		failed.Code, failed.Said = int(refused.code), refused.text
	}
	return failed
}

// phase returns where a transfer failed.
func (t *transfer) phase(err error) phase.Phase {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return phase.Status
	case errors.Is(err, errNoProgress):
		return phase.Progress
	case errors.Is(err, ErrTooBig):
		return phase.Size
	case host.TimedOut(err) && t.first.IsZero():
		return phase.FirstByte
	case host.TimedOut(err):
		return phase.Body
	case t.first.IsZero():
		return phase.Route
	}
	return phase.Header
}

func (t *transfer) resultOf(err error) device.Result {
	var refused *refusal
	switch {
	case host.TimedOut(err), errors.Is(err, errNoProgress):
		return device.Timeout
	case errors.As(err, &refused):
		return device.BadStatus
	case t.first.IsZero():
		return device.NoConnect
	}
	return device.Corrupt
}

// options are those of every request of 7.5.2b (image), which asks for blksize only
// where it is not 512; its transfers of files have no other.
var options = []string{"timeout", "10", "tsize", "0"}

// request makes the request for a file the packet of the moment.
func (t *transfer) request(op packet.Op, path string) {
	if t.row.Behaviour.TFTP.Options {
		t.out = packet.AppendRequest(t.out[:0], op, path, options...)
		return
	}
	t.out = packet.AppendRequest(t.out[:0], op, path)
}

// errOptions is the answer of a server that has taken options.
var errOptions = errors.New("OACK")

// read receives a file of at most most bytes.
func (t *transfer) read(ctx context.Context, path string, most int) error {
	t.request(packet.Read, path)
	for block := uint16(1); ; block++ {
		data, err := t.exchange(ctx, packet.Data, block)
		if err != nil {
			return err
		}
		if err := t.store(data, most); err != nil {
			return err
		}
		t.out = packet.Append(t.out[:0], packet.Ack, block, nil)
		if len(data) < packet.BlockSize {
			_ = t.send() // the file is whole, whatever becomes of this packet
			return nil
		}
	}
}

// store adds a block to the body. What does not fit is refused with the text of
// 7.6.2f (field; of other firmware inferred).
func (t *transfer) store(data []byte, most int) error {
	long := len(data) > packet.BlockSize
	if !long && t.into != nil && t.passed+len(data) <= most {
		t.passed += len(data)
		_, err := t.into.Write(data)
		return err
	}
	if !long && t.into == nil && t.received()+len(data) <= most {
		if t.body == nil {
			t.body = body.For(0)
		}
		t.body.Append(data)
		return nil
	}
	t.sendError(t.peer, packet.Full, "Buffer Full")
	if long {
		return fmt.Errorf("DATA of more than %d bytes", packet.BlockSize)
	}
	return ErrTooBig
}

func (t *transfer) received() int {
	if t.body == nil {
		return 0
	}
	return len(t.body.Bytes)
}

// write sends a file.
func (t *transfer) write(ctx context.Context, path string, body []byte) error {
	t.request(packet.Write, path)
	if _, err := t.exchange(ctx, packet.Ack, 0); err != nil {
		return err
	}
	for block := uint16(1); ; block++ {
		n := min(len(body), packet.BlockSize)
		t.out = packet.Append(t.out[:0], packet.Data, block, body[:n])
		if _, err := t.exchange(ctx, packet.Ack, block); err != nil || n < packet.BlockSize {
			return err
		}
		body = body[n:]
	}
}

// exchange sends the packet of the moment until the wanted one answers it.
func (t *transfer) exchange(ctx context.Context, op packet.Op, block uint16) ([]byte, error) {
	tries := t.row.Behaviour.TFTP.Tries
	for try := range tries {
		if err := t.send(); err != nil {
			return nil, err
		}
		if try > 0 {
			t.resent++
		}
		data, err := t.await(ctx, op, block)
		if err == errOptions { //nolint:errorlint // await returns it as it is
			t.out = packet.Append(t.out[:0], packet.Ack, 0, nil)
			return t.exchange(ctx, op, block)
		}
		if err == nil || !host.TimedOut(err) || ctx.Err() != nil {
			return data, err
		}
	}
	return nil, fmt.Errorf("no answer to %d packets: %w", tries, os.ErrDeadlineExceeded)
}

// await receives until the wanted packet or the end of one wait. Others do not
// prolong it. The block before, or an OACK, is acknowledged again, for its ACK may
// be lost; an earlier ACK is ignored, or every packet would go out twice from then
// on. An OACK to a request to read is errOptions; one to a request to write is the
// answer.
func (t *transfer) await(ctx context.Context, op packet.Op, block uint16) ([]byte, error) {
	if err := t.conn.SetReadDeadline(t.now().Add(t.row.Behaviour.TFTP.Wait)); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for t.strays <= maxStrays {
		p, err := t.receive()
		switch {
		case err != nil:
			return nil, err
		case p.Op == packet.Error:
			return nil, &refusal{p.Number, p.Text()}
		case p.Op == op && p.Number == block:
			t.strays = 0
			return p.Payload, nil
		case p.Op == packet.OptionAck && packet.Op(t.out[1]) == packet.Read:
			t.strays = 0
			return nil, errOptions
		case p.Op == packet.OptionAck && packet.Op(t.out[1]) == packet.Write:
			t.strays = 0
			return nil, nil
		case repeats(p, block) && packet.Op(t.out[1]) == packet.Ack:
			err = t.send()
			t.resent++
		}
		if err != nil {
			return nil, err
		}
		t.strays++
	}
	return nil, errNoProgress
}

// repeats reports whether a packet is the one before a block.
func repeats(p packet.Packet, block uint16) bool {
	return p.Op == packet.Data && p.Number == block-1 || p.Op == packet.OptionAck && block == 1
}

// receive reads one packet. One that is not of this transfer has op 0; it was
// answered if it came from another port of the server.
func (t *transfer) receive() (packet.Packet, error) {
	n, from, err := t.conn.ReadFromUDPAddrPort(t.in[:])
	if err != nil {
		return packet.Packet{}, err
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	p := packet.Parse(t.in[:n])
	if p.Op == packet.OptionAck && !t.row.Behaviour.TFTP.Options {
		p.Op = 0 // nobody has asked for it
	}
	switch {
	case from.Addr() != t.peer.Addr() || p.Op == 0:
		return packet.Packet{}, nil
	case !t.locked:
		t.peer, t.locked, t.first = from, true, t.now()
	case from != t.peer:
		if p.Op != packet.Error { // errors are never answered
			t.sendError(from, packet.UnknownTID, "Unknown transfer ID")
		}
		return packet.Packet{}, nil
	}
	return p, nil
}

func (t *transfer) send() error {
	_, err := t.conn.WriteToUDPAddrPort(t.out, t.peer)
	return err
}

// sendError tells somebody that there is nothing here for them; whether it
// arrives makes no difference.
func (t *transfer) sendError(to netip.AddrPort, code uint16, text string) {
	b := packet.AppendError(nil, code, text)
	_, _ = t.conn.WriteToUDPAddrPort(b, to) // a packet may always be lost
}
