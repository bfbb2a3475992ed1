package fetch_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"spafleet/bench/extproc"
	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device/model"
	"spafleet/prov"
	"spafleet/resync"
	"spafleet/resync/capture"
	"spafleet/resync/fetch"
)

// tshark reads what was kept, and decrypts each version of SSL and TLS with the key log.
// The packets have right checksums, and no hole.
func TestTsharkReadsACapture(t *testing.T) {
	tshark := extproc.Need(t, "tshark", "tshark")
	var packets, keys bytes.Buffer
	file, err := capture.New(&packets, &keys, nil, 0, time.Now)
	extproc.Must(t, err)
	sockets := secureSockets()
	sockets.Capture = file
	ask := func(r *resync.Request) {
		t.Helper()
		if resp, err := sockets.Fetch(t.Context(), r); err != nil || resp.Status != 200 {
			t.Errorf("%s %s: %+v, %v", r.Scheme, r.Path, resp, err)
		}
	}

	cert, err := pki.Server(certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"})
	extproc.Must(t, err)
	modern := &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_256_CBC_SHA}, Certificates: []tls.Certificate{{Certificate: cert.Chain, PrivateKey: cert.Key}}}
	old := func(v ssl.Version, s ssl.Suite) *ssl.Server {
		return &ssl.Server{Min: ssl.SSL30, Max: v, Suites: []ssl.Suite{s}, Certificate: cert, DHBits: 1024}
	}
	spoken := []struct {
		model, firmware, versions string
		server                    prov.HTTPS
		want                      string // version and suite, as tshark says
	}{
		{"SPA2102", "5.2.12", "ssl3", prov.HTTPS{SSL: old(ssl.SSL30, ssl.AES256SHA)}, "0x0300 0x0035"},
		{"SPA2102", "5.2.12", "", prov.HTTPS{SSL: old(ssl.TLS10, ssl.AES256SHA)}, "0x0301 0x0035"},
		{"SPA2102", "5.2.12", "", prov.HTTPS{SSL: old(ssl.TLS10, ssl.RC4SHA)}, "0x0301 0x0005"},
		{"SPA2102", "5.2.12", "", prov.HTTPS{SSL: old(ssl.TLS10, ssl.DHEAES256SHA)}, "0x0301 0x0039"},
		{"SPA122", "1.3.5(004p)", "tls1.0-tls1.1", prov.HTTPS{SSL: old(ssl.TLS11, ssl.AES256SHA)}, "0x0302 0x0035"},
		{"SPA122", "1.3.5(004p)", "tls1.2", prov.HTTPS{SSL: old(ssl.TLS10, ssl.AES256SHA), TLS: modern}, "0x0303 0x0035"},
	}
	var want []string
	for _, tt := range spoken {
		tt.server.Addr = "127.0.0.1:0"
		at, _ := serveHTTPS(t, tt.server)
		switches := map[string]string{}
		if tt.versions != "" {
			switches["tls_versions"] = tt.versions
		}
		ask(askSecurely(t, tt.model, tt.firmware, "/spa2102.cfg", switches, at))
		want = append(want, fmt.Sprintf("%d %s GET /spa2102.cfg 200", at.Port(), tt.want))
	}

	core, err := prov.NewCore(map[string]prov.Entry{"/spa2102.cfg": {Body: strings.Repeat("x", 2000)}}, prov.Options{})
	extproc.Must(t, err)
	plain := &prov.Server{Core: core, TFTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0"}
	extproc.Must(t, plain.Open())
	t.Cleanup(plain.Close)
	ask(request(t, "tftp", plain.TFTP()))
	ask(request(t, "http", plain.HTTP()))
	extproc.Must(t, file.Close())

	dir := t.TempDir()
	pcap, log := filepath.Join(dir, "a.pcap"), filepath.Join(dir, "keys")
	extproc.Must(t, os.WriteFile(pcap, packets.Bytes(), 0o600))
	extproc.Must(t, os.WriteFile(log, keys.Bytes(), 0o600))
	cmd := exec.Command(tshark, "-n", "-r", pcap, "-o", "tls.keylog_file:"+log, "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
		"-T", "ek", "-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "tls.handshake.type", "-e", "tls.handshake.version", "-e", "tls.handshake.ciphersuite", "-e", "http.request.method", "-e", "http.request.uri",
		"-e", "http.response.code", "-e", "http.content_length_header", "-e", "tftp.source_file", "-e", "tftp.block", "-e", "_ws.malformed",
		"-e", "ip.checksum.status", "-e", "tcp.checksum.status", "-e", "udp.checksum.status", "-e", "tcp.analysis.flags")
	cmd.Env = append(os.Environ(), "HOME="+dir)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, complaint.Bytes())
	}
	var got, tftp, lengths []string
	hellos, asked := map[string]string{}, map[string]string{}
	for line := range bytes.Lines(out) {
		var frame struct{ Layers map[string][]string }
		if err := json.Unmarshal(line, &frame); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		field := func(name string) string { return strings.Join(frame.Layers[strings.ReplaceAll(name, ".", "_")], " ") }
		for _, bad := range []string{"_ws.malformed", "tcp.analysis.flags"} {
			if field(bad) != "" {
				t.Errorf("tshark says %s of %s", bad, line)
			}
		}
		for _, sum := range []string{"ip.checksum.status", "tcp.checksum.status", "udp.checksum.status"} {
			if strings.Contains(field(sum), "0") {
				t.Errorf("%s is bad in %s", sum, line)
			}
		}
		from, to := field("tcp.srcport"), field("tcp.dstport")
		switch {
		case field("tls.handshake.ciphersuite") != "" && strings.HasPrefix(field("tls.handshake.type"), "2"): // of a hello of the server
			hellos[from] = field("tls.handshake.version") + " " + field("tls.handshake.ciphersuite")
		case field("http.request.method") != "":
			asked[to] = field("http.request.method") + " " + field("http.request.uri")
		case field("http.response.code") != "" && hellos[from] == "":
			lengths = append(lengths, field("http.content_length_header"))
		case field("http.response.code") != "":
			got = append(got, fmt.Sprintf("%s %s %s %s", from, hellos[from], asked[from], field("http.response.code")))
		case field("tftp.source_file") != "" || field("tftp.block") != "":
			tftp = append(tftp, field("tftp.source_file")+field("tftp.block"))
		}
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("tshark decrypts\n%s\nwant\n%s", a, b)
	}
	if got := strings.Join(tftp, " "); got != "/spa2102.cfg 1 1 2 2 3 3 4 4" {
		t.Errorf("of TFTP tshark reads %q", got)
	}
	if len(lengths) != 1 || lengths[0] != "2000" {
		t.Errorf("of HTTP tshark reads %q", lengths)
	}
}

// Of the devices that were not chosen nothing is kept.
func TestACaptureKeepsTheChosenDevices(t *testing.T) {
	at := serveTCP(t, func(c net.Conn) {
		readHead(c)
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	})
	r := request(t, "http", at)
	other := r.Unit.MAC
	other[5]++
	for _, tt := range []struct {
		device model.MAC
		kept   bool
	}{{r.Unit.MAC, true}, {other, false}} {
		var packets bytes.Buffer
		file, err := capture.New(&packets, nil, []model.MAC{tt.device}, 0, time.Now)
		extproc.Must(t, err)
		_, err = (&fetch.Sockets{Capture: file}).Fetch(t.Context(), r)
		extproc.Must(t, err)
		extproc.Must(t, file.Close())
		if got := bytes.Contains(packets.Bytes(), []byte("GET /spa2102.cfg")); got != tt.kept {
			t.Errorf("kept: %v, want %v", got, tt.kept)
		}
	}
}

// Questions for names are kept, by UDP and, where the answer is too long, by TCP.
func TestACaptureKeepsQuestionsForNames(t *testing.T) {
	z := serveZone(t, func(answer *dns.Msg, network, name string) {
		answer.Truncated = network == "udp"
		answer.Answer = records(t, name+" 60 IN A 127.0.0.1")
	})
	var packets bytes.Buffer
	file, err := capture.New(&packets, nil, nil, 0, time.Now)
	extproc.Must(t, err)
	s := &fetch.Sockets{Capture: file, NameServers: only(z.at)}
	u := unit(t, "SPA2102", "5.2.10", nil)
	_, err = s.Resolve(fetch.For(t.Context(), fetch.Asker{Device: 1, Unit: u}), "prov.test")
	extproc.Must(t, err)
	extproc.Must(t, file.Close())
	if n := bytes.Count(packets.Bytes(), []byte("\x04prov\x04test\x00")); n < 4 {
		t.Errorf("the name is in %d packets, want a question and an answer by UDP and by TCP", n)
	}
}

// A capture that its disk or its bound cuts short disturbs nobody, and says so.
func TestACaptureThatIsCutShort(t *testing.T) {
	at := serveTCP(t, func(c net.Conn) {
		readHead(c)
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	})
	for name, tt := range map[string]struct {
		to   func(*bytes.Buffer) *capture.File
		want string
	}{
		"its bound": {func(b *bytes.Buffer) *capture.File { f, _ := capture.New(b, nil, nil, 200, time.Now); return f }, "as large as it may become"},
		"its disk":  {func(*bytes.Buffer) *capture.File { f, _ := capture.New(fullDisk{}, nil, nil, 0, time.Now); return f }, "no space left"},
	} {
		var packets bytes.Buffer
		file := tt.to(&packets)
		resp, err := (&fetch.Sockets{Capture: file}).Fetch(t.Context(), request(t, "http", at))
		if err != nil || string(resp.Body) != "hi" {
			t.Errorf("%s: the transfer: %+v, %v", name, resp, err)
		}
		if err := file.Close(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: it says %v", name, err)
		}
		if n := packets.Len(); n > 24+200 {
			t.Errorf("%s: it wrote %d bytes", name, n)
		}
	}
}

// A fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, fmt.Errorf("no space left") }
