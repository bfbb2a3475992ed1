package fetch_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pin/tftp/v3"

	"spafleet/device"
	"spafleet/resync/fetch"
)

// A pinServer is pin/tftp serving files from memory.
type pinServer struct {
	addr  netip.AddrPort
	mu    sync.Mutex
	files map[string][]byte
	peers map[string]netip.Addr // who asked for a path

	stored chan []byte // one file, which the test takes
}

func startPin(t testing.TB, files map[string][]byte) *pinServer {
	t.Helper()
	return startPinThatWaits(t, files, time.Second)
}

// startPinThatWaits starts one that sends again what is not acknowledged in a
// time.
func startPinThatWaits(t testing.TB, files map[string][]byte, wait time.Duration) *pinServer {
	t.Helper()
	conn, addr := listenUDP(t)
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	p := &pinServer{addr: addr, files: files, peers: map[string]netip.Addr{}, stored: make(chan []byte, 1)}
	s := tftp.NewServer(p.read, p.write)
	s.SetTimeout(wait)
	s.SetRetries(3)
	s.SetBackoff(func(int) time.Duration { return 0 })
	done := make(chan error)
	go func() { done <- s.Serve(conn) }()
	t.Cleanup(func() {
		s.Shutdown()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *pinServer) read(name string, to io.ReaderFrom) error {
	peer := to.(tftp.OutgoingTransfer).RemoteAddr()
	p.mu.Lock()
	body, ok := p.files[name]
	p.peers[name] = peer.AddrPort().Addr().Unmap()
	p.mu.Unlock()
	if !ok {
		return errors.New("no such file")
	}
	_, err := to.ReadFrom(bytes.NewReader(body))
	return err
}

func (p *pinServer) write(name string, from io.WriterTo) error {
	var body bytes.Buffer
	_, err := from.WriteTo(&body)
	p.stored <- body.Bytes()
	return err
}

var bothClients = map[string]*fetch.Sockets{"own": {}, "pin": {PinTFTP: true}}

func TestBothTFTPClientsReadTheSameBytes(t *testing.T) {
	files := map[string][]byte{}
	for _, n := range []int{0, 1, 511, 512, 513, 1024, 40 << 10} {
		files[fmt.Sprintf("/%d", n)] = noise(n)
	}
	server := startPin(t, files)
	for name, client := range bothClients {
		for path, want := range files {
			r := request(t, "tftp", server.addr)
			r.Path = path
			resp, err := client.Fetch(t.Context(), r)
			if err != nil || resp.Status != 200 || !bytes.Equal(resp.Body, want) {
				t.Errorf("%s, %s: status %d, %d bytes, %v", name, path, resp.Status, len(resp.Body), err)
			}
		}
	}
}

func TestBothTFTPClientsWriteTheSameBytes(t *testing.T) {
	for name, client := range bothClients {
		for _, n := range []int{0, 1, 511, 512, 513, 1024, 40 << 10} {
			server := startPin(t, map[string][]byte{})
			r := request(t, "tftp", server.addr)
			r.Method, r.Body = "PUT", noise(n)
			resp, err := client.Fetch(t.Context(), r)
			if err != nil || resp.Status != 200 || len(resp.Body) != 0 {
				t.Errorf("%s, %d bytes: status %d, %v", name, n, resp.Status, err)
			}
			if got := <-server.stored; !bytes.Equal(got, r.Body) {
				t.Errorf("%s, %d bytes: the server has %d", name, n, len(got))
			}
		}
	}
}

func TestBothTFTPClientsFailAlike(t *testing.T) {
	server := startPin(t, map[string][]byte{"/large.cfg": noise(2000)})
	silent, silentAddr := listenUDP(t)
	defer silent.Close()
	quick := unit(t, "SPA2102", "5.2.10", map[string]string{"tftp_wait": "30ms", "tftp_tries": "3"})
	for name, client := range bothClients {
		missing := request(t, "tftp", server.addr)
		if resp, err := client.Fetch(t.Context(), missing); err != nil || resp.Status != 404 {
			t.Errorf("%s, missing file: %d, %v; want 404", name, resp.Status, err)
		}

		large := request(t, "tftp", server.addr)
		large.Path, large.Max = "/large.cfg", 1999
		_, err := client.Fetch(t.Context(), large)
		if e := failed(t, err); e.Result != device.Corrupt || !e.TooBig {
			t.Errorf("%s, large file: %+v", name, e)
		}

		for _, method := range []string{"GET", "PUT"} {
			dead := request(t, "tftp", silentAddr)
			dead.Unit, dead.Method = quick, method
			_, err = client.Fetch(t.Context(), dead)
			if e := failed(t, err); e.Result != device.Timeout || e.Took.Whole() < int64(90*time.Millisecond) {
				t.Errorf("%s, silent server, %s: %+v", name, method, e)
			}
		}
	}
	buf, requests := make([]byte, 600), 0
	for silent.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); ; {
		n, _, err := silent.ReadFrom(buf)
		if err != nil {
			break
		}
		if buf[1] == 1 || buf[1] == 2 {
			requests++
		} else if buf[1] != 5 {
			t.Errorf("the silent server got %q", buf[:n])
		}
	}
	if requests != 4*3 {
		t.Errorf("four transfers of three tries sent %d requests", requests)
	}
}

func TestPinPassesOnOtherErrorCodes(t *testing.T) {
	for _, method := range []string{"GET", "PUT"} {
		server, addr := listenUDP(t)
		go func() {
			buf := make([]byte, 600)
			_, from, err := server.ReadFromUDPAddrPort(buf)
			if err == nil {
				server.WriteToUDPAddrPort(errorPacket(2, "not for you"), from)
			}
		}()
		r := request(t, "tftp", addr)
		r.Method = method
		_, err := (&fetch.Sockets{PinTFTP: true}).Fetch(t.Context(), r)
		if e := failed(t, err); e.Result != device.BadStatus {
			t.Errorf("%s: %v, want status", method, e)
		}
	}
}

// peer returns who asked for a path.
func (p *pinServer) peer(path string) netip.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peers[path]
}
