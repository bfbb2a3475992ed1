package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"time"

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
	dir  string // its files, those of the clients too
	port int
	cmd  *exec.Cmd
}

// at returns the address of a round.
func (s *server) at(round int) string {
	return fmt.Sprintf("127.0.1.%d:%d", 1+round%addresses, s.port)
}

const nginxConf = `
daemon off;
user %[1]s;
worker_processes %[2]d;
pid %[3]s/nginx.pid;
error_log %[3]s/error.log crit;
worker_rlimit_nofile 20000;
events { worker_connections 8192; }
http {
	access_log off;
	client_body_temp_path %[3]s/t1; proxy_temp_path %[3]s/t2; fastcgi_temp_path %[3]s/t3; uwsgi_temp_path %[3]s/t4; scgi_temp_path %[3]s/t5;
	keepalive_timeout 0;
	client_header_timeout 600;
	ssl_certificate %[3]s/server.crt;
	ssl_certificate_key %[3]s/server.key;
	ssl_client_certificate %[3]s/roots.crt;
	ssl_verify_client on;
	ssl_protocols TLSv1;
	ssl_ciphers %[4]s;
	ssl_session_cache off;
	ssl_session_tickets off;
	server {
%[5]s		root %[3]s/www;
	}
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
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	return n, nil
}

func (s *server) start(ctx context.Context, with *setup, core int) error {
	who, err := user.Current()
	if err != nil {
		return err
	}
	if s.port, err = freePort(); err != nil {
		return err
	}
	if err := s.write(with); err != nil {
		return err
	}
	var listens strings.Builder
	for i := range addresses {
		fmt.Fprintf(&listens, "\t\tlisten %s ssl backlog=4096;\n", s.at(i))
	}
	conf := filepath.Join(s.dir, "nginx.conf")
	text := fmt.Sprintf(nginxConf, who.Username, max(1, runtime.NumCPU()-1), s.dir, suite, listens.String())
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	s.cmd = pinned(ctx, others(core), find("nginx"), "-c", conf, "-p", s.dir)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return err
	}
	return s.await(ctx)
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

func (s *server) await(ctx context.Context) error {
	for range 3000 {
		if conn, err := net.Dial("tcp", s.at(addresses-1)); err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return errors.New("it does not answer within 30 seconds")
}

// stop ends nginx and removes its files.
func (s *server) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(os.Interrupt) // to the master, which ends its workers
		_ = s.cmd.Wait()                       // it was asked to end
	}
	_ = os.RemoveAll(s.dir) // of temporary files
}

// freePort returns a port below those that the system gives to clients.
func freePort() (int, error) {
	for i := range 1000 {
		port := 12000 + (os.Getpid()*101+i*7)%18000
		if l, err := net.Listen("tcp4", fmt.Sprintf("127.0.1.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
}

// find returns the path of a program, which Debian has where users do not look.
func find(program string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	return "/usr/sbin/" + program
}

// pinned returns a command that runs on some cores only. The clients' OpenSSL
// and nginx's have no settings but those given here.
func pinned(ctx context.Context, cores, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", cores, program}, args...)...)
	cmd.Env = append(os.Environ(), "OPENSSL_CONF=/dev/null")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// others returns all cores but one, as taskset has it. Where there is only one it
// is shared.
func others(core int) string {
	var list []string
	for i := range runtime.NumCPU() {
		if i != core {
			list = append(list, fmt.Sprint(i))
		}
	}
	if list == nil {
		return fmt.Sprint(core)
	}
	return strings.Join(list, ",")
}
