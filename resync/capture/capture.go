// Package capture keeps what chosen devices send and receive as a packet capture, which
// Wireshark reads, and the secrets of their TLS connections as a key log, with which
// Wireshark decrypts it.
//
// What is kept is what passed through this machine's sockets. A socket shows the bytes
// of a TCP connection, not its packets: [File] makes those, with their addresses, ports,
// order and times, but without retransmissions.
package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"spafleet/device"
	"spafleet/device/model"
)

// MostBytes is how large a capture becomes where nobody says otherwise.
const MostBytes = 256 << 20

// A File keeps the packets of chosen devices. A nil File keeps nothing. All methods are
// safe for concurrent use.
type File struct {
	devices map[model.MAC]bool // empty: all
	now     func() time.Time

	mu      sync.Mutex
	out     *bufio.Writer
	packets *pcapgo.Writer
	left    int64 // bytes that may still be written
	keys    io.Writer
	err     error // why it keeps no more
}

// errFull ends a capture that has become as large as it may.
var errFull = errors.New("it is as large as it may become")

// New returns a File that writes packets to one writer and secrets to another, either of
// which may be nil. It keeps the devices of the list, all where it is
// empty, and at most so many bytes of both; 0: [MostBytes]. Now is the wall's time.
func New(packets, keys io.Writer, devices []model.MAC, most int64, now func() time.Time) (*File, error) {
	f := &File{devices: map[model.MAC]bool{}, now: now, keys: keys, left: most}
	if f.left == 0 {
		f.left = MostBytes
	}
	for _, d := range devices {
		f.devices[d] = true
	}
	if packets == nil {
		return f, nil
	}
	f.out = bufio.NewWriter(packets)
	f.packets = pcapgo.NewWriterNanos(f.out)
	if err := f.packets.WriteFileHeader(65535, layers.LinkTypeRaw); err != nil {
		return nil, fmt.Errorf("write packets: %w", err)
	}
	return f, nil
}

// Has reports whether a device's packets are kept.
func (f *File) Has(u *device.Unit) bool {
	return f != nil && u != nil && (len(f.devices) == 0 || f.devices[u.MAC])
}

// KeyLog returns what takes the secrets of a device's TLS connections; nil where they
// are not kept.
func (f *File) KeyLog(u *device.Unit) io.Writer {
	if !f.Has(u) || f.keys == nil {
		return nil
	}
	return keyLog{f}
}

type keyLog struct{ file *File }

func (k keyLog) Write(p []byte) (int, error) {
	k.file.mu.Lock()
	defer k.file.mu.Unlock()
	if k.file.err == nil && k.file.fits(len(p)) {
		if _, err := k.file.keys.Write(p); err != nil {
			k.file.err = fmt.Errorf("write key log: %w", err)
		}
	}
	return len(p), nil // a handshake does not fail for it
}

// Close writes what is left. It returns why the capture is not whole; nil where it is.
// Nothing may be kept after it.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.out != nil {
		if err := f.out.Flush(); err != nil && f.err == nil {
			f.err = fmt.Errorf("write packets: %w", err)
		}
	}
	if errors.Is(f.err, errFull) {
		return fmt.Errorf("write packets: %w", f.err)
	}
	return f.err
}

// write adds a packet. What follows its header is a whole number of layers.
func (f *File) write(from, to netip.Addr, next layers.IPProtocol, transport gopacket.SerializableLayer, payload []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil || f.packets == nil {
		return
	}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: next, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
	switch t := transport.(type) {
	case *layers.TCP:
		_ = t.SetNetworkLayerForChecksum(ip) // of IPv4 it takes any
	case *layers.UDP:
		_ = t.SetNetworkLayerForChecksum(ip)
	}
	buf := gopacket.NewSerializeBuffer()
	if f.err = gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, transport, gopacket.Payload(payload)); f.err != nil {
		return
	}
	const header = 16 // of a packet in the file
	size := len(buf.Bytes())
	if !f.fits(size + header) {
		return
	}
	if err := f.packets.WritePacket(gopacket.CaptureInfo{Timestamp: f.now(), CaptureLength: size, Length: size}, buf.Bytes()); err != nil {
		f.err = fmt.Errorf("write packets: %w", err)
	}
}

// fits counts bytes that are to be written, and ends the capture where they are too many.
func (f *File) fits(n int) bool {
	if f.left -= int64(n); f.left < 0 {
		f.err = errFull
	}
	return f.err == nil
}

// Datagram keeps a datagram of UDP. An address that is not known is that of the device.
func (f *File) Datagram(u *device.Unit, from, to netip.AddrPort, payload []byte) {
	if !f.Has(u) {
		return
	}
	from, to = known(from, u), known(to, u)
	f.write(from.Addr(), to.Addr(), layers.IPProtocolUDP, &layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}, payload)
}

// known puts the device's own address in the place of one that a socket does not tell.
func known(at netip.AddrPort, u *device.Unit) netip.AddrPort {
	addr := at.Addr().Unmap()
	if !addr.IsValid() || addr.IsUnspecified() {
		addr = u.IP
	}
	return netip.AddrPortFrom(addr, at.Port())
}
