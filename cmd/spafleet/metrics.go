package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"spafleet/device/measure"
	"spafleet/host"
	"spafleet/scenarios/tally"
)

// metricsFlags say where a run can be watched, and for how long after its end.
type metricsFlags struct {
	addr   string // address of /metrics, "" for none
	linger time.Duration
	at     string // URL of the metrics while they are served
}

func (f *metricsFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.addr, "metrics", "", "serve Prometheus metrics at this `HOST:PORT`")
	c.Flags().Var(durationFlag{&f.linger}, "linger", "at the end go on serving --metrics and --console for this `TIME`, such as 2m")
}

func (f *metricsFlags) check(also string) error {
	if f.linger > 0 && f.addr == "" && also == "" {
		return fmt.Errorf("--linger needs --metrics or --console: there is nothing to serve after the end")
	}
	return nil
}

// serve opens /metrics, and returns what shows figures there and how to close it.
// Without an address that is nil.
func (f *metricsFlags) serve(log io.Writer) (registry prometheus.Registerer, stop func(), err error) {
	if f.addr == "" {
		return nil, func() {}, nil
	}
	listener, err := net.Listen("tcp", f.addr)
	if err != nil {
		return nil, nil, fmt.Errorf("serve metrics on %s: %w; --metrics takes host:port, port 0 for a free one", f.addr, err)
	}
	shown := prometheus.NewRegistry()
	v := thisVersion()
	shown.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		tally.BuildInfo(v.Version, v.Revision, v.Go))
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(shown, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /{$}", greet)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(log, "spafleet: metrics: %s\n", err)
		}
	}()
	f.at = fmt.Sprintf("http://%s/metrics", listener.Addr())
	fmt.Fprintf(log, "metrics at %s\n", f.at)
	return shown, func() {
		server.Close()
		<-ended
	}, nil
}

var greeting = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>spafleet</title>
<p>A fleet of virtual phones runs here, by spafleet {{.}}. Its figures for Prometheus are at <a href="/metrics">/metrics</a>.</p>
</html>
`))

// greet tells who opens the port in a browser what is there.
func greet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = greeting.Execute(w, thisVersion().line()) // to a closed connection it does not matter
}

// stay waits after the end of a run, until its figures, and what is at other addresses,
// need not be there any longer. A run that was interrupted ends at once.
func (f *metricsFlags) stay(ctx context.Context, log io.Writer, also ...string) {
	at := slices.DeleteFunc(append([]string{f.at}, also...), func(url string) bool { return url == "" })
	if f.linger == 0 || len(at) == 0 || ctx.Err() != nil {
		return
	}
	answers := "answers"
	if len(at) > 1 {
		answers = "answer"
	}
	fmt.Fprintf(log, "the run has ended; %s %s for %s more, Ctrl-C ends that\n", strings.Join(at, " and "), answers, measure.Format(f.linger))
	_ = host.Sleep(ctx, f.linger) // its error says that the context has ended
}
