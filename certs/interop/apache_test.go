package interop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"spafleet/bench/extproc"
)

// apacheForm is what Apache logs of a request. The guides say that the MAC is in
// S of the subject, which is the surname to mod_ssl.
const apacheForm = `%h \"%r\" %>s %{SSL_PROTOCOL}x %{SSL_CIPHER}x agent=\"%{User-Agent}i\" verify=\"%{SSL_CLIENT_VERIFY}x\" ` +
	`serial=%{SSL_CLIENT_M_SERIAL}x st=%{SSL_CLIENT_S_DN_ST}x s=%{SSL_CLIENT_S_DN_S}x l=%{SSL_CLIENT_S_DN_L}x ou=%{SSL_CLIENT_S_DN_OU}x dn=\"%{SSL_CLIENT_S_DN}x\"`

const apacheModules = "/usr/lib/apache2/modules"

func startApache() (map[*setup]*server, error) {
	program, err := extproc.Find("apache2", "apache2-bin")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(apacheModules); err != nil {
		return nil, extproc.Missing{Program: apacheModules, DebianPackage: "apache2-bin"}
	}
	base, err := write("apache/error.log", nil)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(base)
	servers := map[*setup]*server{}
	var b strings.Builder
	for _, module := range []string{"mpm_event", "authz_core", "reqtimeout", "ssl"} {
		fmt.Fprintf(&b, "LoadModule %s_module %s/mod_%s.so\n", module, apacheModules, module)
	}
	fmt.Fprintf(&b, "ServerRoot %s\nDefaultRuntimeDir %s\nPidFile %s/pid\nServerName %s\nErrorLog %s\nLogFormat \"%s\" who\n", dir, dir, dir, host, base, apacheForm)
	b.WriteString("StartServers 1\nSSLSessionCache none\nLogLevel warn ssl:debug\n")
	if os.Geteuid() == 0 { // it refuses to work as root
		b.WriteString("User www-data\nGroup www-data\n")
	}
	var last string
	for _, s := range setupsOf("apache") {
		addr, err := extproc.Address()
		if err != nil {
			return nil, err
		}
		block, log, err := s.apache(addr)
		if err != nil {
			return nil, err
		}
		b.WriteString(block)
		read := func() string {
			text, _ := os.ReadFile(log)
			return string(text)
		}
		servers[s], last = &server{program: "apache", setup: s, addr: addr, path: "/profile.xml", read: read, alone: &sync.Mutex{}}, addr
	}
	conf, err := write("apache/apache.conf", []byte(b.String()))
	if err != nil {
		return nil, err
	}
	p, err := launch(dir, program, "-d", dir, "-f", conf, "-DFOREGROUND")
	if err != nil {
		return nil, err
	}
	if err := listens(p, last); err != nil {
		return nil, err
	}
	return servers, p.Until("it is ready", func() bool {
		text, _ := os.ReadFile(base) // it comes
		return strings.Contains(string(text), "resuming normal operations")
	})
}

// apache returns a setup in Apache's words, and the file of its log.
func (s *setup) apache(addr string) (block, log string, err error) {
	f, err := s.files()
	if err != nil {
		return "", "", err
	}
	if log, err = write("apache/"+s.name+".log", nil); err != nil {
		return "", "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Listen %s\n<VirtualHost %s>\nDocumentRoot %s\nErrorLog %s\nCustomLog %s who\n", addr, addr, f.web, log, log)
	fmt.Fprintf(&b, "SSLEngine on\nSSLCertificateFile %s\nSSLCertificateKeyFile %s\n", f.cert, f.key)
	fmt.Fprintf(&b, "SSLProtocol -all +%s\nSSLCipherSuite %s\nSSLHonorCipherOrder on\nSSLCACertificateFile %s\nSSLVerifyDepth 2\n",
		strings.Join(s.protocols(), " +"), s.cipherString(), f.roots)
	ask := map[asking]string{never: "none", optional: "optional", required: "require"}[s.ask]
	if s.later {
		fmt.Fprintf(&b, "SSLVerifyClient none\n<Location />\nSSLVerifyClient %s\n</Location>\n", ask)
	} else {
		fmt.Fprintf(&b, "SSLVerifyClient %s\n", ask)
	}
	fmt.Fprintf(&b, "%s\n</VirtualHost>\n", s.added("apache", addr, f))
	return b.String(), log, nil
}
