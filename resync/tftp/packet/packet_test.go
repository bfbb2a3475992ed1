package packet_test

import (
	"testing"

	"spafleet/resync/tftp/packet"
)

// The bytes of RFC 1350, section 5.
func TestPacketsAreThoseOfTheProtocol(t *testing.T) {
	for got, want := range map[string]string{
		string(packet.AppendRequest(nil, packet.Read, "/a\x00b")):          "\x00\x01/a\x00octet\x00",
		string(packet.AppendRequest(nil, packet.Write, "/log")):            "\x00\x02/log\x00octet\x00",
		string(packet.AppendRequest(nil, packet.Read, "/a", "tsize", "0")): "\x00\x01/a\x00octet\x00tsize\x000\x00",
		string(packet.AppendOptionAck(nil, "tsize", "513")):                "\x00\x06tsize\x00513\x00",
		string(packet.Append(nil, packet.Data, 0x102, []byte("x"))):        "\x00\x03\x01\x02x",
		string(packet.Append([]byte("before"), packet.Ack, 0xffff, nil)):   "before\x00\x04\xff\xff",
		string(packet.AppendError(nil, packet.UnknownTID, "Unknown TID")):  "\x00\x05\x00\x05Unknown TID\x00",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPacketsAreRead(t *testing.T) {
	for text, want := range map[string]packet.Op{
		"\x00\x03\x00\x01": packet.Data, "\x00\x04\x00\x01": packet.Ack, "\x00\x05\x00\x01no\x00": packet.Error,
		"": 0, "\x00\x03\x00": 0, "\x00\x01a\x00octet\x00": 0, "\x01\x03\x00\x01": 0, "\x00\x07\x00\x01": 0,
	} {
		p := packet.Parse([]byte(text))
		if p.Op != want || want != 0 && (p.Number != 1 || string(p.Payload) != text[4:]) {
			t.Errorf("%q: %+v, want op %d", text, p, want)
		}
	}
	if text := packet.Parse([]byte("\x00\x05\x00\x01no\x00more")).Text(); text != "no" {
		t.Errorf("text of an ERROR: %q", text)
	}
}

func TestOptionsAreRead(t *testing.T) {
	if p := packet.Parse(packet.AppendOptionAck(nil, "tsize", "513")); p.Op != packet.OptionAck || p.Number != 0 || string(p.Payload) != "tsize\x00513\x00" {
		t.Errorf("an OACK: %+v", p)
	}
	asked := packet.AppendRequest(nil, packet.Read, "tsize", "timeout", "10", "TSize", "0")
	for name, want := range map[string]bool{"tsize": true, "timeout": true, "blksize": false, "octet": false, "10": false} {
		if packet.HasOption(asked, name) != want {
			t.Errorf("%q names %s: %v", asked, name, !want)
		}
	}
	if packet.HasOption([]byte("\x00\x01/a\x00octet\x00tsize"), "tsize") {
		t.Error("a name without its value is an option")
	}
}

func TestRequestsAreRead(t *testing.T) {
	for text, want := range map[string]packet.Op{
		"\x00\x01/a\x00octet\x00": packet.Read, "\x00\x02/a\x00octet\x00": packet.Write,
		"\x00\x03/a\x00octet\x00": 0, "\x00\x01/a": 0, "\x00\x01": 0,
	} {
		op, path, ok := packet.ParseRequest([]byte(text))
		if ok != (want != 0) || ok && (op != want || path != "/a") {
			t.Errorf("%q: %d %q %v", text, op, path, ok)
		}
	}
}
