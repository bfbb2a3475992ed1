package run_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// besieged is a fleet whose server is not a good one.
const besieged = `
clock: real
limits: {lateness: 1h}
fleet:
  phones:
    model: SPA942
    firmware: 6.1.5(a)
    count: 200
    lease: none
    set: {Resync_Random_Delay: 0, Resync_Error_Retry_Delay: 3600, Profile_Rule: "URL"}
    switches: {http_read_wait: 1500ms, tftp_wait: 700ms, tftp_tries: 2}
server:
  https: {ca: sipura1}
  files:
    /spa942.cfg: {body: <flat-profile><GPP_A>1</GPP_A></flat-profile>, size: 3KB}
timeline:
  - fault: {FAULT}
expect:
  - all: resyncs.failed == 1 && resyncs.ok == 0
    by: 60s
  - never: event.kind == "applied"
`

// mostPerDevice is what a besieged device may cost, the server's side of it
// included, which is in this process too.
const mostPerDevice = 600 << 10

// watch samples the heap until stop is called, which returns its highest growth.
func watch() (stop func() uint64) {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	first, most := heap[0].Value.Uint64(), uint64(0)
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				metrics.Read(heap)
				most = max(most, heap[0].Value.Uint64())
			case <-end:
				return
			}
		}
	}()
	return func() uint64 {
		close(end)
		<-ended
		return max(most, first) - first
	}
}

// endures runs a besieged fleet, a smaller one without SPAFLEET_SLOW: each device
// fails once, in its firmware's words, within bounds of time and, where no other test
// runs beside it, of memory.
func endures(t *testing.T, alone bool, src, err, result string) {
	t.Helper()
	if os.Getenv("SPAFLEET_SLOW") == "" {
		src = strings.Replace(src, "count: 200", "count: 15", 1)
	}
	scenario := scenariotest.Parse(t, src)
	begun, stop := time.Now(), watch()
	r, failed := run.Run(t.Context(), scenario, run.Options{})
	grown := stop()
	if failed != nil {
		t.Fatal(failed)
	}
	scenariotest.WantVerdict(t, r, report.Passed)
	devices := r.Devices
	told := 0
	for _, e := range r.Findings.Errors {
		if e.Err == err && slices.Contains(strings.Split(result, " or "), e.Result) {
			told += e.Count
		}
	}
	if told != devices {
		t.Errorf("the summary says %+v, want %d times %q (%s)", r.Findings.Errors, devices, err, result)
	}
	if took := time.Since(begun); took > 40*time.Second {
		t.Errorf("it took %v", took)
	}
	const program = 128 << 20 // what the run itself takes, and the collector leaves for a while
	if alone && grown > uint64(devices)*mostPerDevice+program {
		t.Errorf("the heap grew by %d bytes for each of %d devices", grown/uint64(devices), devices)
	}
	t.Logf("%d devices, %v, %d bytes a device", devices, time.Since(begun).Round(time.Millisecond), grown/uint64(devices))
}

func TestAFleetEnduresAHostileServer(t *testing.T) {
	const tooLarge, cut, http, https, tftp = "file size exceeds internal buffer", "corrupt file", "http_get failed", "https_get failed", "tftp_get failed"
	tests := []struct{ fault, err, result string }{
		{"match: http, hostile: endless", tooLarge, "corrupt"},
		{"match: http, hostile: length", tooLarge, "corrupt"},
		{"match: http, hostile: bomb", tooLarge, "corrupt"},
		{"match: http, hostile: headers", http, "corrupt"},
		{"match: http, hostile: garbage", http, "corrupt"},
		{"match: http, stall_after: 1KB", cut, "corrupt"},
		{"match: http, down: all", http, "connect"},
		{"match: https /spa942.cfg, hostile: endless", tooLarge, "corrupt"},
		{"match: https, hostile: headers", https, "corrupt"},
		{"match: https, hostile: garbage", https, "tls"},
		{"match: https, alert: 80", https, "tls"},
		{"match: tftp, hostile: endless", tooLarge, "corrupt"},
		{"match: tftp, hostile: storm", tftp, "timeout"},
		{"match: tftp, hostile: garbage", tftp, "timeout"},
		{"match: tftp, hostile: bomb", tooLarge, "corrupt"},
		{"match: tftp, stall_after: 1KB", tftp, "timeout"},
		{"match: tftp, status: 2", tftp, "status"},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			src := siege(tt.fault)
			// What is not about waiting has time enough on a busy machine.
			if !strings.Contains(tt.fault, "stall") {
				src = strings.Replace(src, "http_read_wait: 1500ms", "http_read_wait: 15s", 1)
			}
			endures(t, true, src, tt.err, tt.result)
		})
	}
}

// siege is besieged with a fault.
func siege(fault string) string {
	scheme, _, _ := strings.Cut(strings.TrimPrefix(fault, "match: "), " ")
	scheme = strings.TrimSuffix(scheme, ",")
	return strings.NewReplacer("URL", scheme+"://${server."+scheme+"}/spa942.cfg", "FAULT", fault).Replace(besieged)
}

// A byte a second is waited for, but not for ever.
func TestAFleetEnduresADrip(t *testing.T) {
	alone := os.Getenv("SPAFLEET_SLOW") != ""
	if !alone {
		t.Parallel() // it waits 15 seconds, for as many bytes
	}
	endures(t, alone, siege("match: http, hostile: drip"), "corrupt file", "corrupt")
}

// What is no SSL, no handshake, or one without end, is a failed handshake or no
// answer, and costs no more than another failure.
func TestAFleetEnduresHostileHandshakes(t *testing.T) {
	record := func(kind byte, payload []byte) []byte {
		return append([]byte{kind, 3, 1, byte(len(payload) >> 8), byte(len(payload))}, payload...)
	}
	hello := record(22, append([]byte{2, 0, 0, 38, 3, 1}, append(make([]byte, 32), 0, 0, 0x2f, 0)...)) // chooses AES128-SHA
	full := make([]byte, 1<<14)
	again := func(head, more []byte) func(net.Conn) {
		return func(c net.Conn) {
			_, err := c.Write(head)
			for err == nil {
				_, err = c.Write(more)
			}
		}
	}
	noise := func(seed uint64, n int) []byte {
		b := make([]byte, n)
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	// A flood may keep a busy machine from the end of a handshake until its time
	// is over.
	tests := []struct {
		name   string
		serve  func(net.Conn)
		result string
	}{
		{"noise", func(c net.Conn) { _, _ = c.Write(noise(1, 4000)) }, "tls"},
		{"noise without end", again(noise(2, 4000), noise(3, 1<<16)), "tls or timeout"},
		{"records of noise", again(nil, record(22, noise(4, 1<<14))), "tls or timeout"},
		{"a record that is too long", again([]byte{22, 3, 1, 0xff, 0xff}, full), "tls or timeout"},
		{"a hello and then noise", again(hello, record(22, noise(5, 1000))), "tls or timeout"},
		{"a certificate of 16 MB", again(append(bytes.Clone(hello), record(22, []byte{11, 0xff, 0xff, 0xff})...), record(22, full)), "tls or timeout"},
		{"hellos without end", again(hello, hello), "tls or timeout"},
		{"empty records without end", again(nil, record(22, nil)), "tls or timeout"},
		{"requests for a hello without end", again(nil, record(22, make([]byte, 1<<12))), "tls or timeout"},
		{"warnings without end", again(nil, record(21, []byte{1, 90})), "tls or timeout"},
		{"a record that drips", func(c net.Conn) {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for _, b := range record(22, full) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				<-tick.C
			}
		}, "timeout"},
		{"nothing after the hello", func(c net.Conn) { _, _ = c.Write(hello); _, _ = io.Copy(io.Discard, c) }, "timeout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := strings.NewReplacer("URL", fmt.Sprintf("https://%s/x", besieger(t, tt.serve))).Replace(besieged)
			if tt.result == "tls" { // has time enough on a busy machine
				src = strings.Replace(src, "http_read_wait: 1500ms", "http_read_wait: 15s", 1)
			} else {
				src = strings.Replace(src, "http_read_wait: 1500ms", "http_read_wait: 500ms", 1)
			}
			src = src[:strings.Index(src, "server:")] + "target: {hosts: [127.0.0.1]}\n" + src[strings.Index(src, "expect:"):]
			endures(t, true, src, "https_get failed", tt.result)
		})
	}
}

// besieger serves connections after the client's first bytes, and returns where.
func besieger(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				if _, err := c.Read(make([]byte, 1024)); err == nil {
					serve(c)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String()
}
