package probe

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A sipTrial is a trial that speaks to line 1 of the phone.
type sipTrial struct {
	*trial
	conn  net.PacketConn
	to    netip.AddrPort
	count int // of requests
}

func bySIP(run func(*sipTrial)) func(*trial) {
	return func(t *trial) {
		s := &sipTrial{trial: t, conn: t.listenPacket(), to: netip.AddrPortFrom(phoneAddr(t.s), 5060)}
		if port, err := strconv.ParseUint(strings.TrimSpace(t.s.back["SIP_Port_1_"]), 10, 16); err == nil && port > 0 {
			s.to = netip.AddrPortFrom(s.to.Addr(), uint16(port))
		}
		if t.failed == nil {
			run(s)
		}
	}
}

// say sends a request with a Call-ID of its own, three times at most, and returns the answer as
// it came; "" for none.
func (t *sipTrial) say(method string, lines ...string) string {
	const tries, wait = 3, 2 * time.Second
	t.count++
	id := fmt.Sprintf("%s-%d@%s", t.place, t.count, t.s.at("http").Addr())
	own := addrOf(t.conn.LocalAddr())
	text := fmt.Sprintf("%s sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK-%s-%d\r\nMax-Forwards: 70\r\nFrom: <sip:probe@%s>;tag=%d\r\nTo: <sip:%s>\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:probe@%s>\r\n",
		method, t.to, own, t.place, t.count, own.Addr(), t.count, t.to, id, t.count, method, own)
	for _, l := range lines {
		text += l + "\r\n"
	}
	text += "Content-Length: 0\r\n\r\n"
	for range tries {
		if t.failed != nil || t.ctx.Err() != nil {
			break
		}
		if _, err := t.conn.WriteTo([]byte(text), net.UDPAddrFromAddrPort(t.to)); err != nil {
			t.fail("send SIP to the phone: %w", err)
			break
		}
		if answer := t.hear(id, wait); answer != "" {
			return answer
		}
	}
	return ""
}

// hear waits for the answer with a Call-ID.
func (t *sipTrial) hear(id string, wait time.Duration) string {
	buf := make([]byte, 65536)
	_ = t.conn.SetReadDeadline(time.Now().Add(wait))
	for {
		n, from, err := t.conn.ReadFrom(buf)
		if err != nil {
			return ""
		}
		if text := string(buf[:n]); addrOf(from).Addr() == t.to.Addr() && headerOf([]byte(text), "Call-ID") == id {
			return text
		}
	}
}

// statusOf returns the words of an answer's first line behind the version.
func statusOf(answer string) string {
	line, _, _ := strings.Cut(answer, "\r\n")
	_, status, _ := strings.Cut(line, "SIP/2.0 ")
	if answer == "" {
		return "no answer"
	}
	return status
}
