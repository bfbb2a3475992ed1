package fetch_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"spafleet/bench/extproc"
	"spafleet/certs"
	"spafleet/resync/fetch"
)

// nginx sees each device's own address, though all connections come from one.
func TestNginxSeesTheDeviceBehindABalancer(t *testing.T) {
	program := extproc.Need(t, "nginx", "nginx-light")
	dir := t.TempDir()
	proxied, plain := address(t), address(t)
	conf := filepath.Join(dir, "nginx.conf")
	extproc.Must(t, os.WriteFile(conf, []byte(fmt.Sprintf(`
daemon off; master_process off; pid %[1]s/nginx.pid; error_log stderr; events {}
http {
  access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  default_type text/xml;
  server { listen %[2]s proxy_protocol; return 200 "$proxy_protocol_addr forwarded for $http_x_forwarded_for, $proxy_protocol_server_port"; }
  server { listen %[3]s; return 200 "$remote_addr forwarded for $http_x_forwarded_for"; }
}`, dir, proxied, plain)), 0o600))
	extproc.Run(t, exec.Command(program, "-c", conf, "-p", dir), extproc.Accepts(plain.String()))
	for _, tt := range []struct {
		balancer fetch.Balancer
		at       netip.AddrPort
		want     string
	}{
		{fetch.Balancer{ProxyProtocol: 1}, proxied, fmt.Sprintf("192.0.2.7 forwarded for , %d", proxied.Port())},
		{fetch.Balancer{ProxyProtocol: 2}, proxied, fmt.Sprintf("192.0.2.7 forwarded for , %d", proxied.Port())},
		{fetch.Balancer{ProxyProtocol: 2, ForwardedFor: true}, proxied, fmt.Sprintf("192.0.2.7 forwarded for 192.0.2.7, %d", proxied.Port())},
		{fetch.Balancer{ForwardedFor: true}, plain, "127.0.0.1 forwarded for 192.0.2.7"},
		{fetch.Balancer{}, plain, "127.0.0.1 forwarded for "},
	} {
		r := request(t, "http", tt.at)
		r.Unit.IP = netip.MustParseAddr("192.0.2.7")
		answer, err := (&fetch.Sockets{Balancer: tt.balancer}).Fetch(t.Context(), r)
		if got := string(answer.Body); err != nil || got != tt.want {
			t.Errorf("%+v: %q, %v, want %q", tt.balancer, got, err, tt.want)
		}
	}
}

func address(t *testing.T) netip.AddrPort {
	t.Helper()
	at, err := extproc.Address()
	extproc.Must(t, err)
	return netip.MustParseAddrPort(at)
}

// The PROXY header comes before the handshake.
func TestHTTPSComesThroughABalancer(t *testing.T) {
	server, _ := secureServer(t, certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"}, nil)
	sources := make(chan string, 1)
	front := serveTCP(t, func(c net.Conn) {
		from := proxyproto.NewConn(c)
		sources <- from.RemoteAddr().String()
		to, err := net.DialTimeout("tcp", server.String(), 10*time.Second)
		if err != nil {
			t.Error(err)
			return
		}
		defer to.Close()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(to, from) // until either side closes
			_ = to.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(c, to)
		_ = c.Close()
		<-done
	})
	r := askSecurely(t, "SPA504G", "7.6.2", "/spa2102.cfg", nil, front)
	r.Unit.IP = netip.MustParseAddr("192.0.2.7")
	sockets := secureSockets()
	sockets.Balancer.ProxyProtocol = 1
	answer, err := sockets.Fetch(t.Context(), r)
	if err != nil || answer.Status != 200 || !answer.Mutual {
		t.Errorf("%+v, %v", answer, err)
	}
	if host, _, _ := net.SplitHostPort(<-sources); host != "192.0.2.7" {
		t.Errorf("the balancer's server sees %s", host)
	}
}
