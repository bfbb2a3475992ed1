package probetest_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/scenarios/probe/probetest"
)

// serve answers every request by HTTP with the profile, and returns a channel of the paths
// that were asked for, each with its sender's address.
func serve(t *testing.T, l net.Listener) chan string {
	asked := make(chan string, 1000)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _, _ := net.SplitHostPort(r.RemoteAddr)
		asked <- r.URL.Path + " " + from
		_, _ = io.WriteString(w, profile)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-done })
	return asked
}

func listenAt(t *testing.T, p *probetest.Place, port uint16) net.Listener {
	t.Helper()
	l, err := p.Listen(port)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Every model with every firmware that was seen boots, comes when it is ordered, takes a
// profile and logs.
func TestEveryModelComes(t *testing.T) {
	const to = "http://192.168.1.10:8080/a.cfg"
	for m := range model.All() {
		for _, f := range m.Firmwares {
			t.Run(m.Name+" "+f.Version, func(t *testing.T) {
				probetest.Bubble(t, func(t *testing.T) {
					p := probetest.InMemory(t, probetest.Options{Model: m.Name, Firmware: f.Version, Off: true, Presets: map[string]string{"Profile_Rule": "", "Syslog_Server": "192.168.1.10:5140"}})
					asked := serve(t, listenAt(t, p, 8080))
					logs, err := p.ListenPacket(5140)
					if err != nil {
						t.Fatal(err)
					}
					defer logs.Close()
					if err := p.Phone.PowerOn(t.Context()); err != nil {
						t.Fatal(err)
					}
					time.Sleep(10 * time.Minute)
					if err := p.Person.Resync(t.Context(), to); err != nil {
						t.Fatal(err)
					}
					time.Sleep(10 * time.Minute) // of some firmware the order waits
					want := "it came"
					if strings.HasPrefix(f.Version, "1.") && m.Name == "SPA2000" { // it reads no XML
						want = ""
					}
					if n := len(asked); n != 1 || <-asked != "/a.cfg 192.168.1.77" || p.Phone.Get("GPP_A") != want {
						t.Errorf("%d requests, GPP_A %q\n%v", n, p.Phone.Get("GPP_A"), p.Phone.Events())
					}
					logs.SetReadDeadline(time.Now().Add(time.Second))
					if _, _, err := logs.ReadFrom(make([]byte, 1000)); err != nil {
						t.Errorf("no log line: %v", err)
					}
				})
			})
		}
	}
}

// The phone's name servers are on the network in memory too.
func TestAPhoneAsksItsNameServer(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		o := probetest.Options{Presets: presets()}
		o.Presets["Primary_DNS"] = "192.168.1.10"
		p := probetest.InMemory(t, o)
		asked := serve(t, listenAt(t, p, 80))
		conn, err := p.ListenPacket(53)
		if err != nil {
			t.Fatal(err)
		}
		server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
			a := new(dns.Msg).SetReply(q)
			a.Answer = append(a.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 168, 1, 10)})
			_ = w.WriteMsg(a)
		})}
		done := make(chan struct{})
		go func() { defer close(done); _ = server.ActivateAndServe() }()
		if err := p.Person.Resync(t.Context(), "http://prov.test/a.cfg"); err != nil {
			t.Fatal(err)
		}
		if got := <-asked; got != "/a.cfg 192.168.1.77" {
			t.Error(got)
		}
		_ = server.Shutdown()
		<-done
		began := time.Now()
		b := bench{t, p}
		b.order("http://prov2.test/a.cfg")
		if e := b.until(device.ResyncFailed); e.Result != device.NoDNS || time.Since(began) > time.Hour {
			t.Errorf("without a name server: %s after %v", e.Result, time.Since(began))
		}
	})
}

// A phone with TLS 1.2 and a server of package tls.
func TestAPhoneWithTLS12(t *testing.T) {
	cert, err := pki.Server(certs.ServerRequest{CA: certs.CiscoSB1, CN: "192.168.1.10"})
	if err != nil {
		t.Fatal(err)
	}
	probetest.Bubble(t, func(t *testing.T) {
		p := probetest.InMemory(t, probetest.Options{Model: "SPA122", Presets: presets(), Certs: devices, Switches: map[string]string{"tls_versions": "tls1.2"}})
		asked := serve(t, tls.NewListener(listenAt(t, p, 443), &tls.Config{Certificates: []tls.Certificate{{Certificate: cert.Chain, PrivateKey: cert.Key}}}))
		b := bench{t, p}
		b.order("https://192.168.1.10/a.cfg")
		b.until(device.ResyncOK)
		if got := <-asked; got != "/a.cfg 192.168.1.77" {
			t.Error(got)
		}
	})
}

// polling are presets of a phone that asks every minute.
func polling() map[string]string {
	return map[string]string{"Profile_Rule": "http://192.168.1.10:8080/$MA", "Resync_Periodic": "60", "Resync_Error_Retry_Delay": "60", "Resync_Random_Delay": "0"}
}

// drain returns how many came.
func drain(asked chan string) (n int) {
	for ; len(asked) > 0; n++ {
		<-asked
	}
	return n
}

func TestMisbehavingPhones(t *testing.T) {
	start := func(t *testing.T) (*probetest.Place, chan string) {
		p := probetest.InMemory(t, probetest.Options{Presets: polling()})
		asked := serve(t, listenAt(t, p, 8080))
		time.Sleep(10*time.Minute + time.Second)
		if n := drain(asked); n < 9 || n > 11 {
			t.Errorf("%d requests in ten minutes", n)
		}
		return p, asked
	}
	tests := []struct {
		name string
		do   func(t *testing.T, p *probetest.Place, asked chan string)
	}{
		{"loses power at a moment", func(t *testing.T, p *probetest.Place, asked chan string) {
			p.Phone.Outage(time.Minute+30*time.Second, time.Hour)
			time.Sleep(time.Hour)
			if n := drain(asked); n != 1 && n != 2 {
				t.Errorf("%d requests", n)
			}
			ctx, stop := context.WithTimeout(t.Context(), time.Second)
			defer stop()
			if c, err := p.Dial(ctx, p.Web()); err == nil {
				t.Error("the phone answers without power")
				c.Close()
			}
			time.Sleep(5 * time.Minute)
			if n := drain(asked); n < 2 {
				t.Errorf("%d requests with power again", n)
			}
			if n := len(p.Phone.Events(device.PowerOff)); n != 1 {
				t.Errorf("%d losses of power", n)
			}
		}},
		{"loses power as it asks", func(t *testing.T, p *probetest.Place, asked chan string) {
			begun := len(p.Phone.Events(device.ResyncStarted))
			p.Phone.Once(func() bool { return len(p.Phone.Events(device.ResyncStarted)) > begun }, func(ctx context.Context) {
				if err := p.Phone.PowerOff(ctx); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(time.Hour)
			if n := len(p.Phone.Events(device.ResyncStarted)); n != begun+1 {
				t.Errorf("%d resyncs", n-begun)
			}
		}},
		{"vanishes", func(t *testing.T, p *probetest.Place, asked chan string) {
			p.Phone.Host.Unplug()
			time.Sleep(time.Hour)
			if n := drain(asked); n != 0 || len(p.Phone.Events(device.ResyncFailed)) < 50 {
				t.Errorf("%d requests, %d failures", n, len(p.Phone.Events(device.ResyncFailed)))
			}
			p.Phone.Host.Plug()
			time.Sleep(2 * time.Minute)
			if drain(asked) == 0 {
				t.Error("it does not come back")
			}
		}},
		{"has a neighbour behind its address", func(t *testing.T, p *probetest.Place, asked chan string) {
			other := p.Behind(t, probetest.Options{Model: "SPA2102", Presets: polling()})
			if other.View().Unit.MAC == p.Phone.View().Unit.MAC {
				t.Error("both have one MAC address")
			}
			time.Sleep(time.Minute + time.Second)
			var paths []string
			for len(asked) > 0 {
				paths = append(paths, <-asked)
			}
			for _, u := range []device.Unit{other.View().Unit, p.Phone.View().Unit} {
				if want := "/" + u.MAC.String() + " 192.168.1.77"; !slices.Contains(paths, want) {
					t.Errorf("no %s in %s", want, paths)
				}
			}
			if err := other.PowerOff(t.Context()); err != nil {
				t.Error(err)
			}
			if page := (bench{t, p}).get("/no/such/page"); page != "HTTP/1.1 404 Not Found" {
				t.Errorf("without power, the neighbour takes the first along: %s", page)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			probetest.Bubble(t, func(t *testing.T) {
				p, asked := start(t)
				tt.do(t, p, asked)
			})
		})
	}
}

func TestAPerson(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		p := probetest.InMemory(t, probetest.Options{Presets: presets()})
		p.Person.Answer = func(q string) bool { return strings.HasPrefix(q, "May") }
		p.Person.Say("Now")
		if !p.Person.Agree(t.Context(), "May it?") || p.Person.Agree(t.Context(), "Must it?") {
			t.Error("other answers than those of the person")
		}
		if said := strings.Join(p.Person.Said(), " "); said != "Now May it? Must it?" {
			t.Error(said)
		}
		began := time.Now()
		at, done := p.Person.Power(t.Context())
		if !done || at.Sub(began) != 2*time.Second {
			t.Errorf("power after %v, %t", at.Sub(began), done)
		}
		if err := p.Person.Resync(t.Context(), "http://192.168.1.10/a"); err == nil {
			t.Error("a phone that boots hears an order")
		}
		time.Sleep(time.Minute)
		set(t, p, "Provision_Enable=No")
		if err := p.Person.Resync(t.Context(), "http://192.168.1.10/a"); err != nil || len(p.Phone.Events(device.ResyncStarted)) != 0 {
			t.Errorf("without Provision_Enable: %v", err)
		}
		p.Person.Unplugged = -1
		if _, done := p.Person.Power(t.Context()); done {
			t.Error("the person touches the phone")
		}
	})
}

// A phone asks again where a datagram is lost.
func TestALossyNetwork(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		p := probetest.InMemory(t, probetest.Options{Presets: presets()})
		n := 0
		p.Memory.Lossy(func() bool { n++; return n <= 2 })
		p.Memory.Slow(func() time.Duration { return 10 * time.Millisecond })
		b := bench{t, p}
		c, at := b.packets()
		began := time.Now()
		b.order("tftp://%s/a.cfg", at)
		read(b, c, make([]byte, 600))
		if took := time.Since(began); took != 2*3*time.Second+10*time.Millisecond {
			t.Errorf("the third request comes after %v", took)
		}
	})
}
