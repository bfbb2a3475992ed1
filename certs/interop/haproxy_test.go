package interop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/bench/extproc"
)

// What HAProxy logs of a request, and of a connection that came to nothing.
const (
	haproxyForm = `%ci "%HM %HP" %ST %sslv %sslc agent=%{+Q}[capture.req.hdr(0)] verify=%[ssl_c_verify] st=%[ssl_c_s_dn(ST)] l=%[ssl_c_s_dn(L)] ` +
		`ou=%[ssl_c_s_dn(OU)] dn=%[ssl_c_s_dn]`
	haproxyErrorForm = `%ci %[fc_err_str] error=%[ssl_fc_err_str] verify=%[ssl_c_err]`
)

func startHAProxy() (map[*setup]*server, error) {
	program, err := extproc.Find("haproxy", "haproxy")
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("global\nnbthread 1\nlog stdout format raw local0\n") // of several threads some lines would get lost
	b.WriteString("defaults\nmode http\nlog global\ntimeout client 10s\ntimeout server 10s\ntimeout connect 10s\n")
	servers, last := map[*setup]*server{}, ""
	for _, s := range setupsOf("haproxy") {
		addr, err := extproc.Address()
		if err != nil {
			return nil, err
		}
		block, err := s.haproxy(addr)
		if err != nil {
			return nil, err
		}
		b.WriteString(block)
		servers[s], last = &server{program: "haproxy", setup: s, addr: addr, path: "/profile.xml"}, addr
	}
	conf, err := write("haproxy/haproxy.conf", []byte(b.String()))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "-db", "-f", conf)
	if cmd.Env, err = systemLevel(0); err != nil {
		return nil, err
	}
	p, err := run(cmd, filepath.Dir(conf))
	if err != nil {
		return nil, err
	}
	for _, s := range servers {
		s.read = p.Output
	}
	return servers, listens(p, last)
}

// systemLevel returns an environment with a security level of OpenSSL's own.
func systemLevel(level int) ([]string, error) {
	conf, err := write(fmt.Sprintf("haproxy/level%d.cnf", level), fmt.Appendf(nil,
		"openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = level\n[level]\nCipherString = DEFAULT:@SECLEVEL=%d\n", level))
	return append(os.Environ(), "OPENSSL_CONF="+conf), err
}

// HAProxy loads a certificate before it has read the ciphers, and with them the
// security level: for one with SHA-1 the system's level counts, not the listener's.
func TestHAProxyLoadsCertificatesAtTheSystemsLevel(t *testing.T) {
	program, err := extproc.Find("haproxy", "haproxy")
	extproc.Must(t, err)
	addr, err := extproc.Address()
	extproc.Must(t, err)
	for _, tt := range []struct {
		s     *setup
		level int
		loads bool
	}{{plain, 0, true}, {plain, 1, false}, {sha256, 1, true}} {
		block, err := tt.s.haproxy(addr)
		extproc.Must(t, err)
		conf, err := write("haproxy/one.conf", []byte("defaults\nmode http\ntimeout client 1s\ntimeout server 1s\ntimeout connect 1s\n"+block))
		extproc.Must(t, err)
		cmd := exec.Command(program, "-c", "-f", conf)
		cmd.Env, err = systemLevel(tt.level)
		extproc.Must(t, err)
		out, err := cmd.CombinedOutput()
		if (err == nil) != tt.loads || !tt.loads && !strings.Contains(string(out), "unable to load SSL certificate") {
			t.Errorf("%s at level %d: %v: %s", tt.s.name, tt.level, err, out)
		}
	}
}

// haproxy returns a setup in HAProxy's words.
func (s *setup) haproxy(addr string) (string, error) {
	f, err := s.files()
	if err != nil {
		return "", err
	}
	bind := fmt.Sprintf("bind %s ssl crt %s ciphers %s no-tls-tickets", addr, f.both, s.cipherString())
	names := s.protocols()
	bind += fmt.Sprintf(" ssl-min-ver %s ssl-max-ver %s", haproxyVersion(names[0]), haproxyVersion(names[len(names)-1]))
	if s.ask != never {
		bind += fmt.Sprintf(" ca-file %s verify %s", f.roots, s.ask)
	}
	bind += " " + s.added("haproxy bind", addr, f)
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, " ", `\ `)
	return fmt.Sprintf("frontend %s\n%s\ncapture request header User-Agent len 128\nlog-format %s\nerror-log-format %s\n%s\n"+
		"http-request return status 200 content-type text/xml file %s if { path /profile.xml }\nhttp-request return status 404\n",
		s.name, bind, quoted.Replace(haproxyForm), quoted.Replace(haproxyErrorForm), s.added("haproxy", addr, f), f.profile), nil
}

func haproxyVersion(name string) string {
	if name == "TLSv1" {
		return "TLSv1.0"
	}
	return name
}
