package probe

import (
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// ruleLogs are about what the phone logs of a resync.
var ruleLogs = []*experiment{
	{
		name: "error-texts", question: "What does the phone call the failures of a resync?",
		settles: []string{"malformed_rule_err", "err_texts"}, needs: []string{"Syslog_Server", "Log_Resync_Failure_Msg"},
		takes: passes(13), run: errorTexts,
	},
	{
		name: "success-message", question: "Does the factory's Log_Resync_Success_Msg end with $ERR?",
		settles: []string{"success_message"}, needs: []string{"Log_Resync_Success_Msg"},
		takes: passes(0), times: 1, run: successMessage,
	},
}

// mostLines bounds how many log lines are kept.
const mostLines = 10000

// A datagram is what came to a log server.
type datagram struct {
	at   time.Time
	text string // whole
}

// A logServer takes log lines down until its trial ends.
type logServer struct {
	addr string // for Syslog_Server or Debug_Server

	mu   sync.Mutex
	list []datagram
}

// logs starts a log server.
func logs(t *trial) *logServer {
	s := &logServer{}
	conn := t.listenPacket()
	if conn == nil {
		return s
	}
	s.addr = addrOf(conn.LocalAddr()).String()
	t.s.server.works.Go(func() { s.hear(conn, phoneAddr(t.s).String()) })
	return s
}

// hear takes down what comes from an address until the connection is closed.
func (s *logServer) hear(conn net.PacketConn, from string) {
	buf := make([]byte, 65536)
	for {
		n, peer, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if addrOf(peer).Addr().String() == from {
			s.add(datagram{time.Now(), string(buf[:n])})
		}
	}
}

func (s *logServer) add(d datagram) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) < mostLines {
		s.list = append(s.list, d)
	}
}

// datagrams returns what has come until now.
func (s *logServer) datagrams() []datagram {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// between returns what stands between two marks in the last line that has both.
func (s *logServer) between(begin, end string) (string, bool) {
	for _, d := range slices.Backward(s.datagrams()) {
		if _, rest, ok := strings.Cut(d.text, begin); ok {
			if text, _, ok := strings.Cut(rest, end); ok {
				return text, true
			}
		}
	}
	return "", false
}

// What stands around $ERR in the template.
const errBegin, errEnd = "probe[", "]"

// errorTexts has resyncs fail in several ways, and reads $ERR from the phone's log.
func errorTexts(t *trial) {
	logs := logs(t)
	template := "Log_Resync_Failure_Msg"
	t.set("Syslog_Server", logs.addr)
	count := 0
	err := func(what, rule string) string {
		count++
		begin := errBegin + strings.Repeat("-", count)
		t.set(template, begin+"$ERR"+errEnd)
		t.ask(rule)
		text, ok := logs.between(begin, errEnd)
		if ok {
			t.fact("$ERR of "+what, "%s", withoutMAC(t, text))
		}
		return text
	}
	file := func(a answer) string { return t.url(t.serve(a)) }
	bad := map[string]string{"parse error": "parse_error", "Invalid URL": "invalid_url", "corrupt file": "corrupt_file"}
	if value := bad[err("a rule that cannot be read", "(")]; value != "" {
		t.settle("malformed_rule_err", value)
	}
	absent := err("a file that is not there", file(missing))
	locked := err("an encrypted file without a key", file(given(sealed(nothing, "key"))))
	err("a file that is no profile", file(given("no profile")))
	err("a plain file under a key", "[--key key] "+file(nil))
	switch {
	case absent == "file not found" && locked == "file decrypt error":
		t.settle("err_texts", "late")
	case absent == "http_get failed" && locked == "corrupt file":
		t.settle("err_texts", "plain")
	}
}

// successMessage reads the template. One that a person has changed says nothing.
func successMessage(t *trial) {
	factory, _ := t.s.phone.row.Lookup("Log_Resync_Success_Msg")
	text := t.s.back[factory.Name]
	values := map[string]string{factory.Default: "plain", factory.Default + " -- $ERR": "with_err"}
	if value := values[text]; value != "" {
		t.fact(factory.Name, "%s", text)
		t.settle("success_message", value)
	}
}
