package webui

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
)

// memory is a connection whose client has sent all that it will send.
type memory struct {
	in     *bytes.Reader
	out    bytes.Buffer
	closed bool
}

var (
	deviceAddr = &net.TCPAddr{IP: net.IPv4(127, 64, 0, 1), Port: 80}
	clientAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40000}
)

func (m *memory) Read(b []byte) (int, error) { return m.in.Read(b) }
func (m *memory) Write(b []byte) (int, error) {
	if m.closed {
		return 0, io.ErrClosedPipe
	}
	return m.out.Write(b)
}
func (m *memory) Close() error                     { m.closed = true; return nil }
func (m *memory) LocalAddr() net.Addr              { return deviceAddr }
func (m *memory) RemoteAddr() net.Addr             { return clientAddr }
func (m *memory) SetDeadline(time.Time) error      { return nil }
func (m *memory) SetReadDeadline(time.Time) error  { return nil }
func (m *memory) SetWriteDeadline(time.Time) error { return nil }

// one is a fleet of one device that notes its commands.
type one struct {
	view     device.View
	commands []device.Command
}

func (o *one) At(a netip.Addr) (device.View, bool) { return o.view, a == o.view.Unit.IP }

func (o *one) Do(_ context.Context, _ device.Index, c device.Command) error {
	o.commands = append(o.commands, c)
	return nil
}

// FuzzConnection sends any bytes to a device whose administrator has a password.
// The answer is one response that parses and has a status of the firmware. It
// gives one command at most, and never an upgrade, which only the administrator
// may order.
func FuzzConnection(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /resync?http://h/$MA.cfg HTTP/1.0\r\n\r\n", "GET /admin/reboot HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /reboot HTTP/1.1\r\nHost: x\r\n\r\nGET /reboot HTTP/1.1\r\n\r\n", "HEAD /spacfg.xml HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /resync HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b", "GET //admin/upgrade?x HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /admin/ HTTP/1.1\r\nHost: x\r\nAuthorization: Digest username=\"admin\", realm=\"spa admin\", uri=\"/admin/\", response=\"0\"\r\n\r\n",
		"POST /CGI/Execute HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nXML=<a/>\n", "POST /CGI/Execute HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nXML",
		"\x16\x03\x01\x00\xa5\x01\r\n\r\n", "GET",
	} {
		f.Add([]byte(s))
	}
	row := devicetest.Row(f, "SPA504G", "")
	view := device.View{Unit: devicetest.Known(row, 0), Params: devicetest.Params(f, row.Factory, "Admin_Passwd=secret"), Powered: true}
	f.Fuzz(func(t *testing.T, sent []byte) {
		fleet := &one{view: view}
		conn := &memory{in: bytes.NewReader(sent)}
		(&Site{Devices: fleet}).handle(t.Context(), conn)
		if !conn.closed {
			t.Errorf("the connection is open after %q", sent)
		}
		if len(fleet.commands) > 1 || len(fleet.commands) == 1 && fleet.commands[0].Order == device.Upgrade {
			t.Errorf("%q gives the commands %+v", sent, fleet.commands)
		}
		if conn.out.Len() == 0 && len(sent) == 0 {
			return
		}
		r, err := http.ReadResponse(bufio.NewReader(&conn.out), nil)
		if err != nil || !slices.Contains(statuses, r.StatusCode) {
			t.Fatalf("%q is answered %+v, %v", sent, r, err)
		}
		if len(fleet.commands) == 1 && r.StatusCode != http.StatusOK && fleet.commands[0].Order != device.Refuse {
			t.Errorf("%q is answered %s and gives a command", sent, r.Status)
		}
	})
}
