package fetch_test

import (
	"fmt"
	"net"
	"testing"

	"spafleet/resync/fetch"
)

func BenchmarkTFTP4K(b *testing.B) {
	server := startPin(b, map[string][]byte{"/spa2102.cfg": noise(4 << 10)})
	for _, name := range []string{"own", "pin"} {
		b.Run(name, func(b *testing.B) {
			r := request(b, "tftp", server.addr)
			b.ReportAllocs()
			for b.Loop() {
				if resp, err := bothClients[name].Fetch(b.Context(), r); err != nil || len(resp.Body) != 4<<10 {
					b.Fatal(len(resp.Body), err)
				}
			}
		})
	}
}

func BenchmarkHTTP16K(b *testing.B) {
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", 16<<10, noise(16<<10))
	r := request(b, "http", serveTCP(b, func(conn net.Conn) { readHead(conn); conn.Write(answer) }))
	s := new(fetch.Sockets)
	b.ReportAllocs()
	for b.Loop() {
		if resp, err := s.Fetch(b.Context(), r); err != nil || len(resp.Body) != 16<<10 {
			b.Fatal(len(resp.Body), err)
		}
	}
}
