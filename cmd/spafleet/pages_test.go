//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"spafleet/host/golden"
)

// pagesWithConsole are the pages whose commands TestPages runs.
var pagesWithConsole = []string{"README.md", "docs/commands.md", "docs/certificates.md", "docs/console.md", "docs/cookbook.md", "docs/dhcp.md", "docs/doctor.md", "docs/import.md", "docs/ivr.md",
	"docs/pipelines.md", "docs/probe.md", "docs/scenarios.md"}

// TestPages runs the commands in the ```console blocks of the pages and compares
// what they print. Times, ports and what depends on this machine may differ; a
// line … stands for any lines. With -update it writes what differs.
//
// The commands of a page run one after the other in one folder. It holds the
// files of testdata/pages/PAGE.txtar, and the ```yaml blocks that begin with
// # NAME. A command that ends in & runs until the page's end. Where a line ^C
// stands in what a command prints, it is interrupted as soon as it has printed the
// lines before. 127.0.0.1:6969 and :8080 are free ports of this machine, as is 8080 of a
// device.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, page := range pagesWithConsole {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("..", "..", filepath.FromSlash(page))
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p := newPage(t, strings.TrimSuffix(filepath.Base(page), ".md"), string(text))
			if got := p.run(); golden.Update() {
				golden.File(t, path, []byte(got))
			}
		})
	}
}

// A page is a Markdown file under test.
type page struct {
	t     *testing.T
	text  string
	dir   string
	ports *strings.Replacer // from the page's addresses to those of this run
	back  *strings.Replacer
	ends  []func()
}

func newPage(t *testing.T, name, text string) *page {
	p := &page{t: t, text: text, dir: t.TempDir()}
	var there, back []string
	for _, written := range []string{"127.0.0.1:6969", "127.0.0.1:8080"} {
		free := freePort(t)
		there, back = append(there, written, free), append(back, free, written)
	}
	_, web, _ := net.SplitHostPort(freePort(t)) // of a device
	there, back = append(there, "--listen-web 8080", "--listen-web "+web, "127.64.0.1:8080", "127.64.0.1:"+web), append(back, "127.64.0.1:"+web, "127.64.0.1:8080")
	p.ports, p.back = strings.NewReplacer(there...), strings.NewReplacer(back...)
	archive, err := txtar.ParseFile(filepath.Join("testdata", "pages", name+".txtar"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if archive != nil {
		for _, f := range archive.Files {
			p.write(f.Name, string(f.Data))
		}
	}
	for _, block := range fenced(text, "yaml") {
		if name, _, ok := strings.Cut(strings.TrimPrefix(block, "# "), "\n"); ok && strings.HasSuffix(name, ".yaml") {
			p.write(name, block)
		}
	}
	return p
}

// freePort returns an address with a port that neither TCP nor UDP uses, below
// those that the system gives to the sockets of other tests.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		addr := free(t)
		if udp, err := net.ListenPacket("udp4", addr); err == nil {
			udp.Close()
			return addr
		}
	}
}

func (p *page) write(name, text string) {
	name = filepath.Join(p.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(p.ports.Replace(text)), 0o666); err != nil {
		p.t.Fatal(err)
	}
}

const consoleFence = "```console\n"

// run returns the page with what the commands printed now.
func (p *page) run() string {
	defer func() {
		for _, end := range slices.Backward(p.ends) {
			end()
		}
	}()
	head, rest, _ := strings.Cut(p.text, consoleFence)
	out := head
	for rest != "" {
		block, after, ok := strings.Cut(rest, "```\n")
		if !ok {
			p.t.Fatal("a block has no end")
		}
		out += consoleFence + p.block(block) + "```\n"
		head, rest, _ = strings.Cut(after, consoleFence)
		out += head
	}
	return out
}

// block runs the commands of a block.
func (p *page) block(text string) string {
	var out []string
	for i, part := range strings.Split("\n"+text, "\n$ ") {
		if i == 0 {
			if strings.TrimSpace(part) != "" {
				p.t.Errorf("a block begins without a command: %q", part)
			}
			continue
		}
		command, wanted := splitCommand(part)
		out = append(out, "$ "+command+p.command(command, wanted))
	}
	return strings.Join(out, "\n")
}

// splitCommand tells a command, which goes on after a backslash at a line's end,
// from the lines that it prints.
func splitCommand(text string) (command, wanted string) {
	lines := strings.SplitAfter(text, "\n")
	n := 1
	for n < len(lines) && strings.HasSuffix(lines[n-1], "\\\n") {
		n++
	}
	return strings.Join(lines[:n], ""), strings.TrimRight(strings.Join(lines[n:], ""), "\n")
}

// command runs one, and returns what is to stand below it: what stands there if
// that is what it printed.
func (p *page) command(command, wanted string) string {
	got := p.print(command, wanted)
	if !samePrint(got, wanted) {
		if !golden.Update() {
			p.t.Errorf("$ %sprints\n%s\nand the page has%s", command, got, firstUnlike(got, wanted))
		}
		wanted = shorten(got, wanted)
	}
	if wanted == "" {
		return ""
	}
	return wanted + "\n"
}

// print runs a command in the shell.
func (p *page) print(command, wanted string) string {
	// A machine that is busy with other tests is no reason to fail.
	if strings.HasPrefix(command, "spafleet run ") && !strings.Contains(command, "silent.yaml") && !strings.Contains(command, ".zip") {
		command = "spafleet run --max-lateness 1h " + strings.TrimPrefix(command, "spafleet run ")
	}
	if serve, ok := strings.CutPrefix(command, "spafleet serve "); ok && !strings.Contains(command, "--tftp") {
		command = "spafleet serve --tftp 127.0.0.1:6969 --http 127.0.0.1:8080 " + serve
	}
	if device, ok := strings.CutPrefix(command, "spafleet device "); ok {
		command = "spafleet device --max-lateness 1h " + device
	}
	before, after, interrupted := strings.Cut(wanted, "^C\n")
	if !interrupted && strings.HasSuffix(wanted, "^C") {
		before, after, interrupted = strings.TrimSuffix(wanted, "^C"), "", true
	}
	command, background := strings.CutSuffix(strings.TrimSpace(command), " &")
	out := &syncBuffer{}
	c := exec.CommandContext(p.t.Context(), "bash", "-c", "exec 2>&1; trap : INT; "+p.ports.Replace(command))
	c.Dir, c.Stdout, c.Stderr = p.dir, out, out
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Env = append(os.Environ(), "TZ=UTC")
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	stop := func() int {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGINT)
		return exitCode(p.t, c.Wait())
	}
	switch {
	case background:
		p.ends = append(p.ends, func() { stop() })
		if wanted == "" {
			return "" // it may print what it likes
		}
		out.await(p.t, strings.Count(wanted, "\n")+1)
		return p.tidy(out.String())
	case interrupted:
		out.await(p.t, strings.Count(before, "\n"))
		shown := p.tidy(out.String())
		stop()
		if rest := strings.TrimPrefix(p.tidy(out.String()), shown); strings.TrimSpace(after) != "" {
			return shown + "\n^C" + rest
		}
		return shown + "\n^C"
	}
	code := exitCode(p.t, c.Wait())
	text := p.tidy(out.String())
	if code != 0 {
		text = strings.TrimLeft(text+"\n(exit code "+strconv.Itoa(code)+")", "\n")
	}
	return text
}

func exitCode(t *testing.T, err error) int {
	var failed *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &failed):
		return failed.ExitCode()
	}
	t.Fatal(err)
	return 0
}

// tidy gives the page's ports back, and leaves out the lines that only a slow
// machine prints.
func (p *page) tidy(text string) string {
	var lines []string
	for _, line := range strings.Split(strings.TrimRight(p.back.Replace(text), "\n"), "\n") {
		if !slowLine.MatchString(line) {
			lines = append(lines, strings.TrimRight(line, " "))
		}
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

var slowLine = regexp.MustCompile(`^[\w-]+ \d+:\d\d  |^note: attempts started in time, but|^  ! cpu: `)

// volatile are what differs between two runs and two machines.
var volatile = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`^ {2,}\+\d+(µs|ms|s) `), " "}, // since what is above it: nothing, on a fast machine
	{regexp.MustCompile(`127\.0\.0\.(1|2):\d+`), "127.0.0.$1:PORT"},
	{regexp.MustCompile(`^\d\d:\d\d:\d\d  `), "TIME "},
	{regexp.MustCompile(`\d\d\d\d-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+)`), "TIME"},
	{regexp.MustCompile(`\d\d:\d\d:\d\d\.\d+`), "TIME"},
	{regexp.MustCompile(`\b\d\d\d\d-\d\d-\d\d\b`), "DATE"}, // a page is not of today
	{regexp.MustCompile(`\b\d+(\.\d+)?(µs|ms|s)\b`), "TIME"},
	{regexp.MustCompile(`^ +\+TIME +`), ""}, // spafleet why: an attempt came to this in a millisecond, or in less
	{regexp.MustCompile(`open-file limit \d+|peak \d+%|CPU \d+%|of [\d.]+ cores|\d+ of \d+ descriptors( · most attempts at once: \d+)?|( · )?up to \d+ (requests|attempts) at once`), "MACHINE"},
	{regexp.MustCompile(`MACHINE\s*MACHINE|[\d.]+ MACHINE|[\d.]+ [kMG]?B( for attempts| available|: \d+ B per device)`), "MACHINE"},
	{regexp.MustCompile(`go1\.\d+(\.\d+)?|\w+/(amd64|arm64)|\(devel\)|v\d\S*| · commit \w+( with changes)?( of TIME)?`), "BUILD"},
	{regexp.MustCompile(`(generator-limited by .*|fast enough|TOO SLOW: .*)$`), "VERDICT"},
	{regexp.MustCompile(`\s+`), " "},
}

func stable(line string) string {
	for _, v := range volatile {
		line = v.pattern.ReplaceAllString(line, v.with)
	}
	return strings.TrimSpace(line)
}

// samePrint compares two outputs; in wanted a line … stands for any lines.
func samePrint(got, wanted string) bool {
	got = regexp.MustCompile(`(?m)^container +at most .*\n`).ReplaceAllString(got, "") // where the tests run in one
	if head, tail, cut := strings.Cut("\n"+wanted+"\n", "\n…\n"); cut {
		head, tail = strings.TrimPrefix(head, "\n"), strings.TrimSuffix(tail, "\n")
		lines := strings.Split(got, "\n")
		h, t := countLines(head), countLines(tail)
		return len(lines) >= h+t && samePrint(strings.Join(lines[:h], "\n"), head) && samePrint(strings.Join(lines[len(lines)-t:], "\n"), tail)
	}
	a, b := strings.Split(got, "\n"), strings.Split(wanted, "\n")
	return slices.EqualFunc(a, b, func(a, b string) bool { return stable(a) == stable(b) })
}

// firstUnlike is the first line of wanted that got does not have in its place.
func firstUnlike(got, wanted string) string {
	a, b := strings.Split(got, "\n"), strings.Split(wanted, "\n")
	for i, line := range b {
		if line == "…" {
			return " other lines after ...: " + strings.Join(b[i+1:], " / ")
		}
		if i >= len(a) || stable(a[i]) != stable(line) {
			return " in line " + strconv.Itoa(i+1) + ": " + line
		}
	}
	return " fewer lines"
}

// shorten leaves out of got as much as … stands for in the old text.
func shorten(got, old string) string {
	head, tail, cut := strings.Cut("\n"+old+"\n", "\n…\n")
	if !cut {
		return got
	}
	lines := strings.Split(got, "\n")
	h, t := countLines(strings.TrimPrefix(head, "\n")), countLines(strings.TrimSuffix(tail, "\n"))
	if len(lines) < h+t {
		return got
	}
	return strings.Join(slices.Concat(lines[:h], []string{"…"}, lines[len(lines)-t:]), "\n")
}

func countLines(text string) int {
	if text == "" {
		return 0
	}
	return strings.Count(text, "\n") + 1
}

// A syncBuffer is what a program has printed so far.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// await returns when so many lines have been printed, or fails the test after
// 20 s.
func (b *syncBuffer) await(t *testing.T, lines int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for strings.Count(b.String(), "\n") < lines {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Errorf("after 20 s there are fewer than %d lines:\n%s", lines, b)
			return
		}
	}
}

// Pages show commands in blocks that TestPages runs, or with an indent where they
// only say how something is called.
func TestShownCommandsAreRun(t *testing.T) {
	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, block := range fenced(string(text), "") {
				if strings.HasPrefix(block, "$ spafleet") {
					t.Errorf("%s: this block must be ```console:\n%s", name, block)
				}
			}
		}
	}
}
