package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pin/tftp/v3"

	"spafleet/resync"
)

// fetchPin transfers with pin/tftp.
func (s *Sockets) fetchPin(ctx context.Context, r *resync.Request) (resync.Response, error) {
	begun := s.now()
	t := transfer{moments: moments{begun: begun, connected: begun}}
	c, err := newPin(r)
	if err != nil {
		return resync.Response{}, fmt.Errorf("set up pin/tftp for %s: %w", r.Server, err)
	}
	if r.Method == "PUT" {
		err = pinWrite(c, r)
	} else {
		in := &pinBody{ctx: ctx, most: r.Max}
		err = pinRead(c, r.Path, in, func() { t.moments.first = s.now() })
		t.body = in.Bytes()
	}
	return s.concluded(ctx, r, &t, pinError(err))
}

func newPin(r *resync.Request) (*tftp.Client, error) {
	c, err := tftp.NewClient(r.Server.String())
	if err != nil {
		return nil, err
	}
	b := &r.Unit.Row.Behaviour
	c.SetTimeout(b.TFTPWait)
	c.SetRetries(b.TFTPTries - 1) // after the first try
	c.SetBackoff(func(int) time.Duration { return 0 })
	if r.Source.IsValid() {
		err = c.SetLocalAddr(r.Source.String())
	}
	return c, err
}

func pinRead(c *tftp.Client, path string, in *pinBody, answered func()) error {
	file, err := c.Receive(path, "octet")
	if err != nil {
		return err
	}
	answered()
	_, err = file.WriteTo(in)
	return err
}

func pinWrite(c *tftp.Client, r *resync.Request) error {
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
		return 0, errTooBig
	}
	return b.Buffer.Write(p)
}

// pinError finds the ERROR packet in pin's error, which is only text.
func pinError(err error) error {
	if err == nil || errors.Is(err, errTooBig) {
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
