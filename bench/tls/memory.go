package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"spafleet/bench/harness"
	"spafleet/certs/ssl"
	"spafleet/host"
)

// mostMemory is what a live connection may take of heap and stack, in bytes.
const mostMemory = 16 << 10

// A memory is what live connections take.
type memory struct {
	Machine     string `json:"machine"`
	Connections int    `json:"connections"`
	HeapStack   int    `json:"heap_and_stack_bytes"` // of each
	Resident    int    `json:"resident_bytes"`       // of each
	Target      int    `json:"target_bytes"`
	Met         bool   `json:"target_met"`
}

// Print writes the result as text.
func (m *memory) Print(out io.Writer) {
	verdict := "met"
	if !m.Met {
		verdict = "MISSED"
	}
	fmt.Fprintf(out, "%d live connections, hands shaken, a goroutine of each waits in Read. %s\n", m.Connections, m.Machine)
	fmt.Fprintf(out, "heap and stack  %6.1f KB each (%d KB or less: %s)\n", float64(m.HeapStack)/1024, m.Target>>10, verdict)
	fmt.Fprintf(out, "resident        %6.1f KB each\n", float64(m.Resident)/1024)
}

// measureMemory holds connections of as many devices open to nginx. All have the
// certificate of one device: certificates are kept by the holder, not by
// connections.
func measureMemory(ctx context.Context, o options, errs io.Writer) (*memory, error) {
	m := &memory{Machine: harness.Machine(), Connections: o.memory, Target: mostMemory}
	if err := host.RaiseOpenFileLimit(o.memory + 200); err != nil {
		return nil, err
	}
	s, err := newSetup()
	if err != nil {
		return nil, err
	}
	n, err := startNginx(ctx, s, o.core)
	if err != nil {
		return nil, err
	}
	defer n.stop()
	f, err := newFleet()
	if err != nil {
		return nil, err
	}
	h := &held{}
	defer h.close()
	p := f.phone(1024, 0)
	if err := h.open(p, n.at(0)); err != nil { // what all connections share is there now
		return nil, err
	}
	heap, resident := weight()
	fmt.Fprintf(errs, "opening %d connections\n", o.memory)
	for i := range o.memory {
		if err := h.open(p, n.at(i)); err != nil {
			return nil, fmt.Errorf("connection %d: %w", i+1, err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	if err := host.Sleep(ctx, time.Second); err != nil { // until the last one waits in Read
		return nil, err
	}
	heap2, resident2 := weight()
	m.HeapStack, m.Resident = (heap2-heap)/o.memory, (resident2-resident)/o.memory
	m.Met = m.HeapStack <= m.Target
	return m, h.lost()
}

// held are connections that are held open.
type held struct {
	conns   []net.Conn
	readers sync.WaitGroup
	mu      sync.Mutex
	closing bool
	failed  error
}

// open opens one more, in whose Read a goroutine then waits.
func (h *held) open(p *phone, server string) error {
	below, err := dialer.Dial("tcp4", server)
	if err != nil {
		return err
	}
	c, err := p.client()
	if err != nil {
		return err
	}
	conn := ssl.Connect(below, c)
	h.conns = append(h.conns, conn)
	shaken := make(chan error, 1)
	h.readers.Go(func() {
		err := conn.Handshake()
		shaken <- err
		if err == nil {
			h.read(conn)
		}
	})
	return <-shaken
}

func (h *held) read(conn net.Conn) {
	n, err := conn.Read(make([]byte, 64))
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closing && h.failed == nil {
		h.failed = fmt.Errorf("a connection that nginx should hold brought %d bytes, %w", n, err)
	}
}

func (h *held) lost() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed
}

func (h *held) close() {
	h.mu.Lock()
	h.closing = true
	h.mu.Unlock()
	for _, c := range h.conns {
		c.Close()
	}
	h.readers.Wait()
}

// weight returns what this process takes: heap and stacks, and resident.
func weight() (heap, resident int) {
	runtime.GC()
	runtime.GC() // pools keep their own for one more
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse), harness.Number("/proc/self/status", "VmRSS") << 10
}
