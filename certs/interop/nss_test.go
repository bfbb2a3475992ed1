package interop_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"spafleet/bench/extproc"
	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
)

func startNSS() (map[*setup]*server, error) {
	program, err := extproc.Find("selfserv", "libnss3-tools")
	if err != nil {
		return nil, err
	}
	databases := map[string]string{} // setups of like certificates share one
	return each(nss, func(s *setup, f files, addr string) (*extproc.Process, string, error) {
		like := fmt.Sprint(s.cert, s.roots)
		db, ok := databases[like]
		if !ok {
			if db, err = database(s, f); err != nil {
				return nil, "", err
			}
			databases[like] = db
		}
		var suites strings.Builder
		for _, n := range s.suites(nss) {
			fmt.Fprintf(&suites, ":%04X", uint16(n))
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
	if v == trust.TLS12 {
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
		program, err := extproc.Find(step[0], map[string]string{"openssl": "openssl"}[step[0]])
		if err != nil {
			return "", extproc.Missing{Program: step[0], DebianPackage: "libnss3-tools or openssl"}
		}
		if out, err := exec.Command(program, step[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w: %s", strings.Join(step, " "), err, out)
		}
	}
	return dir, nil
}
