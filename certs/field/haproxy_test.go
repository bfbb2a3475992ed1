package field_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// What HAProxy logs of a request, and of a connection that came to nothing.
const (
	haproxyForm = `%ci "%HM %HP" %ST %sslv %sslc agent=%{+Q}[capture.req.hdr(0)] verify=%[ssl_c_verify] st=%[ssl_c_s_dn(ST)] l=%[ssl_c_s_dn(L)] ` +
		`ou=%[ssl_c_s_dn(OU)] dn=%[ssl_c_s_dn]`
	haproxyErrorForm = `%ci %[fc_err_str] error=%[ssl_fc_err_str] verify=%[ssl_c_err]`
)

func startHAProxy() (map[*setup]*server, error) {
	program, err := find("haproxy", "haproxy")
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("global\nnbthread 1\nlog stdout format raw local0\n") // of several threads some lines would get lost
	b.WriteString("defaults\nmode http\nlog global\ntimeout client 10s\ntimeout server 10s\ntimeout connect 10s\n")
	servers, last := map[*setup]*server{}, ""
	for _, s := range setupsOf("haproxy") {
		addr, err := port()
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
	// It loads certificates before it has read their ciphers, and with them the
	// security level: that must be the system's.
	system, err := write("haproxy/openssl.cnf", []byte("openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = level\n[level]\nCipherString = DEFAULT:@SECLEVEL=0\n"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "-db", "-f", conf)
	cmd.Env = append(os.Environ(), "OPENSSL_CONF="+system)
	p, err := run(cmd, filepath.Dir(conf))
	if err != nil {
		return nil, err
	}
	for _, s := range servers {
		s.read = p.out.String
	}
	return servers, p.ready(last)
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
