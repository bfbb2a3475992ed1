package fetch

import (
	"context"
	"errors"
	"fmt"

	"spafleet/resync"
	"spafleet/resync/tftp"
)

// fetchTFTP transfers a file over a socket of its own.
func (s *Sockets) fetchTFTP(ctx context.Context, r *resync.Request) (resync.Response, error) {
	begun := s.now()
	conn, err := s.listenPacket(ctx, r.Source)
	if err != nil {
		return resync.Response{}, s.failure(ctx, r, moments{begun: begun}, err)
	}
	conn = s.Capture.Socket(r.Unit, conn)
	d := s.disturbance(r)
	if d != nil {
		conn = d.Packets(conn, s.now)
	}
	defer conn.Close()
	defer wake(ctx, conn)()
	resp, err := s.tftp.Fetch(ctx, conn, s.now, begun, r)
	s.nobody(ctx, d, err)
	return resp, s.own(r, err)
}

// fetchPin transfers a file with the other client.
func (s *Sockets) fetchPin(ctx context.Context, r *resync.Request) (resync.Response, error) {
	resp, err := tftp.FetchPin(ctx, s.now, r)
	return resp, s.own(r, err)
}

// own tells this machine's failures from the device's.
func (s *Sockets) own(r *resync.Request, err error) error {
	if _, local := LocalLimit(err); local {
		return fmt.Errorf("open socket to %s: %w", r.Server, errors.Unwrap(err))
	}
	return err
}
