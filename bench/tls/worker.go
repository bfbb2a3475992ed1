package main

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device"
)

// workerArgument makes the program the process that is measured. A task comes
// in, a round goes out, as JSON.
const workerArgument = "worker"

// A task is what a worker does.
type task struct {
	Client   string // spafleet or crypto/tls; with Mint neither
	Server   string
	Bits     int
	Parallel int
	Time     time.Duration
	Mint     int // certificates
}

// A round is what came of a task.
type round struct {
	Count   int           // of connections, or of certificates
	Elapsed time.Duration // real time
	CPU     time.Duration // of user and system
}

// work is the worker.
func work(in io.Reader, out io.Writer) error {
	var t task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("read task: %w", err)
	}
	defer profiled(&t)()
	do := connections
	if t.Mint > 0 {
		do = certificates
	}
	r, err := do(&t)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// profiled writes a profile of the worker into the folder that BENCH_PROFILE
// names, if any.
func profiled(t *task) (end func()) {
	dir := os.Getenv("BENCH_PROFILE")
	if dir == "" {
		return func() {}
	}
	name := fmt.Sprintf("%s-%d-%d.pprof", strings.ReplaceAll(t.Client, "/", "-"), t.Bits, t.Parallel)
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil || pprof.StartCPUProfile(f) != nil {
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}
}

// runWorker runs a worker on one core.
func runWorker(ctx context.Context, core int, t *task) (round, error) {
	var r round
	text, err := json.Marshal(t)
	if err != nil {
		return r, err
	}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := pinned(ctx, fmt.Sprint(core), self, workerArgument)
	cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("the worker for %s ended with code %d", t.Client, exit.ExitCode())
		}
		return r, err
	}
	return r, json.Unmarshal(answer, &r)
}

// connections connects until the time is over. What came before the first
// connections, and those, do not count.
func connections(t *task) (*round, error) {
	wrap, err := t.client()
	if err != nil {
		return nil, err
	}
	if err := fetch(t.Server, wrap); err != nil {
		return nil, err
	}
	var done atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, t.Parallel)
	begun, before := time.Now(), used()
	for range t.Parallel {
		all.Go(func() {
			for time.Since(begun) < t.Time {
				if err := fetch(t.Server, wrap); err != nil {
					failed <- err
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	r := &round{Count: int(done.Load()), Elapsed: time.Since(begun), CPU: used() - before}
	select {
	case err := <-failed:
		return nil, err
	default:
		return r, nil
	}
}

// used returns the processor time of this process.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// request is that of s_time.
const request = "GET /f HTTP/1.0\r\n\r\n"

var answers = sync.Pool{New: func() any { return new([1 << 10]byte) }}

// dialer is the fleet's.
var dialer = net.Dialer{Timeout: 10 * time.Second, KeepAlive: -1}

// fetch makes one connection: hands shaken, GET, read to the end, close. Closing
// says close_notify, which s_time does not.
func fetch(server string, wrap func(net.Conn) (net.Conn, error)) error {
	below, err := dialer.Dial("tcp4", server)
	if err != nil {
		return err
	}
	defer below.Close()
	conn, err := wrap(below)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	room := answers.Get().(*[1 << 10]byte) //nolint:forcetypeassert // it is the pool's only type
	defer answers.Put(room)
	n, err := io.ReadFull(conn, room[:])
	switch {
	case err == nil:
		return errors.New("the answer is too long")
	case !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		return err
	case !bytes.HasPrefix(room[:n], []byte("HTTP/1.1 200 ")) || !bytes.HasSuffix(room[:n], []byte("provisioned\n")):
		return fmt.Errorf("nginx answers %q", room[:n])
	}
	return nil
}

// client returns what makes an SSL connection of a TCP one.
func (t *task) client() (func(net.Conn) (net.Conn, error), error) {
	f, err := newFleet()
	if err != nil {
		return nil, err
	}
	p := f.phone(t.Bits, 0)
	if t.Client == standard {
		return p.standard()
	}
	return func(below net.Conn) (net.Conn, error) {
		c, err := p.client()
		if err != nil {
			return nil, err
		}
		return ssl.Connect(below, c), nil
	}, nil
}

// standard is crypto/tls with the same certificate and the same judgement.
func (p *phone) standard() (func(net.Conn) (net.Conn, error), error) {
	own, _, err := p.devices.Holder.Certificate(&p.unit)
	if err != nil {
		return nil, err
	}
	text, err := certs.EncodeKey(own.Key)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10,
		CipherSuites:           []uint16{tls.TLS_RSA_WITH_AES_256_CBC_SHA},
		SessionTicketsDisabled: true,
		Certificates:           []tls.Certificate{{Certificate: own.Chain, PrivateKey: key}},
		InsecureSkipVerify:     true, // VerifyPeerCertificate is the device's
		VerifyPeerCertificate: func(chain [][]byte, _ [][]*x509.Certificate) error {
			return verdict(p.devices.Verify(p.unit.Row, chain, now))
		},
	}
	return func(below net.Conn) (net.Conn, error) { return tls.Client(below, c), nil }, nil
}

func verdict(_ *rsa.PublicKey, number int) error {
	if number != 0 {
		return fmt.Errorf("nginx's certificate was refused with error %d", number)
	}
	return nil
}

// models are the units that --mint makes certificates for: one of each
// authority with 1,024 bits.
var models = []string{"SPA2102", "PAP2", "SPA504G"}

// certificates mints certificates for as many devices, with the keys that they
// share.
func certificates(t *task) (*round, error) {
	rows := make([]*device.Row, len(models))
	for i, m := range models {
		row, err := device.NewRow(m, "", map[string]string{"client_root": "early"})
		if err != nil {
			return nil, err
		}
		rows[i] = row
	}
	h := &certs.Holder{PKI: certs.New(seed), Seed: seed}
	distinct := make(map[string]bool, t.Mint)
	begun, before := time.Now(), used()
	for i := range t.Mint {
		u := rows[i%len(rows)].Unit(seed, device.Index(i), device.Unit{}.IP)
		c, _, err := h.Certificate(&u)
		if err != nil {
			return nil, err
		}
		distinct[string(c.Chain[0])] = true
	}
	r := &round{Count: len(distinct), Elapsed: time.Since(begun), CPU: used() - before}
	runtime.KeepAlive(distinct)
	if r.Count != t.Mint {
		return nil, fmt.Errorf("of %d certificates only %d are distinct", t.Mint, r.Count)
	}
	return r, nil
}
