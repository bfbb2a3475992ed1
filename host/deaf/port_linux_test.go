package deaf_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"spafleet/host/deaf"
)

func TestADeafPortAnswersNothing(t *testing.T) {
	at, end, err := deaf.Port(netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	c, err := net.DialTimeout("tcp4", at.String(), 300*time.Millisecond)
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) && !os.IsTimeout(err) {
		t.Errorf("a connection to %s: %v, want silence", at, err)
	}
}
