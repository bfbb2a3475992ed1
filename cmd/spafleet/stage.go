package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"spafleet/fleet"
	"spafleet/host"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// A stage runs one story for a command: it shows progress, serves metrics, and
// prints the report.
type stage struct {
	streams
	json    bool
	metrics string // address of /metrics, "" for none
	events  string // file that takes the events, "" for none
	hello   func(io.Writer, *run.Live)
	options run.Options
	results delivery
}

// play acts a story out. The error is an exit code, or says why it could not
// run.
func (st *stage) play(ctx context.Context, s *scenarios.Scenario) error {
	if err := st.results.check(); err != nil {
		return err
	}
	defer host.TuneGC()()
	stopMetrics, err := st.serveMetrics()
	if err != nil {
		return err
	}
	defer stopMetrics()
	closeEvents, err := st.eventsFile()
	if err != nil {
		return err
	}
	st.options.Saved = st.saved
	progress := newProgress(st.err, s.Name)
	st.options.Listening = func(l *run.Live) {
		for _, n := range l.Notes {
			fmt.Fprintf(st.err, "note: %s\n", n)
		}
		if !l.Resumed.IsZero() {
			fmt.Fprintf(st.err, "resumed from %s: %d devices as of %s\n", st.options.State, l.Fleet.Len(), l.Resumed.UTC().Format(time.RFC3339))
		}
		if at := st.options.StartAt; !at.IsZero() {
			fmt.Fprintf(st.err, "the devices are powered on at %s\n", at.Format(time.RFC3339))
		}
	}
	st.options.Started = func(l *run.Live) {
		if st.hello != nil {
			st.hello(st.err, l)
		}
		progress.start(l)
	}
	st.options.Decided = func(r *report.Report) {
		progress.end()
		st.print(r)
		if st.options.Keep && r.Verdict != report.Interrupted {
			fmt.Fprintln(st.err, "\nrunning until Ctrl-C")
		}
	}
	result, err := run.Run(ctx, s, st.options)
	err = errors.Join(err, closeEvents())
	if err != nil {
		return err
	}
	if err := st.results.send(ctx, result); err != nil {
		fmt.Fprintf(st.err, "spafleet: the result was not delivered: %s\n", err)
		return exitWith(exitError)
	}
	if result.Exit != exitOK {
		return exitWith(result.Exit)
	}
	return nil
}

// saved tells of a fleet that could not be saved: the run goes on.
func (st *stage) saved(s fleet.Snapshot) {
	if s.Err != nil {
		fmt.Fprintf(st.err, "spafleet: %s\n", s.Err)
	}
}

func (st *stage) print(r *report.Report) {
	if st.json {
		_ = writeJSON(st.out, r) // a closed pipe is nobody's trouble
		return
	}
	if _, terminal := host.Terminal(st.err); terminal {
		fmt.Fprintln(st.err)
	}
	report.WriteText(st.out, r)
}

// serveMetrics opens /metrics, and returns how to close it.
func (st *stage) serveMetrics() (stop func(), err error) {
	if st.metrics == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", st.metrics)
	if err != nil {
		return nil, fmt.Errorf("serve metrics on %s: %w; --metrics takes host:port, port 0 for a free one", st.metrics, err)
	}
	registry := prometheus.NewRegistry()
	v := thisVersion()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		report.BuildInfo(v.Version, v.Revision, v.Go))
	st.options.Registry = registry
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(st.err, "spafleet: metrics: %s\n", err)
		}
	}()
	fmt.Fprintf(st.err, "metrics at http://%s/metrics\n", listener.Addr())
	return func() {
		server.Close()
		<-ended
	}, nil
}
