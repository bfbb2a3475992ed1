package settings_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/fsm"
	"spafleet/webui"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A phone is an emulated device, to which each connection is a pair of pipes.
type phone struct {
	view    device.View
	mu      sync.Mutex
	asked   []string // what was asked for, in order
	without []string // paths that are answered 404
	conns   chan net.Conn
	closed  chan struct{}
}

// newPhone starts the web server of a device.
func newPhone(t *testing.T, row *model.Row, params device.Params) *phone {
	t.Helper()
	p := &phone{conns: make(chan net.Conn), closed: make(chan struct{})}
	p.view = device.View{Unit: devicetest.Known(row, 0), Params: params, State: fsm.SecPrv1, Powered: true, Now: int64(time.Hour)}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- (&webui.Site{Devices: p}).Serve(ctx, p) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *phone) At(netip.Addr) (device.View, bool) { return p.view, true }

func (p *phone) Do(context.Context, device.Index, device.Command) error { return nil }

func (p *phone) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *phone) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *phone) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

// A pipe is a connection with addresses.
type pipe struct {
	net.Conn
	addr net.Addr
}

func (p pipe) LocalAddr() net.Addr  { return p.addr }
func (p pipe) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 40000} }

// dial is the other end of a connection: it notes what is asked for.
func (p *phone) dial(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	go p.pass(far)
	return near, nil
}

// pass sends one request on to the device, or answers that there is no such page.
func (p *phone) pass(conn net.Conn) {
	defer conn.Close()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.RequestURI)
	p.mu.Unlock()
	if slices.Contains(p.without, r.URL.Path) {
		_, _ = io.WriteString(conn, "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>404 Not Found<br>!</html>")
		return
	}
	near, far := net.Pipe()
	defer near.Close()
	p.conns <- pipe{far, p.Addr()}
	var text bytes.Buffer
	_ = r.Write(&text)
	if _, err := near.Write(text.Bytes()); err == nil {
		_, _ = io.Copy(conn, near)
	}
}

// passwords of the accounts of the web server.
var accounts = []string{"Admin_Passwd", "Admin_Password", "User_Password", "User_Web_Password", "router-configuration/Web_Login_Admin_Password", "router-configuration/Web_Login_Guest_Password"}

// kept are parameters that the web server itself goes by: whether it answers, and to which accounts.
var kept = append([]string{"Enable_Web_Server", "Enable_Web_Admin_Access", "router-configuration/Web_Login_Admin_Name", "router-configuration/Web_Login_Guest_Name"}, accounts...)

// odd are values that pages and profiles must escape, cut or trim.
var odd = []string{
	`( "$MA" eq "000e08012345" )? [--key $B] http://192.0.2.7:8080/p/$MA?a=1&amp=2&lt;=3;x="$$"`,
	`a < b > c & d ' e " f`, ` blank at both ends `, `&quot;&#60;&nope;&`, `</td><h4>System</h4>GPP A:<input value="x">`,
	"two\nlines", "<!-- no comment -->", "50%; $A$B$$", "'", `"`, "", "tab\tand \xfcml\xc3\xa4ut", "]]>", "yes", "****", "***",
	strings.Repeat(`[--key $SA --uid "a b" --pwd 'c'] https://prov.example/$PN/$MA.cfg?x=<&y=> `, 20),
}

var access = []profile.Access{0, profile.NoAccess, profile.ReadOnly, profile.ReadWrite}

// oddParams gives every parameter of a row another value than from the factory, where it
// takes one.
func oddParams(row *model.Row) device.Params {
	var sets []device.Set
	for i := range row.Factory.Params {
		p := &row.Factory.Params[i]
		if !row.Has(p) || slices.Contains(kept, p.Name) {
			continue
		}
		for _, value := range append([]string{odd[i%len(odd)], otherThan(p)}, "7", "No", "Yes", "192.0.2.53") {
			if stored, ok := p.Take(value); ok && stored != p.Default {
				sets = append(sets, device.Set{ID: p.ID, Has: true, Value: stored, Access: access[i%len(access)]})
				break
			}
		}
	}
	return new(device.Layers).Preset(row.Factory, sets)
}

func otherThan(p *model.Param) string {
	for _, o := range p.Options {
		if o != p.Default {
			return o
		}
	}
	return "1"
}

// applied returns what a profile sets, read as a firmware reads one. The one firmware that takes nothing but compiled files is not asked for that.
func applied(t *testing.T, row *model.Row, text string) []device.Set {
	t.Helper()
	reading := row.Reading()
	reading.CompiledOnly = false
	file, err := profile.Decode([]byte(text), reading)
	if err != nil {
		t.Fatalf("%s %s does not read the profile: %v", row.Model.Name, row.Firmware.Version, err)
	}
	var sets []device.Set
	for _, p := range file.Params {
		param, ok := row.Lookup(p.Name)
		if !ok {
			t.Errorf("the profile has %q, which %s lacks", p.Name, row.Model.Name)
			continue
		}
		if value, ok := param.Take(p.Value); ok && p.Has {
			sets = append(sets, device.Set{ID: param.ID, Has: true, Value: value, Access: p.Access})
		}
	}
	return sets
}

// eachRow calls f for every firmware of every model.
func eachRow(t *testing.T, f func(t *testing.T, row *model.Row)) {
	rows := 0
	for m := range model.All() {
		for _, fw := range m.Firmwares {
			row := devicetest.Row(t, m.Name, fw.Version)
			t.Run(m.Name+"-"+fw.Version, func(t *testing.T) { f(t, row) })
			rows++
		}
	}
	if rows < 300 {
		t.Errorf("only %d firmwares", rows)
	}
}

// grant is a parameter that the end user may change.
func grant(t *testing.T, f *model.Factory, name, value string) device.Set {
	t.Helper()
	p, ok := f.Lookup(name)
	if !ok {
		t.Fatalf("%s has no %s", f.Name, name)
	}
	return device.Set{ID: p.ID, Has: true, Value: value, Access: profile.ReadWrite}
}
