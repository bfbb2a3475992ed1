package run

import (
	"fmt"
	"reflect"
	"slices"

	"spafleet/prov"
	"spafleet/scenarios"
)

// hasFiles reports whether a server sends files from the disk.
func hasFiles(s *scenarios.Server) bool {
	for _, e := range s.Files {
		if e.File != "" {
			return true
		}
	}
	return false
}

// change merges what a step says into the server, from now on.
func (s *server) change(step int) error { return s.become(append(slices.Clone(s.changes), step)) }

// unchange takes back what a step has changed. What later ones have changed stays.
func (s *server) unchange(step int) error {
	return s.become(slices.DeleteFunc(slices.Clone(s.changes), func(i int) bool { return i == step }))
}

// become makes the server what it is with the changes of some steps. It stays what it
// was if that is no server.
func (s *server) become(steps []int) error {
	after, err := s.plan.ServerAfter(steps)
	if err != nil {
		return err
	}
	files, err := s.files(after)
	if err != nil {
		return err
	}
	if err := s.secureAs(after); err != nil {
		return err
	}
	if err := s.core.SetFiles(files); err != nil {
		return err
	}
	s.core.SetAuth(after.Auth)
	if w := s.modelled; w != nil {
		w.Least, w.Most = after.Latency.Least, after.Latency.Most
	}
	s.now, s.changes = after, steps
	return nil
}

// secureAs gives the listeners of HTTPS that have changed their certificates and what
// they ask of clients.
func (s *server) secureAs(after *scenarios.Server) error {
	for i := range after.HTTPS {
		h := &after.HTTPS[i]
		if reflect.DeepEqual(h.HTTPSConfig, s.now.HTTPS[i].HTTPSConfig) {
			continue
		}
		if s.modelled != nil {
			l, err := s.secureModelled(h, s.modelled.HTTPS[i].Port)
			if err != nil {
				return err
			}
			s.modelled.HTTPS[i] = l
			continue
		}
		l, err := h.Listener(s.certs.PKI, s.plan.Scenario.Server.Host(), "127.0.0.1", s.today)
		if err != nil {
			return fmt.Errorf("https: %w", err)
		}
		s.each(func(one *prov.Server) { one.Secure(i, l) })
	}
	return nil
}
