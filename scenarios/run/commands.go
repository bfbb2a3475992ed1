package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"sync"
	"time"
	"unicode"

	"spafleet/host"
	"spafleet/scenarios"
)

// mostCommand is how long a command of a step may take, by the wall. A reload takes
// seconds.
const mostCommand = time.Minute

// commands runs what steps name: the operator's own commands, in the folder and with
// the environment of this program. Over the real clock start does not wait for their
// end. Where time stands still during an attempt, it does so during a command too:
// start returns when it has ended.
type commands struct {
	ctx  context.Context // ends those that run
	end  context.CancelFunc
	here bool // this machine runs them: of shards the first does
	wait bool
	news chan<- struct{} // is told when one has ended; capacity 1
	work sync.WaitGroup

	mu       sync.Mutex
	under    map[int]bool   // steps whose command runs
	failures map[int]string // by step: how its first command that failed ended
}

func newCommands(ctx context.Context, r *run) *commands {
	c := &commands{here: r.options.Shard.Index == 0, wait: r.plan.Scenario.Clock.Jumps(), news: r.judge.news, under: map[int]bool{}, failures: map[int]string{}}
	c.ctx, c.end = context.WithCancel(ctx)
	return c
}

// start runs the command of a step. While the one of the last time still runs, it starts
// no other, and the step has failed.
func (c *commands) start(step int, s *scenarios.Step) {
	if !c.here {
		return
	}
	c.mu.Lock()
	busy := c.under[step]
	c.under[step] = true
	c.mu.Unlock()
	if busy {
		c.failed(step, fmt.Errorf("%s: it still ran when it was due again", s.Run[0]))
		return
	}
	run := func() {
		c.failed(step, command(c.ctx, s.Run))
		c.mu.Lock()
		delete(c.under, step)
		c.mu.Unlock()
		select {
		case c.news <- struct{}{}:
		default:
		}
	}
	if c.wait {
		run()
		return
	}
	c.work.Go(run)
}

// failed keeps the first failure of a step.
func (c *commands) failed(step int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && c.failures[step] == "" {
		c.failures[step] = err.Error()
	}
}

// running reports whether a command has not ended yet.
func (c *commands) running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.under) > 0
}

// failure returns how the command of a step failed, "" if it did not.
func (c *commands) failure(step int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures[step]
}

// stop ends the commands that run, and waits for that. None may be started after it.
func (c *commands) stop() {
	c.end()
	c.work.Wait()
}

var (
	errRunEnded = errors.New("it still ran at the end of the run, and was killed")
	errTooLong  = fmt.Errorf("it took longer than %s, and was killed", mostCommand)
)

// command runs a command to its end. The error says how it failed, with the end of
// what it wrote.
func command(ctx context.Context, words []string) error {
	limited, cancel := context.WithTimeout(ctx, mostCommand)
	defer cancel()
	cmd := exec.CommandContext(limited, words[0], words[1:]...)
	host.KillWithChildren(cmd)
	cmd.WaitDelay = time.Second // of children that hold its output open
	var out lastBytes
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = errRunEnded
	case limited.Err() != nil:
		err = errTooLong
	}
	if said := out.text(); said != "" {
		return fmt.Errorf("%s: %w: %s", words[0], err, said)
	}
	var unknown *exec.Error
	var unready *fs.PathError
	switch {
	case errors.As(err, &unknown):
		err = unknown.Err
	case errors.As(err, &unready):
		err = unready.Err
	}
	return fmt.Errorf("%s: %w", words[0], err)
}

// lastBytes keeps the end of what is written to it.
type lastBytes struct{ kept []byte }

const (
	mostOutput = 2 << 10 // bytes that are kept
	mostShown  = 300     // characters that are shown
)

func (l *lastBytes) Write(p []byte) (int, error) {
	l.kept = append(l.kept, p[max(0, len(p)-mostOutput):]...)
	l.kept = append(l.kept[:0], l.kept[max(0, len(l.kept)-mostOutput):]...)
	return len(p), nil
}

// text returns the end of it as one line, of printable characters.
func (l *lastBytes) text() string {
	line := []rune(strings.Join(strings.FieldsFunc(string(l.kept), unprintable), " "))
	if len(line) > mostShown {
		return "… " + string(line[len(line)-mostShown:])
	}
	return string(line)
}

func unprintable(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }
