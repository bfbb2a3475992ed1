package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"spafleet/host"
	"spafleet/scenarios/report"
	"spafleet/scenarios/report/junit"
	"spafleet/scenarios/report/webpage"
)

// A delivery is where a result goes, beside the report that people read.
type delivery struct {
	junit, html string // files; "" for none

	file string    // "" for none, - for a marked line on out
	out  io.Writer // stdout
	url  string    // "" for none
	// pauses are the waits between two tries to POST; nil is a default.
	pauses []time.Duration
}

// check finds out before a run whether its result could be written.
func (d *delivery) check() error {
	if d.file != "" && d.file != "-" {
		if err := host.CheckWrite(d.file); err != nil {
			return fmt.Errorf("--result: %w", err)
		}
	}
	for _, f := range d.rendered() {
		if f.path != "" {
			if err := host.CheckWrite(f.path); err != nil {
				return fmt.Errorf("%s: %w", f.flag, err)
			}
		}
	}
	if d.url == "" {
		return nil
	}
	u, err := url.Parse(d.url)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("--result-url %q is not a URL such as http://collector:8080/results", d.url)
	}
	return nil
}

// A rendering is a form of a report in a file of its own.
type rendering struct {
	flag, path string
	write      func(io.Writer, *report.Report) error
}

func (d *delivery) rendered() []rendering {
	return []rendering{{"--junit", d.junit, junit.Write}, {"--html", d.html, webpage.Write}}
}

func writeRendered(path string, write func(io.Writer, *report.Report) error, r *report.Report) error {
	var b bytes.Buffer
	if err := write(&b, r); err != nil {
		return err
	}
	return host.WriteFile(path, b.Bytes(), 0o644)
}

// plans reports whether the result should hold the plan.
func (d *delivery) plans() bool { return d.html != "" || d.file != "" || d.url != "" }

// send writes a result to every place it is to go to. It outlives the context
// of the run, by half a minute at most.
func (d *delivery) send(ctx context.Context, r *report.Report) error {
	var errs []error
	for _, f := range d.rendered() {
		if f.path != "" {
			errs = append(errs, writeRendered(f.path, f.write, r))
		}
	}
	if d.file == "" && d.url == "" {
		return errors.Join(errs...)
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	switch d.file {
	case "":
	case "-":
		_, err := d.out.Write(frame(r.Shard, line))
		errs = append(errs, err)
	default:
		errs = append(errs, host.WriteFile(d.file, line, 0o644))
	}
	if d.url != "" {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer stop()
		errs = append(errs, d.post(ctx, line))
	}
	return errors.Join(errs...)
}

// frameMark begins the line before a result among other output. Its length and
// digest find the result's line again in a log, also where it was cut or another
// line came between.
const frameMark = "spafleet-result 1 "

// frame returns a marker line, and the result's.
func frame(s *report.Shard, line []byte) []byte {
	text := bytes.TrimSuffix(line, []byte("\n"))
	head := fmt.Sprintf("%sshard=%d/%d attempt=%d bytes=%d sha256=%x\n", frameMark, s.Index, s.Count, s.Attempt, len(text), sha256.Sum256(text))
	return append([]byte(head), line...)
}

// postPauses are the waits between two tries.
var postPauses = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}

// post hands a result over to the URL, and to no other one. It tries again where
// the server is not there or has trouble of its own.
func (d *delivery) post(ctx context.Context, text []byte) error {
	client := &http.Client{
		Timeout:       10 * time.Second,
		Transport:     &http.Transport{DisableKeepAlives: true}, // no proxy either
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	pauses := d.pauses
	if pauses == nil {
		pauses = postPauses
	}
	for try := 0; ; try++ {
		again, err := d.postOnce(ctx, client, text)
		if err == nil || !again || try == len(pauses) {
			return err
		}
		if host.Sleep(ctx, pauses[try]) != nil {
			return err
		}
	}
}

func (d *delivery) postOnce(ctx context.Context, client *http.Client, text []byte) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(text))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return true, fmt.Errorf("--result-url: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
	switch code := response.StatusCode; {
	case code/100 == 2:
		return false, nil
	case code/100 == 5 || code == http.StatusTooManyRequests:
		return true, fmt.Errorf("--result-url %s: %s", d.url, response.Status)
	}
	return false, fmt.Errorf("--result-url %s: %s; redirects are not followed", d.url, response.Status)
}
