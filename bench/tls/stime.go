package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"spafleet/bench/harness"
	"spafleet/host"
)

// An stime is one process of openssl s_time. It would run for whole seconds, by
// the wall's clock, and count its start: so it is stopped from here, and what it
// did between two moments is read from what it prints, which is a letter for each
// connection.
type stime struct {
	cmd *exec.Cmd
	out *os.File
}

const (
	longest = 3600 // seconds; it is stopped before
	heading = "Collecting connection statistics for 3600 seconds\n"
)

// runSTime runs as many processes of s_time on one core, and counts once all of
// them have made a connection.
func runSTime(ctx context.Context, core int, s *server, t *task) (harness.Round, error) {
	var all []*stime
	defer func() {
		for _, p := range all {
			p.drop()
		}
	}()
	for range t.Parallel {
		p, err := startSTime(ctx, core, s, t, longest)
		if err != nil {
			return harness.Round{}, err
		}
		all = append(all, p)
	}
	for _, p := range all {
		if err := p.await(ctx); err != nil {
			return harness.Round{}, err
		}
	}
	before, err := sum(all)
	if err != nil {
		return harness.Round{}, err
	}
	begun := time.Now()
	if err := host.Sleep(ctx, t.Time); err != nil {
		return harness.Round{}, err
	}
	r, err := sum(all)
	return harness.Round{Count: r.Count - before.Count, Elapsed: time.Since(begun), CPU: r.CPU - before.CPU}, err
}

// sum returns what processes did so far.
func sum(all []*stime) (harness.Round, error) {
	var r harness.Round
	for _, p := range all {
		n, err := p.letters()
		if err != nil {
			return r, err
		}
		cpu, err := p.ran()
		if err != nil {
			return r, fmt.Errorf("s_time ended early: %w", err)
		}
		r.Count += n
		r.CPU += cpu
	}
	return r, nil
}

func startSTime(ctx context.Context, core int, s *server, t *task, seconds int) (*stime, error) {
	out, err := os.CreateTemp(s.dir, "s_time-")
	if err != nil {
		return nil, err
	}
	client := filepath.Join(s.dir, fmt.Sprint("client", t.Bits))
	p := &stime{out: out, cmd: harness.Pinned(ctx, harness.Core(core), harness.Find("openssl"), "s_time", "-new", "-connect", t.Server, "-tls1", "-cipher", suite,
		"-cert", client+".crt", "-key", client+".key", "-CAfile", filepath.Join(s.dir, "trusted.crt"), "-no-CApath", "-no-CAstore",
		"-www", "/f", "-time", strconv.Itoa(seconds))}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		out.Close()
		return nil, err
	}
	return p, nil
}

// await waits for the first connection.
func (p *stime) await(ctx context.Context) error {
	for range 30_000 {
		if n, err := p.letters(); n > 0 || err != nil {
			return err
		}
		if err := host.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	text, _ := os.ReadFile(p.out.Name()) // the time is the news
	return fmt.Errorf("s_time makes no connection within 30 seconds, and says %.300q", text)
}

// letters returns how many connections the process made.
func (p *stime) letters() (int, error) {
	info, err := p.out.Stat()
	if err != nil {
		return 0, err
	}
	return max(0, int(info.Size())-len(heading)), nil
}

// ran returns the processor time of the process so far. It has one thread.
func (p *stime) ran() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), " ")
	n, err := strconv.ParseInt(first, 10, 64)
	return time.Duration(n), err
}

// drop ends the process.
func (p *stime) drop() {
	_ = p.cmd.Process.Kill() // it would run on for an hour
	_ = p.cmd.Wait()
	p.out.Close()
	_ = os.Remove(p.out.Name()) // nginx's folder goes as a whole
}

var finished = regexp.MustCompile(`(?m)^(\d+) connections in \d+ real seconds, (\d+) bytes read per connection`)

// checkSTime lets s_time come to its end once: it says how much it reads, and
// that each letter is a connection.
func checkSTime(ctx context.Context, core int, s *server, t *task) error {
	p, err := startSTime(ctx, core, s, t, 1)
	if err != nil {
		return err
	}
	defer p.drop()
	failed := p.cmd.Wait()
	text, err := os.ReadFile(p.out.Name())
	if err != nil {
		return err
	}
	m := finished.FindSubmatch(text)
	if failed != nil || m == nil {
		return fmt.Errorf("s_time: %w, it says %.300q", errors.Join(failed, errors.New("no count at its end")), text)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	letters, _, _ := strings.Cut(rest, "\n")
	if n, _ := strconv.Atoi(string(m[1])); n != len(letters) {
		return fmt.Errorf("s_time counts %d connections, and prints %d letters", n, len(letters))
	}
	if n, _ := strconv.Atoi(string(m[2])); n < body {
		return fmt.Errorf("s_time reads %d bytes of a file of %d", n, body)
	}
	return nil
}
