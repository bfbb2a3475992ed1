package tftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	pin "github.com/pin/tftp/v3"

	"spafleet/resync"
	"spafleet/resync/body"
)

// FetchPin transfers one file with github.com/pin/tftp instead of [Client]. It
// retransmits and gives up alike, but keeps time itself and opens its own socket;
// learns of the context's end only when a block arrives (a silent server holds it
// for all its tries); sends ERROR 1 when it gives up, and none to a wrong port;
// cuts paths off at about 500 bytes; asks for no options; and does not tire of repeated data. All of a
// PUT is measured as FirstByte, by the clock now. Failures are those of
// [Client.Fetch].
func FetchPin(ctx context.Context, now func() time.Time, r *resync.Request) (resync.Response, error) {
	t := transfer{now: now, begun: now()}
	c, err := newPin(r)
	if err != nil {
		return resync.Response{}, fmt.Errorf("set up pin/tftp for %s: %w", r.Server, err)
	}
	if r.Method == http.MethodPut {
		err = pinWrite(c, r)
	} else {
		in := &pinBody{ctx: ctx, most: r.Max}
		err = pinRead(c, r.Path, in, func() { t.first = now() })
		t.body = &body.Buffer{Bytes: in.Bytes()}
	}
	return t.conclude(ctx, pinError(err))
}

func newPin(r *resync.Request) (*pin.Client, error) {
	c, err := pin.NewClient(r.Server.String())
	if err != nil {
		return nil, err
	}
	b := &r.Unit.Row.Behaviour
	c.SetTimeout(b.TFTP.Wait)
	c.SetRetries(b.TFTP.Tries - 1) // after the first try
	c.SetBackoff(func(int) time.Duration { return 0 })
	if r.Source.IsValid() {
		err = c.SetLocalAddr(r.Source.String())
	}
	return c, err
}

func pinRead(c *pin.Client, path string, in *pinBody, answered func()) error {
	file, err := c.Receive(path, "octet")
	if err != nil {
		return err
	}
	answered()
	_, err = file.WriteTo(in)
	return err
}

func pinWrite(c *pin.Client, r *resync.Request) error {
	file, err := c.Send(r.Path, "octet")
	if err != nil {
		return err
	}
	_, err = file.ReadFrom(bytes.NewReader(r.Body))
	return err
}

// A pinBody takes a body up to its limit, while its context lasts.
type pinBody struct {
	bytes.Buffer
	ctx  context.Context
	most int
}

func (b *pinBody) Write(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.Len()+len(p) > b.most {
		return 0, ErrTooBig
	}
	return b.Buffer.Write(p)
}

// pinError finds the ERROR packet in pin's error, which is only text.
func pinError(err error) error {
	if err == nil || errors.Is(err, ErrTooBig) {
		return err
	}
	var block int
	var refused refusal
	if _, no := fmt.Sscanf(err.Error(), "code: %d, message:", &refused.code); no != nil {
		_, no = fmt.Sscanf(err.Error(), "sending block %d: code=%d, error:", &block, &refused.code)
		if no != nil {
			return err
		}
	}
	refused.text = err.Error()
	return &refused
}
