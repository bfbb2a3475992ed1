package fetch_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
	"spafleet/resync/fetch"
	"spafleet/resync/tftp/packet"
)

// A flash is the environment of attempts that ask servers over sockets.
type flash struct{ *fetch.Sockets }

func (flash) Now() int64 { return 1e18 }

func (flash) Commit(device.Params, device.Life, []device.Event) {}

// A server that has two files in turn.
type turns struct {
	files [2][]byte
	asked int
}

func (s *turns) next() []byte {
	s.asked++
	return s.files[s.asked%2]
}

// serve answers a request by HTTP.
func (s *turns) serve(conn net.Conn) {
	var request [1024]byte
	if _, err := conn.Read(request[:]); err == nil {
		file := s.next()
		_, _ = conn.Write(append(strconv.AppendInt([]byte("HTTP/1.1 200 OK\r\nContent-Length: "), int64(len(file)), 10), "\r\n\r\n"...))
		_, _ = conn.Write(file)
	}
}

// A resyncer is a device that asks one server again and again.
type resyncer struct {
	in resync.Input
	on flash
}

func newResyncer(t testing.TB, scheme string, server netip.AddrPort) *resyncer {
	u := unit(t, "SPA2102", "5.2.10", nil)
	r := &resyncer{resync.Input{Unit: *u, Params: device.Reset(u.Row.Factory), Cause: model.ByStep, Profiles: &resync.ProfileCache{}}, flash{&fetch.Sockets{}}}
	r.in.Command = &device.Command{Order: device.Resync, Argument: scheme + "://" + server.String() + "/spa2102.cfg"}
	return r
}

// resync resyncs and returns what became of it.
func (r *resyncer) resync(t testing.TB) resync.Outcome {
	o := resync.Attempt(context.Background(), r.on, r.in)
	if !o.OK {
		t.Fatal(o.Err)
	}
	r.in.Params, r.in.Life, r.in.Applied = o.Params, o.Life, o.Applied
	return o
}

// fullProfile returns a profile of 45 KB.
func fullProfile(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("../../device/profile/testdata/vectors/full.xml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// transports are the servers of one file each, by scheme.
func transports(t testing.TB, file []byte) map[string]netip.AddrPort {
	return map[string]netip.AddrPort{
		"http": serveTCP(t, (&turns{files: [2][]byte{file, file}}).serve),
		"tftp": serveBlocks(t, file),
	}
}

// serveBlocks answers each request by TFTP with a file, and allocates nothing.
func serveBlocks(t testing.TB, file []byte) netip.AddrPort {
	conn, addr := listenUDP(t)
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		var in, out [packet.HeaderSize + packet.BlockSize]byte
		for {
			n, from, err := conn.ReadFromUDPAddrPort(in[:])
			if err != nil {
				return
			}
			block := 0
			if p := packet.Parse(in[:n]); p.Op == packet.Ack {
				block = int(p.Number)
			}
			if at := block * packet.BlockSize; at <= len(file) {
				b := packet.Append(out[:0], packet.Data, uint16(block+1), file[at:min(at+packet.BlockSize, len(file))])
				_, _ = conn.WriteToUDPAddrPort(b, from)
			}
		}
	}()
	return addr
}

// What a device has of a file is its own, whatever comes into the same memory later.
func TestValuesOutliveTheMemoryOfTheirFile(t *testing.T) {
	first := []byte("<flat-profile><GPP_A>kept from the first file</GPP_A><GPP_B>one</GPP_B></flat-profile>")
	second := []byte("<flat-profile><GPP_C>AAAAAAAAAAAAAAAAAAAAAAAAA</GPP_C><GPP_B>two</GPP_B></flat-profile>")
	r := newResyncer(t, "http", serveTCP(t, (&turns{files: [2][]byte{second, first}}).serve))
	for range 20 {
		o := r.resync(t)
		a, _ := o.Params.Lookup("GPP_A")
		if a != "kept from the first file" {
			t.Fatalf("GPP_A is %q", a)
		}
		for i := range o.Events {
			if f := o.Events[i].File; f != nil && f.Host != "127.0.0.1" {
				t.Errorf("an event's host is %q", f.Host)
			}
		}
	}
	b, _ := r.in.Params.Lookup("GPP_B")
	if c, _ := r.in.Params.Lookup("GPP_C"); b != "two" || c != "AAAAAAAAAAAAAAAAAAAAAAAAA" {
		t.Errorf("GPP_B is %q, GPP_C is %q", b, c)
	}
}

func BenchmarkUnchangedFile(b *testing.B) {
	for scheme, server := range transports(b, fullProfile(b)) {
		b.Run(scheme, func(b *testing.B) {
			r := newResyncer(b, scheme, server)
			r.resync(b)
			b.ReportAllocs()
			for b.Loop() {
				r.resync(b)
			}
		})
	}
}
