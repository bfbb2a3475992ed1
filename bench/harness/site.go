package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// A Site is nginx with the files of a temporary folder.
type Site struct {
	Dir   string
	At    string // host:port
	nginx *Nginx
}

// OpenSite has files written below a folder and serves them at an address.
func OpenSite(ctx context.Context, cores Cores, address string, write func(www string) error) (*Site, error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	s := &Site{Dir: dir}
	if err := s.open(ctx, cores, address, write); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Site) open(ctx context.Context, cores Cores, address string, write func(www string) error) error {
	www := filepath.Join(s.Dir, "www")
	if err := os.Mkdir(www, 0o700); err != nil {
		return err
	}
	if err := write(www); err != nil {
		return err
	}
	port, err := FreePort(address)
	if err != nil {
		return err
	}
	s.At = fmt.Sprintf("%s:%d", address, port)
	http := fmt.Sprintf("\tserver {\n\t\tlisten %s backlog=4096 reuseport;\n\t\troot %s;\n\t}", s.At, www)
	s.nginx, err = StartNginx(ctx, cores, s.Dir, http, s.At)
	return err
}

// Close ends nginx and removes the files.
func (s *Site) Close() {
	if s.nginx != nil {
		s.nginx.Stop()
	}
	_ = os.RemoveAll(s.Dir) // of temporary files
}
