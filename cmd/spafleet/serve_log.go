package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"spafleet/prov"
)

// A requestLog prints requests as they are answered.
type requestLog struct {
	json bool

	mu       sync.Mutex
	w        io.Writer
	requests int
	refused  int
}

// What a server says, each object with an event.
type (
	serverUp struct {
		Event string   `json:"event"` // listening
		Root  string   `json:"root"`
		TFTP  string   `json:"tftp,omitempty"`
		HTTP  string   `json:"http,omitempty"`
		HTTPS []string `json:"https,omitempty"`
		SIP   string   `json:"sip,omitempty"`
		Try   string   `json:"try,omitempty"`
	}
	serverRequest struct {
		Event     string    `json:"event"` // request
		Time      time.Time `json:"time"`
		From      string    `json:"from"`
		MAC       string    `json:"mac,omitempty"` // of the device, where it is known
		Scheme    string    `json:"scheme"`
		Method    string    `json:"method"`
		Path      string    `json:"path"`
		Status    int       `json:"status"`
		Bytes     int       `json:"bytes"`
		UserAgent string    `json:"user_agent,omitempty"`
		TLS       string    `json:"tls,omitempty"`    // version and suite
		Client    string    `json:"client,omitempty"` // subject of its certificate
		Seconds   float64   `json:"seconds"`
		Error     string    `json:"error,omitempty"`
	}
	serverDown struct {
		Event    string `json:"event"` // stopped
		Requests int    `json:"requests"`
		Refused  int    `json:"refused"`
	}
)

// hello opens the servers and says where they listen, before the first request. The
// registrar may be nil.
func (l *requestLog) hello(root string, server *prov.Server, registrar *prov.SIPServer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := server.Open(); err != nil {
		return err
	}
	up := serverUp{Event: "listening", Root: root}
	if registrar != nil {
		if err := registrar.Open(); err != nil {
			server.Close()
			return err
		}
		up.SIP = registrar.At().String()
	}
	if a := server.TFTP(); a.IsValid() {
		up.TFTP, up.Try = a.String(), curlExample("tftp", a, root)
	}
	if a := server.HTTP(); a.IsValid() {
		up.HTTP, up.Try = a.String(), curlExample("http", a, root)
	}
	for _, a := range server.HTTPSAt() {
		up.HTTPS = append(up.HTTPS, a.String())
	}
	l.print(up, up.text)
	return nil
}

func (l *requestLog) tell(line prov.Line) {
	r := serverRequest{
		Event: "request", Time: time.Unix(0, line.At), From: line.Source.String(), MAC: line.MAC, Scheme: line.Scheme, Method: line.Method,
		Path: line.Path, Status: line.Status, Bytes: line.Bytes, UserAgent: line.UserAgent, Seconds: line.Took.Seconds(),
		TLS: line.TLS,
	}
	if line.Client != nil {
		r.Client = line.Client.Name
	}
	if line.Err != nil {
		r.Error = line.Err.Error()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	if r.Status >= 400 || r.Error != "" {
		l.refused++
	}
	l.print(r, r.text)
}

func (l *requestLog) bye() {
	l.mu.Lock()
	defer l.mu.Unlock()
	down := serverDown{"stopped", l.requests, l.refused}
	l.print(down, down.text)
}

// print writes one of the values above as JSON, or as its text.
func (l *requestLog) print(v any, text func() string) {
	if l.json {
		_ = json.NewEncoder(l.w).Encode(v) // a closed pipe is nobody's trouble
		return
	}
	io.WriteString(l.w, text())
}

func (u serverUp) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "serving %s until Ctrl-C\n", u.Root)
	rows := [][]string{}
	for _, at := range [][2]string{{"tftp", u.TFTP}, {"http", u.HTTP}, {"https", strings.Join(u.HTTPS, " ")}, {"sip", u.SIP}, {"try", u.Try}} {
		if at[1] != "" {
			rows = append(rows, at[:])
		}
	}
	writeTable(&b, "  ", rows)
	if u.Try == "" && u.TFTP+u.HTTP != "" {
		b.WriteString("  the directory holds no files yet\n")
	}
	fmt.Fprintf(&b, "\n"+requestFormat+" %6s %8s\n", "TIME", "FROM", "DEVICE", "VIA", "METHOD", "PATH", "STATUS", "BYTES")
	return b.String()
}

const requestFormat = "%-12s  %-15s  %-12s  %-5s  %-7s  %-32s"

func (r serverRequest) text() string {
	mac := r.MAC
	if mac == "" {
		mac = "-"
	}
	line := fmt.Sprintf(requestFormat+" %6d %8d", r.Time.Format("15:04:05.000"), r.From, mac, r.Scheme, r.Method, oneLine(r.Path), r.Status, r.Bytes)
	if r.TLS != "" {
		line += "  " + r.TLS
	}
	if r.Client != "" {
		line += ", " + oneLine(r.Client)
	}
	if r.Error != "" {
		line += "  " + oneLine(r.Error)
	}
	return line + "\n"
}

func (d serverDown) text() string {
	return fmt.Sprintf("stopped; requests: %d, refused: %d\n", d.Requests, d.Refused)
}
