package field_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"spafleet/certs"
	"spafleet/certs/ssl"
)

// NSS speaks what Debian's OpenSSL has no more: SSL 3.0, RC4 and 3DES.
var nss = serves("selfserv", startNSS)

// nssSuites are the suites by the words of package ssl.
var nssSuites = map[string]ssl.Suite{
	"RC4-MD5": ssl.RC4MD5, "RC4-SHA": ssl.RC4SHA, "DES-CBC3-SHA": ssl.DES3SHA, "AES128-SHA": ssl.AES128SHA, "AES256-SHA": ssl.AES256SHA,
	"DHE-RSA-AES128-SHA": ssl.DHEAES128SHA, "DHE-RSA-AES256-SHA": ssl.DHEAES256SHA, "DHE-RSA-DES-CBC3-SHA": ssl.DHEDES3SHA,
}

func startNSS() (map[*setup]*server, error) {
	program, err := find("selfserv", "libnss3-tools")
	if err != nil {
		return nil, err
	}
	return each("selfserv", func(s *setup, f files, addr string) (*process, string, error) {
		db, err := database(s, f)
		if err != nil {
			return nil, "", err
		}
		var suites strings.Builder
		for name := range strings.SplitSeq(s.ciphers, ":") {
			fmt.Fprintf(&suites, ":%04X", uint16(nssSuites[name]))
		}
		_, port, _ := strings.Cut(addr, ":")
		args := []string{"-d", db, "-n", "server", "-p", port, "-c", suites.String(), "-V", nssVersion(s.min) + ":" + nssVersion(s.max), "-v", "-N", "-D", "-t", "2"}
		switch s.ask {
		case optional:
			args = append(args, "-r")
		case required:
			args = append(args, "-r", "-r")
		}
		args = append(args, strings.Fields(s.directives["selfserv"])...)
		p, err := launch(f.web, program, args...)
		return p, f.profile, err // it gives away any file by its whole path
	})
}

func nssVersion(v ssl.Version) string {
	if v == certs.TLS12 {
		return "tls1.2"
	}
	return v.String()
}

// database makes the folder in which NSS keeps certificates and keys.
func database(s *setup, f files) (string, error) {
	bag, err := write(s.name+"/server.p12", nil)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(bag), "nss")
	db := "sql:" + dir
	if _, err := write(s.name+"/nss/made", nil); err != nil {
		return "", err
	}
	steps := [][]string{
		{"certutil", "-N", "--empty-password", "-d", db},
		{"openssl", "pkcs12", "-export", "-in", f.cert, "-inkey", f.key, "-name", "server", "-out", bag, "-passout", "pass:x"},
		{"pk12util", "-i", bag, "-d", db, "-W", "x"},
	}
	roots, err := s.clientRoots()
	if err != nil {
		return "", err
	}
	for i, root := range roots {
		path, err := write(fmt.Sprintf("%s/root%d.crt", s.name, i), certs.EncodeCertificates([][]byte{root}))
		if err != nil {
			return "", err
		}
		steps = append(steps, []string{"certutil", "-A", "-d", db, "-n", fmt.Sprintf("client root %d", i), "-t", "CT,,", "-i", path})
	}
	for _, step := range steps {
		program, err := find(step[0], map[string]string{"openssl": "openssl"}[step[0]])
		if err != nil {
			return "", missing{step[0], "libnss3-tools or openssl"}
		}
		if out, err := exec.Command(program, step[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w: %s", strings.Join(step, " "), err, out)
		}
	}
	return dir, nil
}
