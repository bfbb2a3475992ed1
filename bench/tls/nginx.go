package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"spafleet/bench/harness"
	"spafleet/certs"
)

// suite is what both clients speak; level 0 lets OpenSSL 3 do so.
const suite = "AES256-SHA:@SECLEVEL=0"

// body is the length of the file that is fetched.
const body = 240

// addresses are how many loopback addresses nginx listens on. Rounds take turns
// with them, so that ports in TIME_WAIT do not run out.
const addresses = 16

// A server is nginx at work.
type server struct {
	dir   string // its files, those of the clients too
	port  int
	nginx *harness.Nginx
}

// at returns the address of a round.
func (s *server) at(round int) string {
	return fmt.Sprintf("127.0.1.%d:%d", 1+round%addresses, s.port)
}

const tlsConf = `
	client_header_timeout 600;
	ssl_certificate %[1]s/server.crt;
	ssl_certificate_key %[1]s/server.key;
	ssl_client_certificate %[1]s/roots.crt;
	ssl_verify_client on;
	ssl_protocols TLSv1;
	ssl_ciphers %[2]s;
	ssl_session_cache off;
	ssl_session_tickets off;
	server {
%[3]s		root %[1]s/www;
	}
`

// startNginx starts nginx with a worker for each of the cores that it is left,
// and waits until it answers.
func startNginx(ctx context.Context, s *setup, core int) (*server, error) {
	dir, err := os.MkdirTemp("", "bench-tls-")
	if err != nil {
		return nil, err
	}
	n := &server{dir: dir}
	if err := n.start(ctx, s, core); err != nil {
		n.stop()
		return nil, err
	}
	return n, nil
}

func (s *server) start(ctx context.Context, with *setup, core int) (err error) {
	if s.port, err = harness.FreePort("127.0.1.1"); err != nil {
		return err
	}
	if err := s.write(with); err != nil {
		return err
	}
	var listens strings.Builder
	for i := range addresses {
		fmt.Fprintf(&listens, "\t\tlisten %s ssl backlog=4096;\n", s.at(i))
	}
	s.nginx, err = harness.StartNginx(ctx, harness.Others(core), s.dir, fmt.Sprintf(tlsConf, s.dir, suite, listens.String()), s.at(addresses-1))
	return err
}

// write writes the files of both sides.
func (s *server) write(with *setup) error {
	files := map[string][]byte{"www/f": []byte(strings.Repeat("provisioned\n", body/len("provisioned\n"))), "roots.crt": with.roots, "trusted.crt": with.trusted}
	pairs := map[string]*pair{"server": with.server}
	for bits, p := range with.clients {
		pairs[fmt.Sprint("client", bits)] = p
	}
	for name, p := range pairs {
		files[name+".crt"], files[name+".key"] = p.cert, p.key
	}
	if err := os.Mkdir(filepath.Join(s.dir, "www"), 0o700); err != nil {
		return err
	}
	for name, text := range files {
		if err := certs.WriteFile(filepath.Join(s.dir, name), text, 0o600, false); err != nil {
			return err
		}
	}
	return nil
}

// stop ends nginx and removes its files.
func (s *server) stop() {
	if s.nginx != nil {
		s.nginx.Stop()
	}
	_ = os.RemoveAll(s.dir) // of temporary files
}
