package interop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"spafleet/bench/extproc"
)

// nginxForm is what nginx logs of a request and of the client's certificate.
const nginxForm = `$remote_addr "$request" $status $ssl_protocol $ssl_cipher agent="$http_user_agent" verify="$ssl_client_verify" ` +
	`serial=$ssl_client_serial dn="$ssl_client_s_dn" legacy="$ssl_client_s_dn_legacy"`

func startNginx() (map[*setup]*server, error) {
	program, err := extproc.Find("nginx", "nginx-light")
	if err != nil {
		return nil, err
	}
	base, err := write("nginx/nginx.log", nil)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(base)
	log := func() string {
		text, _ := os.ReadFile(base)
		return string(text)
	}
	servers := map[*setup]*server{}
	var b strings.Builder
	fmt.Fprintf(&b, "daemon off;\nworker_processes 1;\nuser %s;\npid %s/pid;\nerror_log %s info;\nevents { worker_connections 1024; }\nhttp {\n", whoami(), dir, base)
	fmt.Fprintf(&b, "log_format who escape=none '%s';\naccess_log %s who;\nssl_session_cache off;\n", nginxForm, base)
	for _, temp := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&b, "%s_temp_path %s/%s;\n", temp, dir, temp)
	}
	var last string
	for _, s := range setupsOf("nginx") {
		addr, err := extproc.Address()
		if err != nil {
			return nil, err
		}
		block, err := s.nginx(addr)
		if err != nil {
			return nil, err
		}
		b.WriteString(block)
		servers[s], last = &server{program: "nginx", setup: s, addr: addr, path: "/profile.xml", read: log}, addr
	}
	b.WriteString("}\n")
	conf, err := write("nginx/nginx.conf", []byte(b.String()))
	if err != nil {
		return nil, err
	}
	p, err := launch(dir, program, "-c", conf, "-p", dir)
	if err != nil {
		return nil, err
	}
	return servers, listens(p, last)
}

// nginx returns a setup in nginx' words.
func (s *setup) nginx(addr string) (string, error) {
	f, err := s.files()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, v := range s.vhosts {
		block, err := v.nginx(addr)
		if err != nil {
			return "", err
		}
		b.WriteString(block)
	}
	fmt.Fprintf(&b, "server {\nlisten %s ssl;\nroot %s;\nssl_certificate %s;\nssl_certificate_key %s;\n", addr, f.web, f.cert, f.key)
	fmt.Fprintf(&b, "ssl_protocols %s;\nssl_ciphers %q;\nssl_prefer_server_ciphers on;\n", strings.Join(s.protocols(), " "), s.cipherString())
	if s.dh > 0 {
		fmt.Fprintf(&b, "ssl_dhparam %s;\n", f.dh)
	}
	if len(s.vhosts) > 0 || s.on == "" {
		fmt.Fprintf(&b, "server_name %s;\n", s.cert.CN)
	}
	if s.ask != never {
		fmt.Fprintf(&b, "ssl_verify_client %s;\nssl_verify_depth 2;\nssl_client_certificate %s;\n", map[asking]string{optional: "optional", required: "on"}[s.ask], f.roots)
	}
	fmt.Fprintf(&b, "%s\n}\n", s.added("nginx", addr, f))
	return b.String(), nil
}
