package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"spafleet/device"
	"spafleet/resync/fetch"
)

func TestOtherSchemesHaveNoClient(t *testing.T) {
	for _, scheme := range []string{"https", "ftp", ""} {
		_, err := new(fetch.Sockets).Fetch(t.Context(), request(t, scheme, web))
		if e := failed(t, err); e.Result != device.BadScheme {
			t.Errorf("%q: %v, want scheme", scheme, e)
		}
	}
}

func TestAnEndedContextOpensNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var open atomic.Int64
	for _, scheme := range []string{"tftp", "http", "https"} {
		if _, err := counted(&open).Fetch(ctx, request(t, scheme, web)); err != context.Canceled {
			t.Errorf("%s: %v, want the context's error", scheme, err)
		}
	}
	if open.Load() != 0 {
		t.Errorf("%d sockets were opened", open.Load())
	}
}

// Two hundred devices at once, each from its own address to its own files.
func TestManyDevicesAtOnce(t *testing.T) {
	const devices = 200
	files := map[string][]byte{}
	for i := range devices {
		files[fmt.Sprintf("/%d.cfg", i)] = noise(1000 + i)
	}
	pin := startPin(t, files)
	web := serveTCP(t, func(conn net.Conn) {
		var path string
		fmt.Sscanf(readHead(conn), "GET %s ", &path)
		fmt.Fprintf(conn, "HTTP/1.1 200 %v\r\nContent-Length: %d\r\n\r\n%s", path, len(files[path]), files[path])
	})
	var open atomic.Int64
	for name, s := range map[string]*fetch.Sockets{"plain": {}, "counted": counted(&open)} {
		var all sync.WaitGroup
		for i := range devices {
			r := request(t, "http", web)
			if i%2 == 0 {
				r.Scheme, r.Server = "tftp", pin.addr
			}
			r.Path = fmt.Sprintf("/%d.cfg", i)
			r.Source = netip.AddrFrom4([4]byte{127, 64, 1, byte(i + 1)})
			all.Go(func() {
				resp, err := s.Fetch(t.Context(), r)
				if err != nil || !bytes.Equal(resp.Body, files[r.Path]) {
					t.Errorf("%s, %s %s: %d bytes, %v", name, r.Scheme, r.Path, len(resp.Body), err)
				}
				if seen := pin.peer(r.Path); r.Scheme == "tftp" && seen != r.Source {
					t.Errorf("%s, %s: the server saw %v, want %v", name, r.Path, seen, r.Source)
				}
			})
		}
		all.Wait()
	}
	if open.Load() != 0 {
		t.Errorf("%d sockets are left open", open.Load())
	}
}

func TestNoSocketIsLeftWhenContextsEnd(t *testing.T) {
	silent, addr := listenUDP(t)
	asked := make(chan bool)
	web := serveTCP(t, func(conn net.Conn) { readHead(conn); asked <- true; conn.Read(make([]byte, 1)) })
	var open atomic.Int64
	s := counted(&open)
	for _, scheme := range []string{"tftp", "http"} {
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 20 {
			r := request(t, scheme, addr)
			if scheme == "http" {
				r.Server = web
			}
			r.Source = netip.MustParseAddr("127.64.0.1")
			all.Go(func() {
				if _, err := s.Fetch(ctx, r); err != context.Canceled {
					t.Errorf("%s: %v, want the context's error", scheme, err)
				}
			})
		}
		for range 20 {
			if scheme == "http" {
				<-asked
			} else if _, _, err := silent.ReadFrom(make([]byte, 600)); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		all.Wait()
	}
	if open.Load() != 0 {
		t.Errorf("%d sockets are left open", open.Load())
	}
}

func TestWhatThisMachineLacksIsNotTheServersFailure(t *testing.T) {
	lack := func(call string, errno syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError(call, errno)}
	}
	tests := []struct {
		err   error
		limit string // empty: the device's failure to connect
	}{
		{lack("socket", syscall.EMFILE), "descriptors"},
		{lack("socket", syscall.ENFILE), "descriptors"},
		{lack("connect", syscall.EADDRNOTAVAIL), "ports"},
		{lack("bind", syscall.EADDRINUSE), "ports"},
		{lack("bind", syscall.EADDRNOTAVAIL), "addresses"},
		{lack("connect", syscall.ECONNREFUSED), ""},
		{lack("connect", syscall.ENETUNREACH), ""},
		{errors.New("no such thing"), ""},
	}
	for _, tt := range tests {
		s := &fetch.Sockets{
			ListenPacket: func(context.Context, netip.Addr) (net.PacketConn, error) { return nil, tt.err },
			Dial:         failingDial(tt.err),
		}
		for _, scheme := range []string{"tftp", "http"} {
			_, err := s.Fetch(t.Context(), request(t, scheme, web))
			limit, ok := fetch.LocalLimit(err)
			if limit != tt.limit || ok != (tt.limit != "") {
				t.Errorf("%s, %v: limit %q, %t; want %q", scheme, tt.err, limit, ok, tt.limit)
			}
			if tt.limit == "" && failed(t, err).Result != device.NoConnect {
				t.Errorf("%s: %v, want connect", scheme, err)
			}
			if tt.limit != "" && !strings.Contains(err.Error(), "10.0.2.1:80") {
				t.Errorf("%s: %q does not name the server", scheme, err)
			}
		}
	}
}

func TestAnAddressOfAnotherMachineIsALocalLimit(t *testing.T) {
	for _, s := range []*fetch.Sockets{{}, {PinTFTP: true}} {
		for _, scheme := range []string{"tftp", "http"} {
			r := request(t, scheme, netip.MustParseAddrPort("127.0.0.1:9"))
			r.Source = netip.MustParseAddr("192.0.2.77")
			_, err := s.Fetch(t.Context(), r)
			if limit, _ := fetch.LocalLimit(err); limit != "addresses" {
				t.Errorf("%s: %v: limit %q, want addresses", scheme, err, limit)
			}
		}
	}
}
