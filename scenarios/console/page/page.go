// Package page has the pages of the console: what they show as plain values, and the
// HTML, style and script that show it. It knows no HTTP, no fleet and no token.
//
// A page is written by its function, such as [WriteOverview]. Its live part, which the
// script replaces, is written alone by [WriteLive] and [WriteLiveDevice]. All texts may be
// hostile; they are escaped. Secrets are for the caller to leave out.
//
// The script opens /live as the page says, and listens for two events: "live", whose data
// is the HTML of the live part, and "ended", whose data is a sentence: the run has ended
// and nothing follows. A form that it sends itself, without leaving the page, has the
// header Spafleet-Script: 1; it takes the notice and the keypad from the page of the answer.
package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"strconv"

	"spafleet/scenarios/report"
	"spafleet/scenarios/report/webpage"
)

//go:embed page.css
var style string

//go:embed page.js
var script []byte

//go:embed page.svg
var icon []byte

//go:embed *.html
var files embed.FS

var parsed = template.Must(template.New("").Funcs(template.FuncMap{
	"count": webpage.Count, "counted": counted, "seconds": report.Seconds, "percent": percent, "perSecond": perSecond, "cut": cut, "clock": clock, "stamp": stamp, "relative": relative,
	"lasted": lasted,
}).ParseFS(files, "*.html"))

// Style returns the style of all pages.
func Style() []byte { return []byte(string(webpage.Style()) + style) }

// Script returns the script of all pages. Without it, pages show how things stood when
// they were loaded.
func Script() []byte { return script }

// Icon returns the picture of the window, an SVG; pages look for it at /console.svg.
func Icon() []byte { return icon }

// A Frame is what all pages have.
type Frame struct {
	Title string // of the window; "": the page knows one
	Run   string // what runs: the name of a scenario
	CSRF  string // goes back with each form as csrf
	Said  string // what came of an order, said once
	Wrong bool   // Said is of something that was refused
}

// An Action is what devices can be ordered to do.
type Action struct {
	Name   string // as in the path of the form: factory-reset
	Label  string // Factory reset
	About  string // Reset devices to their factory values
	Danger bool   // it stops devices or takes from them: it is asked for apart
	Input  string // name of the field with which the form says more; "": it says no more
	// Choices are the values of Input. Where there are none, any text is one.
	Choices []Choice
}

// A Choice is a value that a form offers.
type Choice struct{ Value, Label string }

// A Login asks for the token.
type Login struct{ Frame }

// WriteLogin writes the page that asks for the token.
func WriteLogin(w io.Writer, l *Login) error { return write(w, "login", "Log in", l.Frame, l) }

// A Message is a page that says one thing: that there is no such device, that the fleet
// has not started.
type Message struct {
	Frame
	Heading, Text string
}

// WriteMessage writes a page that says one thing.
func WriteMessage(w io.Writer, m *Message) error { return write(w, "message", m.Heading, m.Frame, m) }

// A Confirm asks whether an order is meant. Its form goes to the same path with sure=1.
type Confirm struct {
	Frame
	Action Action
	Value  string // of the action's Input
	// Device is what the order is for where that is one: its MAC address, and the index.
	Device string
	Index  int
	// Filter is what it is for otherwise; empty: for all.
	Filter  Filter
	Devices int
}

// WriteConfirm writes the page that asks whether an order is meant.
func WriteConfirm(w io.Writer, c *Confirm) error {
	return write(w, "confirm", c.Order()+"?", c.Frame, c)
}

// Order is what is to be confirmed: Reboot 1 204 phones.
func (c *Confirm) Order() string {
	if c.Device != "" {
		return c.Action.Label + " phone " + c.Device
	}
	return c.Action.Label + " " + counted(c.Devices, "phone")
}

// Back is where who does not mean it goes.
func (c *Confirm) Back() string {
	switch query := c.Filter.Query(0, 0); {
	case c.Device != "":
		return "/devices/" + strconv.Itoa(c.Index)
	case query != "":
		return "/devices?" + query
	}
	return "/devices"
}

// window is what the head of a page shows.
type window struct {
	Frame
	Here string // the page
	Page any
}

// write writes a page by its template, at once or not at all.
func write(w io.Writer, name, title string, f Frame, page any) error {
	if f.Title == "" {
		f.Title = title
	}
	var body bytes.Buffer
	if err := parsed.ExecuteTemplate(&body, name, page); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	var b bytes.Buffer
	v := window{f, name, template.HTML(body.String())} //nolint:gosec // made by the template
	if err := parsed.ExecuteTemplate(&b, "frame", v); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	_, err := b.WriteTo(w)
	return err
}

// part writes a template alone.
func part(w io.Writer, name string, value any) error {
	var b bytes.Buffer
	if err := parsed.ExecuteTemplate(&b, name, value); err != nil {
		return fmt.Errorf("live part of a page: %w", err)
	}
	_, err := b.WriteTo(w)
	return err
}
