package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
)

// An Nginx is nginx at work, on cores of its own, with a worker for each.
type Nginx struct {
	cmd *exec.Cmd
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
%[4]s
}
`

// StartNginx starts nginx with its files in a folder, which stays the caller's,
// and waits until it answers at an address. Http is what its http section says
// beside the ordinary.
func StartNginx(ctx context.Context, cores Cores, dir, http, address string) (*Nginx, error) {
	n := &Nginx{}
	if err := n.start(ctx, cores, dir, http, address); err != nil {
		n.Stop()
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	return n, nil
}

func (n *Nginx) start(ctx context.Context, cores Cores, dir, http, address string) error {
	who, err := user.Current()
	if err != nil {
		return err
	}
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(nginxConf, who.Username, cores.Count(), dir, http)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	cmd := Pinned(ctx, cores, Find("nginx"), "-c", conf, "-p", dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	n.cmd = cmd
	return answers(ctx, address)
}

// Stop ends nginx.
func (n *Nginx) Stop() {
	if n.cmd != nil {
		_ = n.cmd.Process.Signal(os.Interrupt) // to the master, which ends its workers
		_ = n.cmd.Wait()                       // it was asked to end
	}
}
