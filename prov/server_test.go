package prov_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pin/tftp/v3"

	"spafleet/prov"
)

func serve(t *testing.T, c *prov.Core) *prov.Server {
	t.Helper()
	s := &prov.Server{Core: c, TFTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0"}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func tftpGet(s *prov.Server, name string) ([]byte, error) {
	client, err := tftp.NewClient(s.TFTP().String())
	if err != nil {
		return nil, err
	}
	// A lost packet is asked for again soon; pin's own pause is random.
	client.SetTimeout(time.Second)
	client.SetBackoff(func(int) time.Duration { return 0 })
	from, err := client.Receive(name, "octet")
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	_, err = from.WriteTo(&body)
	return body.Bytes(), err
}

func tftpPut(s *prov.Server, name string, body []byte) error {
	client, err := tftp.NewClient(s.TFTP().String())
	if err != nil {
		return err
	}
	to, err := client.Send(name, "octet")
	if err != nil {
		return err
	}
	_, err = to.ReadFrom(bytes.NewReader(body))
	return err
}

// browser is a client whose connections do not outlive the test.
func browser(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func do(t *testing.T, client *http.Client, method, url, body string) (*http.Response, string) {
	t.Helper()
	q, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	got, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(got)
}

func url(s *prov.Server, path string) string { return "http://" + s.HTTP().String() + path }

func TestTFTPAndHTTPServeTheSameBytes(t *testing.T) {
	files := map[string]prov.Entry{"/$MA.xml": {Body: text, Key: "{{ key }}", Gzip: true}}
	for _, size := range []int{0, 1, 511, 512, 513, 1024, 40_000} {
		files[fmt.Sprintf("/%d", size)] = prov.Entry{Body: strings.Repeat("x", size)}
	}
	c := newCore(t, files, prov.Options{Expand: tell})
	s := serve(t, c)
	for path := range files {
		path = strings.Replace(path, "$MA", mac, 1)
		want := get(c, path).Body
		r, got := do(t, browser(t), "GET", url(s, path), "")
		if r.StatusCode != 200 || got != string(want) || r.ContentLength != int64(len(want)) {
			t.Errorf("http %s: %s, %d bytes, length %d, want %d", path, r.Status, len(got), r.ContentLength, len(want))
		}
		body, err := tftpGet(s, path[1:])
		if err != nil || !bytes.Equal(body, want) {
			t.Errorf("tftp %s: %d bytes, want %d; %v", path, len(body), len(want), err)
		}
	}
}

func TestADirectoryCanBeCurled(t *testing.T) {
	c, _ := newDir(t, map[string]string{"$MA.xml": "{{ma}} of {{ip}} at {{http}} and {{tftp}}"}, prov.DirOptions{})
	s := serve(t, c)
	want := mac + " of 127.0.0.1 at " + s.HTTP().String() + " and " + s.TFTP().String()
	if _, got := do(t, browser(t), "GET", url(s, "/"+mac+".xml"), ""); got != want {
		t.Errorf("http: got %q, want %q", got, want)
	}
	if got, err := tftpGet(s, mac+".xml"); string(got) != want {
		t.Errorf("tftp: got %q, want %q; %v", got, want, err)
	}
	named, _ := newDir(t, map[string]string{"a": "{{http}}"}, prov.DirOptions{Name: "prov.test"})
	s = serve(t, named)
	if _, got := do(t, browser(t), "GET", url(s, "/a"), ""); got != fmt.Sprintf("prov.test:%d", s.HTTP().Port()) {
		t.Errorf("with a name: got %q", got)
	}
}

func TestHTTPAnswers(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{
		"/a": {Body: "text"}, "/moved": {Status: 302, Location: "/a"}, "/gone": {Status: 404}, "/none": {Status: 204},
	}, prov.Options{})
	s := serve(t, c)
	tests := []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/a", 200, "text"},
		{"HEAD", "/a", 200, ""},
		{"GET", "/nothing", 404, "404 Not Found\n"},
		{"GET", "/gone", 404, "404 Not Found\n"},
		{"GET", "/none", 204, ""},
		{"GET", "/moved", 302, "302 Found\n"},
		{"DELETE", "/a", 405, "405 Method Not Allowed\n"},
	}
	for _, tt := range tests {
		r, body := do(t, browser(t), tt.method, url(s, tt.path), "")
		if r.StatusCode != tt.status || body != tt.body {
			t.Errorf("%s %s: got %d %q, want %d %q", tt.method, tt.path, r.StatusCode, body, tt.status, tt.body)
		}
		if tt.method == "HEAD" && r.ContentLength != 4 {
			t.Errorf("HEAD: length %d", r.ContentLength)
		}
		if want := map[bool]string{true: "/a"}[tt.status == 302]; r.Header.Get("Location") != want {
			t.Errorf("%s: location %q", tt.path, r.Header.Get("Location"))
		}
	}
}

func TestAConnectionIsClosedWhenAskedTo(t *testing.T) {
	s := serve(t, newCore(t, map[string]prov.Entry{"/a": {Body: "text"}}, prov.Options{}))
	conn, err := net.Dial("tcp4", s.HTTP().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	got, err := io.ReadAll(conn) // ends only if the server closes
	if err != nil {
		t.Fatal(err)
	}
	first, last, _ := strings.Cut(string(got), "404 Not Found\n")
	if !strings.HasPrefix(first, "HTTP/1.1 404") || !strings.HasSuffix(last, "\r\n\r\ntext") {
		t.Errorf("got %q", got)
	}
}

func TestTFTPRefusals(t *testing.T) {
	s := serve(t, newCore(t, map[string]prov.Entry{"/busy": {Status: 503}}, prov.Options{}))
	for name, want := range map[string]string{"nothing": "file not found", "busy": "status 503", "../etc/passwd": "file not found"} {
		_, err := tftpGet(s, name)
		if err == nil || !strings.Contains(err.Error(), "code: 1") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want code 1 and %q", name, err, want)
		}
	}
	if err := tftpPut(s, "busy", []byte("report")); err == nil {
		t.Error("an upload to a path with a status was taken")
	}
}

func TestTwoHundredDevicesAskAtATime(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/$MA.xml": {Body: "{{ mac }}" + strings.Repeat(" ", 4096)}}, prov.Options{Expand: tell})
	s := serve(t, c)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			own := fmt.Sprintf("000e08%06x", i)
			body, err := tftpGet(s, own+".xml")
			if err != nil || len(body) != 12+4096 || !bytes.HasPrefix(body, []byte(own)) {
				t.Errorf("%s: %d bytes, %v", own, len(body), err)
			}
		})
	}
	wg.Wait()
}

func TestUploadsThroughSockets(t *testing.T) {
	lines := make(chan prov.Line, 10)
	c := newCore(t, nil, prov.Options{Log: func(l prov.Line) { lines <- l }})
	s := serve(t, c)
	client := browser(t)
	if r, _ := do(t, client, "POST", url(s, "/report?x=1"), "by http"); r.StatusCode != 200 {
		t.Errorf("POST: %s", r.Status)
	}
	if err := tftpPut(s, "report", []byte("by tftp")); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"http POST /report?x=1 200 7", "tftp PUT report 200 7"} {
		l := <-lines
		if got := fmt.Sprint(l.Scheme, " ", l.Method, " ", l.Path, " ", l.Status, " ", l.Bytes); got != want || l.Source.String() != "127.0.0.1" {
			t.Errorf("the log says %s from %s, want %s", got, l.Source, want)
		}
	}
	kept, count := c.Uploads()
	if count != 2 || len(kept) != 2 || string(kept[0].Body) != "by http" || string(kept[1].Body) != "by tftp" {
		t.Errorf("kept %d of %d: %v", len(kept), count, kept)
	}
	huge := strings.Repeat("x", 1<<20+1)
	if r, _ := do(t, client, "PUT", url(s, "/report"), huge); r.StatusCode != 413 {
		t.Errorf("a huge PUT: %s", r.Status)
	}
	if l := <-lines; l.Status != 413 || l.Err == nil {
		t.Errorf("the log says %d, %v", l.Status, l.Err)
	}
	if err := tftpPut(s, "report", []byte(huge)); err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Errorf("a huge TFTP upload: %v", err)
	}
	if _, count = c.Uploads(); count != 2 {
		t.Errorf("%d uploads were counted, want 2", count)
	}
}

func TestTimeComesFromTheFleet(t *testing.T) {
	lines := make(chan prov.Line, 1)
	c := newCore(t, nil, prov.Options{Log: func(l prov.Line) { lines <- l }})
	s := &prov.Server{Core: c, HTTPAddr: "127.0.0.1:0", Now: func() int64 { return 77 }}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.TFTP().IsValid() {
		t.Errorf("TFTP is served at %s unasked", s.TFTP())
	}
	answer, _ := do(t, browser(t), "GET", url(s, "/a"), "")
	if date := answer.Header.Get("Date"); date != "Thu, 01 Jan 1970 00:00:00 GMT" {
		t.Errorf("the answer is of %s", date)
	}
	if l := <-lines; l.At != 77 || l.Took <= 0 || l.UserAgent != "Go-http-client/1.1" {
		t.Errorf("the log says %+v", l)
	}
}

func TestAUsedPortIsAnErrorWithAHint(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/a": {}}, prov.Options{})
	first := serve(t, c)
	for scheme, s := range map[string]*prov.Server{
		"tftp": {Core: c, TFTPAddr: first.TFTP().String()},
		"http": {Core: c, TFTPAddr: "127.0.0.1:0", HTTPAddr: first.HTTP().String()},
	} {
		addr := map[string]string{"tftp": s.TFTPAddr, "http": s.HTTPAddr}[scheme]
		err := s.Open()
		if err == nil || !strings.Contains(err.Error(), "listen for "+scheme+" on "+addr) || !strings.Contains(err.Error(), "choose another port") {
			t.Errorf("%s: %v", scheme, err)
		}
		s.Close()
	}
	for _, addr := range []string{"192.0.2.1:0", "nonsense", "127.0.0.1:70000"} {
		s := &prov.Server{Core: c, HTTPAddr: addr}
		if err := s.Open(); err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "; ") {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestCloseLeavesNothingAndCanBeRepeated(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/a": {Body: "text"}}, prov.Options{})
	s := &prov.Server{Core: c, TFTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0"}
	s.Close()
	for range 3 {
		if err := s.Open(); err != nil {
			t.Fatal(err)
		}
		if err := s.Open(); err == nil {
			t.Error("it was opened twice")
		}
		if _, err := tftpGet(s, "a"); err != nil {
			t.Error(err)
		}
		idle := browser(t)
		do(t, idle, "GET", url(s, "/a"), "") // the connection stays open
		half, err := net.Dial("tcp4", s.HTTP().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(half, "GET /a HT")
		addr := s.HTTP().String()
		s.Close()
		s.Close()
		half.Close()
		if conn, err := net.Dial("tcp4", addr); err == nil {
			conn.Close()
			t.Errorf("%s still listens", addr)
		}
	}
	// That no goroutine is left is looked at in TestMain.
}

func TestCloseBreaksATransferOff(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/long": {Body: strings.Repeat("x", 1<<20)}}, prov.Options{})
	s := serve(t, c)
	client, err := tftp.NewClient(s.TFTP().String())
	if err != nil {
		t.Fatal(err)
	}
	from, err := client.Receive("long", "octet")
	if err != nil {
		t.Fatal(err)
	}
	// The first block has come; the server waits for its acknowledgement.
	closed := make(chan struct{})
	first := &closeAtFirst{s: s, closed: closed}
	if n, err := from.WriteTo(first); err == nil {
		t.Errorf("all %d bytes came", n)
	}
	<-closed
}

// closeAtFirst closes the server when the first block comes.
type closeAtFirst struct {
	s      *prov.Server
	closed chan struct{}
	once   sync.Once
}

func (w *closeAtFirst) Write(p []byte) (int, error) {
	w.once.Do(func() {
		go func() {
			w.s.Close()
			close(w.closed)
		}()
	})
	return len(p), nil
}
