package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"spafleet/bench/harness"
)

// others are load generators that take part where they are installed. They
// cannot be told a list of paths as cheaply as wrk, so they fetch one file.
var others = []string{"hey", "k6"}

// load runs a load generator for a round.
func (s *site) load(ctx context.Context, name string, cores harness.Cores, o options) (harness.Round, error) {
	switch name {
	case "hey":
		return s.hey(ctx, cores, o)
	case "k6":
		return s.k6(ctx, cores, o)
	}
	return s.wrk(ctx, cores, o)
}

// wrkScript has wrk ask for the devices' files in turn, each on a connection of
// its own. The requests are made before the first.
const wrkScript = `
local requests = {}
init = function(args)
	for path in io.lines("paths") do
		requests[#requests + 1] = wrk.format("GET", path, {["Connection"] = "close"})
	end
end
local i = math.random(1000000)
request = function()
	i = i + 1
	return requests[i % #requests + 1]
end
done = function(summary, latency, requests)
	io.write(string.format("{\"count\": %d, \"us\": %d, \"bad\": %d}\n", summary.requests, summary.duration,
		summary.errors.connect + summary.errors.status + summary.errors.timeout))
end
`

var lastLine = regexp.MustCompile(`(?m)^\{"count".*\}$`)

func (s *site) wrk(ctx context.Context, cores harness.Cores, o options) (harness.Round, error) {
	if err := os.WriteFile(filepath.Join(s.Dir, "paths"), []byte(strings.Join(s.paths, "\n")), 0o600); err != nil {
		return harness.Round{}, err
	}
	script := filepath.Join(s.Dir, "wrk.lua")
	if err := os.WriteFile(script, []byte(wrkScript), 0o600); err != nil {
		return harness.Round{}, err
	}
	threads := cores.Count()
	out, r, err := s.client(ctx, cores, "wrk", "-t", strconv.Itoa(threads), "-c", strconv.Itoa(max(o.parallel, threads)),
		"-d", strconv.Itoa(int(o.round.Seconds())), "-s", script, "http://"+s.At)
	if err != nil {
		return r, err
	}
	var said struct{ Count, Us, Bad int }
	if err := json.Unmarshal(lastLine.Find(out), &said); err != nil {
		return r, fmt.Errorf("read what wrk says: %w: %s", err, out)
	}
	if said.Bad > 0 {
		return r, fmt.Errorf("%d requests failed: %s", said.Bad, out)
	}
	r.Count, r.Elapsed = said.Count, time.Duration(said.Us)*time.Microsecond
	return r, nil
}

var heyRate = regexp.MustCompile(`\[200\]\s+(\d+) responses`)

func (s *site) hey(ctx context.Context, cores harness.Cores, o options) (harness.Round, error) {
	out, r, err := s.client(ctx, cores, "hey", "-disable-keepalive", "-c", strconv.Itoa(o.parallel), "-z", o.round.String(), "http://"+s.At+s.paths[0])
	return counted(out, r, err, heyRate)
}

// k6Script is what k6 does.
const k6Script = `
import http from 'k6/http';
export const options = { noConnectionReuse: true, discardResponseBodies: true };
export default function () { http.get(__ENV.TARGET); }
`

var k6Count = regexp.MustCompile(`http_reqs\W+(\d+)`)

func (s *site) k6(ctx context.Context, cores harness.Cores, o options) (harness.Round, error) {
	script := filepath.Join(s.Dir, "k6.js")
	if err := os.WriteFile(script, []byte(k6Script), 0o600); err != nil {
		return harness.Round{}, err
	}
	out, r, err := s.client(ctx, cores, "k6", "run", "--quiet", "--vus", strconv.Itoa(o.parallel), "--duration", o.round.String(),
		"--env", "TARGET=http://"+s.At+s.paths[0], script)
	return counted(out, r, err, k6Count)
}

// counted takes the number of requests from what a load generator says.
func counted(out []byte, r harness.Round, err error, pattern *regexp.Regexp) (harness.Round, error) {
	if err != nil {
		return r, err
	}
	m := pattern.FindSubmatch(out)
	if m == nil {
		return r, fmt.Errorf("it does not say how many requests it made: %s", out)
	}
	r.Count, err = strconv.Atoi(string(m[1]))
	return r, err
}

// client runs a load generator. Its time and processor time are those of the
// whole process.
func (s *site) client(ctx context.Context, cores harness.Cores, program string, args ...string) ([]byte, harness.Round, error) {
	cmd := harness.Pinned(ctx, cores, harness.Find(program), args...)
	cmd.Dir = s.Dir
	cmd.Env = append(cmd.Env, fmt.Sprint("GOMAXPROCS=", cores.Count()))
	begun := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return out, harness.Round{}, fmt.Errorf("%w: %s", err, out)
	}
	return out, harness.Round{Elapsed: time.Since(begun), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, nil
}
