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
	"runtime"
	"strings"
	"sync"
	"time"

	"spafleet/bench/harness"
	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/host"
)

// A task is what a worker does.
type task struct {
	Client   string // spafleet or crypto/tls; with Mint neither
	Server   string
	Bits     int
	Parallel int
	Time     time.Duration
	Mint     int // certificates
}

// work is the worker.
func work(ctx context.Context, in io.Reader, out io.Writer) error {
	var t task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("read task: %w", err)
	}
	defer harness.Profiled(fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(t.Client, "/", "-"), t.Bits, t.Parallel))()
	do := connections
	if t.Mint > 0 {
		do = certificates
	}
	r, err := do(ctx, &t)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// runWorker runs a worker on one core.
func runWorker(ctx context.Context, core int, t *task) (r harness.Round, err error) {
	if err = harness.RunWorker(ctx, harness.Core(core), t, &r); err != nil {
		err = fmt.Errorf("%s: %w", t.Client, err)
	}
	return r, err
}

// connections connects until the time is over. What came before the first
// connections, and those, do not count.
func connections(ctx context.Context, t *task) (*harness.Round, error) {
	wrap, err := t.client()
	if err != nil {
		return nil, err
	}
	if err := fetch(t.Server, wrap); err != nil {
		return nil, err
	}
	r, err := harness.Loop(ctx, t.Parallel, t.Time, func(int) error { return fetch(t.Server, wrap) })
	return &r, err
}

// request is that of s_time.
const request = "GET /f HTTP/1.0\r\n\r\n"

var answers = sync.Pool{New: func() any { return new([1 << 10]byte) }}

// patience is how long a connection may take: a server that falls silent ends it.
const patience = 10 * time.Second

// dialer is the fleet's.
var dialer = net.Dialer{Timeout: patience, KeepAlive: -1}

// fetch makes one connection: hands shaken, GET, read to the end, close. Closing
// says close_notify, which s_time does not.
func fetch(server string, wrap func(net.Conn) (net.Conn, error)) error {
	below, err := dialer.Dial("tcp4", server)
	if err != nil {
		return err
	}
	defer below.Close()
	if err := below.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
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
func certificates(_ context.Context, t *task) (*harness.Round, error) {
	rows := make([]*model.Row, len(models))
	for i, m := range models {
		row, err := model.NewRow(m, "", map[string]string{"client_root": "early"})
		if err != nil {
			return nil, err
		}
		rows[i] = row
	}
	h := &certs.Holder{PKI: certs.New(seed)}
	distinct := make(map[string]bool, t.Mint)
	begun, before := time.Now(), host.CPUTime()
	for i := range t.Mint {
		u := device.NewUnit(rows[i%len(rows)], seed, device.Index(i), device.Unit{}.IP)
		c, _, err := h.Certificate(&u)
		if err != nil {
			return nil, err
		}
		distinct[string(c.Chain[0])] = true
	}
	r := &harness.Round{Count: len(distinct), Elapsed: time.Since(begun), CPU: host.CPUTime() - before}
	runtime.KeepAlive(distinct)
	if r.Count != t.Mint {
		return nil, fmt.Errorf("of %d certificates only %d are distinct", t.Mint, r.Count)
	}
	return r, nil
}
