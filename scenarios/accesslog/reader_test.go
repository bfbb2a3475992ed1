package accesslog_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/scenarios/accesslog"
)

// now is when the logs of the tests are read.
var now = time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC)

// all reads a log, and writes each entry as a line.
func all(t testing.TB, text string) ([]string, accesslog.Counts, error) {
	t.Helper()
	r, err := accesslog.NewReader(strings.NewReader(text), accesslog.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for e := (accesslog.Entry{}); r.Next(&e); {
		scheme := "http"
		if e.TFTP {
			scheme = "tftp"
		}
		line := fmt.Sprintf("%s %s %s %s %d", time.Unix(0, e.At).UTC().Format("2006-01-02T15:04:05.999"), e.Client, scheme, e.Path, e.Status)
		if e.User {
			line += " user"
		}
		if len(e.Agent) > 0 {
			line += " " + string(e.Agent)
		}
		list = append(list, line)
	}
	return list, r.Counts, r.Err()
}

func TestLinesOfServersAreRead(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"nginx", `192.0.2.7 - - [30/Nov/2026:15:47:51 +0100] "GET /spa942.cfg HTTP/1.1" 200 512 "-" "Linksys/SPA-942-6.1.5(a) (88019FA00001)"`,
			"2026-11-30T14:47:51 192.0.2.7 http /spa942.cfg 200 Linksys/SPA-942-6.1.5(a) (88019FA00001)"},
		{"nginx main", `10.0.0.1 - prov [30/Nov/2026:15:47:51 +0000] "GET /a?x=1 HTTP/1.1" 404 0 "-" "curl/8" "198.51.100.4, 10.0.0.9"`,
			"2026-11-30T15:47:51 198.51.100.4 http /a?x=1 404 user curl/8"},
		{"common", `192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /a HTTP/1.0" 200 -`, "2026-11-30T15:47:51 192.0.2.7 http /a 200"},
		{"virtual host", `prov.example.com:443 192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"`, "2026-11-30T15:47:51 192.0.2.7 http /a 200 x"},
		{"escapes", `192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /a%28b\x22%2F HTTP/1.1" 200 5 "-" "a \"b\" \\"`, `2026-11-30T15:47:51 192.0.2.7 http /a(b"%2F 200 a "b" \`},
		{"IPv6, a name, a proxy", `2001:db8::1 - - [30/Nov/2026:15:47:51 +0000] "GET http://prov.test/a HTTP/1.1" 200 5`, "2026-11-30T15:47:51 2001:db8::1 http /a 200"},
		{"nginx to syslog", `<190>Nov 30 15:47:51 web nginx: 192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"`, "2026-11-30T15:47:51 192.0.2.7 http /a 200 x"},
		{"built-in server", `127.0.0.1 - - [30/Nov/2026:15:47:51 +0000] "GET /init.cfg TFTP/1.0" 404 0 "-" "-"`, "2026-11-30T15:47:51 127.0.0.1 tftp /init.cfg 404"},
		{"tftpd-hpa", "Nov 30 15:47:51 boot in.tftpd[812]: RRQ from 192.0.2.7 filename /spa942.cfg", "2026-11-30T15:47:51 192.0.2.7 tftp /spa942.cfg 200"},
		{"tftpd-hpa, remapped", "2026-11-30T15:47:51.250+00:00 boot in.tftpd[812]: RRQ from ::ffff:192.0.2.7 filename /a remapped to /b", "2026-11-30T15:47:51.25 192.0.2.7 tftp /a 200"},
		{"tftpd-hpa, an error", "Nov 30 15:47:51 boot in.tftpd[812]: sending NAK (1, File not found) to 192.0.2.7", "2026-11-30T15:47:51 192.0.2.7 tftp  404"},
		{"atftpd", "Dec  1 05:00:01 boot atftpd[99]: Serving /init.cfg to 192.0.2.7:2048", "2026-12-01T05:00:01 192.0.2.7 tftp /init.cfg 200"},
		{"the year before", "Dec 24 05:00:01 boot atftpd[99]: Serving /init.cfg to 192.0.2.7:2048", "2025-12-24T05:00:01 192.0.2.7 tftp /init.cfg 200"},
		{"dnsmasq", "Nov 30 15:47:51 r dnsmasq-tftp[7]: sent /srv/tftp/spa942.cfg to 192.0.2.7", "2026-11-30T15:47:51 192.0.2.7 tftp /spa942.cfg 200"},
		{"dnsmasq's own file", "Nov 30 15:47:51 dnsmasq-tftp[7]: sent /srv/tftp/spa942.cfg to 192.0.2.7", "2026-11-30T15:47:51 192.0.2.7 tftp /spa942.cfg 200"},
		{"dnsmasq, not found", "Nov 30 15:47:51 r dnsmasq-tftp[7]: file /srv/tftp//spa942.cfg not found for 192.0.2.7", "2026-11-30T15:47:51 192.0.2.7 tftp /spa942.cfg 404"},
	} {
		list, counts, err := all(t, tt.line+"\n")
		if err != nil || len(list) != 1 || list[0] != tt.want {
			t.Errorf("%s: %q, %v; want %q\n%+v", tt.name, list, err, tt.want, counts)
		}
	}
}

// What is no request is counted, as what it is, and stops nothing.
func TestOtherLinesStopNothing(t *testing.T) {
	good := `192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"`
	text := strings.Join([]string{
		good, "", "nonsense", strings.Repeat("x", 1<<20), "\x16\x03\x01\x00\xff",
		"Nov 30 15:47:51 web sshd[1]: Accepted publickey", "Nov 30 15:47:51 boot in.tftpd[8]: tftp: client does not accept options",
		`192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "\x16\x03\x01\x02" 400 5 "-" "-"`, `192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "-" 408 0 "-" "-"`,
		`192.0.2.7 - - [31/Foo/2026:15:47:51 +0000] "GET /a HTTP/1.1" 200 5`, `192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /a`, good,
	}, "\n")
	list, c, err := all(t, text)
	if err != nil || len(list) != 2 || c.Lines != 12 || c.Requests != 2 || c.Other != 4 || c.Long != 1 || c.Bad != 4 || len(c.First) != 3 {
		t.Errorf("%q, %v, %+v", list, err, c)
	}
	if c.First[0].Line != 3 || c.First[0].Text != `"nonsense"` || c.First[1].Line != 4 || len(c.First[1].Text) > 140 {
		t.Errorf("%+v", c.First)
	}
}

// A log may be packed, in one part or in several. One that breaks off is read to there.
func TestPackedLogs(t *testing.T) {
	var packed bytes.Buffer
	for range 2 {
		z := gzip.NewWriter(&packed)
		io.WriteString(z, strings.Repeat(`192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /a HTTP/1.1" 200 5`+"\n", 1000))
		z.Close()
	}
	if list, _, err := all(t, packed.String()); err != nil || len(list) != 2000 {
		t.Errorf("%d lines, %v", len(list), err)
	}
	if list, _, err := all(t, packed.String()[:packed.Len()-20]); err == nil || len(list) < 1000 {
		t.Errorf("broken off: %d lines, %v", len(list), err)
	}
	if _, err := accesslog.NewReader(strings.NewReader("\x1f\x8bnot"), accesslog.Options{Now: now}); err == nil {
		t.Error("no error for what is no gzip")
	}
}

// A line needs no memory of its own: ten million of them would need gigabytes.
func TestLinesAreReadWithoutAllocation(t *testing.T) {
	text := strings.Repeat(`192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /spa%24942.cfg HTTP/1.1" 200 512 "-" "Linksys/SPA-942-6.1.5(a) (88019FA00001)"`+"\n"+
		"Nov 30 15:47:51 boot in.tftpd[812]: RRQ from 192.0.2.7 filename /spa942.cfg\n", 1000)
	r, err := accesslog.NewReader(strings.NewReader(text), accesslog.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	var e accesslog.Entry
	r.Next(&e)
	if n := testing.AllocsPerRun(1900, func() { r.Next(&e) }); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

// An endless line takes no memory.
func TestAnEndlessLineIsPassedOver(t *testing.T) {
	size := int64(64 << 20)
	if os.Getenv("SPAFLEET_SLOW") != "" {
		size = 1 << 30
	}
	in := io.MultiReader(io.LimitReader(letters{}, size), strings.NewReader("\n"+`192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /a HTTP/1.1" 200 5`))
	r, err := accesslog.NewReader(in, accesslog.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	var e accesslog.Entry
	if !r.Next(&e) || r.Counts.Long != 1 || r.Counts.Lines != 2 || string(e.Path) != "/a" {
		t.Errorf("%+v, %+v, %v", e, r.Counts, r.Err())
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// Whatever a line is, it is counted once, and what is said of it fits the line.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{
		`192.0.2.7 - - [30/Nov/2026:15:47:51 +0100] "GET /spa%2f942.cfg HTTP/1.1" 200 512 "-" "Linksys/SPA-942-6.1.5(a) (88019FA00001)" "10.0.0.1"`,
		`h:80 1.2.3.4 - "u" [30/Nov/2026:15:47:51 +0100] "GET \x41\" HTTP" 200`, "Nov 30 15:47:51 boot in.tftpd[812]: RRQ from 192.0.2.7 filename /spa942.cfg",
		"<13>2026-11-30T15:47:51.123456+00:00 h dnsmasq-tftp[1]: sent /srv/tftp//a to 192.0.2.7", "Nov 30 15:47:51 b atftpd[9]: Serving a to ::1:69",
		"Nov 30 15:47:51 b in.tftpd: sending NAK (1, ) to ) to 1.2.3.4", "\x1f\x8b", `a b c [30/Nov/2026:15:47:51] "CONNECT x:1 HTTP/1.1" 200 `,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, "\x1f\x8b") {
			return
		}
		list, c, err := all(t, text)
		empty := 0
		for line := range strings.SplitAfterSeq(text, "\n") {
			if strings.Trim(line, "\r\n") == "" && line != "" {
				empty++
			}
		}
		if err != nil || c.Requests != len(list) || c.Requests+c.Other+c.Long+c.Bad+empty != c.Lines || len(c.First) > 3 {
			t.Errorf("%d entries, %d empty lines, %v: %+v", len(list), empty, err, c)
		}
	})
}

// What is written is read again.
func TestWrittenLinesAreRead(t *testing.T) {
	var text []byte
	for _, r := range []accesslog.Request{
		{Client: netip.MustParseAddr("::ffff:192.0.2.7"), Method: "GET", Path: "/a b\"\\.cfg?x=\xff", Protocol: "HTTP/1.1", Status: 200, Bytes: 7, Agent: `a "b"`},
		{Client: netip.MustParseAddr("192.0.2.8"), User: "prov x", Method: "GET", Path: "/init.cfg", Protocol: "TFTP/1.0", Status: 404},
	} {
		r.At = now.UnixNano()
		text = accesslog.Append(text, &r)
	}
	list, _, err := all(t, string(text))
	want := []string{"2026-11-30T16:00:00 192.0.2.7 http /a b\"\\.cfg?x=\xff 200 a \"b\"", "2026-11-30T16:00:00 192.0.2.8 tftp /init.cfg 404 user"}
	if err != nil || !slices.Equal(list, want) {
		t.Errorf("%s\n%q, want %q, %v", text, list, want, err)
	}
}
