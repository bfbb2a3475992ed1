package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
	"unicode/utf8"

	"spafleet/device/profile"
)

// A decoder is a program of the user's that turns a file compiled by the vendor's
// tool into source text: the file comes on its standard input, the text leaves on
// its standard output. What it may need to know of the device is in its
// environment: SPAFLEET_MAC (12 lower-case digits), SPAFLEET_FAMILY and
// SPAFLEET_KEY, empty where they are not known.
type decoder struct {
	Program  string        // run without a shell and without arguments
	Patience time.Duration // 0: 10 s
	Most     int           // bytes of source text; 0: 1 MiB
}

const (
	decoderPatience = 10 * time.Second
	decoderMost     = 1 << 20
	// decoderGrace is how long what the program left behind may hold its pipes.
	decoderGrace = time.Second
)

// forDevice returns the function for [profile.Options.External] of one device and
// rule: MAC, Family and Key of the options count. It ends with ctx.
func (d decoder) forDevice(ctx context.Context, o profile.Options) func([]byte) (string, error) {
	return func(body []byte) (string, error) { return d.run(ctx, o, body) }
}

// run runs the program once. A program that fails, takes too long or says too
// much is an error.
func (d decoder) run(ctx context.Context, o profile.Options, body []byte) (string, error) {
	patience := d.Patience
	if patience <= 0 {
		patience = decoderPatience
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, say := bounded{most: d.most(), full: cancel}, bounded{most: 4 << 10}
	c := exec.CommandContext(ctx, d.Program)
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(body), &out, &say
	c.Env = append(os.Environ(), "SPAFLEET_MAC="+o.MAC, "SPAFLEET_FAMILY="+o.Family, "SPAFLEET_KEY="+o.Key)
	c.WaitDelay = decoderGrace
	err := c.Run()
	switch {
	case out.over:
		err = fmt.Errorf("it printed more than %d bytes", out.most)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("it did not end within %v", patience)
	case err != nil && say.firstLine() != "":
		err = fmt.Errorf("%w: %s", err, say.firstLine())
	case err == nil && !utf8.Valid(out.kept.Bytes()):
		err = errors.New("its output is not text")
	}
	if err != nil {
		return "", fmt.Errorf("run %s: %w", d.Program, err)
	}
	return out.kept.String(), nil
}

func (d decoder) most() int {
	if d.Most <= 0 {
		return decoderMost
	}
	return d.Most
}

// bounded keeps the first bytes that are written to it. It takes the rest too, so
// that only full, if it is set, ends the writer.
type bounded struct {
	kept bytes.Buffer // not embedded: io.Copy would find its ReadFrom
	most int
	over bool
	full func()
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), b.most-b.kept.Len())
	b.kept.Write(p[:keep])
	if keep < len(p) {
		b.over = true
		if b.full != nil {
			b.full()
		}
	}
	return len(p), nil
}

func (b *bounded) firstLine() string {
	line, _, _ := strings.Cut(strings.TrimSpace(b.kept.String()), "\n")
	return oneLine(line)
}
