package interop_test

import (
	"strings"
	"sync"

	"spafleet/bench/extproc"
)

func startSServer() (map[*setup]*server, error) {
	program, err := extproc.Find("openssl", "openssl")
	if err != nil {
		return nil, err
	}
	return each(sserver, func(s *setup, f files, addr string) (*extproc.Process, string, error) {
		args := []string{"s_server", "-WWW", "-accept", addr, "-cert", f.cert, "-key", f.key, "-serverpref", "-cipher", s.cipherString(),
			"-min_protocol", s.protocols()[0], "-max_protocol", s.protocols()[len(s.protocols())-1], "-no_ticket", "-no_cache", "-trace"}
		if s.dh > 0 {
			args = append(args, "-dhparam", f.dh)
		}
		switch s.ask {
		case optional:
			args = append(args, "-verify", "2", "-CAfile", f.roots)
		case required:
			args = append(args, "-Verify", "2", "-verify_return_error", "-CAfile", f.roots)
		}
		args = append(args, strings.Fields(s.directives["s_server"])...)
		p, err := launch(f.web, program, args...)
		return p, "/profile.xml", err
	})
}

// each starts a process for each of a program's setups. Their logs do not tell
// visitors apart, so that these come one after the other.
func each(program string, start func(s *setup, f files, addr string) (p *extproc.Process, path string, err error)) (map[*setup]*server, error) {
	servers, processes := map[*setup]*server{}, map[*setup]*extproc.Process{}
	for _, s := range setupsOf(program) {
		addr, err := extproc.Address()
		if err != nil {
			return nil, err
		}
		f, err := s.files()
		if err != nil {
			return nil, err
		}
		p, path, err := start(s, f, addr)
		if err != nil {
			return nil, err
		}
		servers[s] = &server{program: program, setup: s, addr: addr, path: path, alone: &sync.Mutex{}, read: p.Output}
		processes[s] = p
	}
	for s, p := range processes {
		if err := listens(p, servers[s].addr); err != nil {
			return nil, err
		}
	}
	return servers, nil
}
