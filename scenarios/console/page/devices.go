package page

import (
	"io"
	"net/url"
	"strconv"

	"spafleet/fsm"
)

// A Filter is what devices are searched by. "" is any.
type Filter struct{ MAC, Serial, Address, State, Model string }

// fields are a filter's fields as forms name them.
func (f Filter) fields() [][2]string {
	return [][2]string{{"mac", f.MAC}, {"serial", f.Serial}, {"address", f.Address}, {"state", f.State}, {"model", f.Model}}
}

// Fields are those that are set, for the hidden fields of a form.
func (f Filter) Fields() [][2]string {
	var set [][2]string
	for _, field := range f.fields() {
		if field[1] != "" {
			set = append(set, field)
		}
	}
	return set
}

// Query returns the filter as the query of a path, with from and limit where those are
// above 0.
func (f Filter) Query(from, limit int) string {
	q := url.Values{}
	for _, field := range f.Fields() {
		q.Set(field[0], field[1])
	}
	if from > 0 {
		q.Set("from", strconv.Itoa(from))
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return q.Encode()
}

// Devices are those that a search found, a page at a time.
type Devices struct {
	Frame
	Filter Filter
	Models []string // that the fleet has, to choose from
	Fleet  int      // devices
	Found  int      // by the search
	From   int      // how many of those come before Rows
	Limit  int      // rows of a page
	Rows   []Row
	// Mistake says what of the filter cannot be searched by; "": nothing.
	Mistake string
	Actions []Action // for all that were found
}

// A Row is a device of the list.
type Row struct {
	Index    int
	MAC      string
	Serial   string
	Address  string
	Model    string
	Firmware string
	State    string
	Power    string // on, off or booting
	Resyncs  Result
}

// WriteDevices writes the list of devices.
func WriteDevices(w io.Writer, d *Devices) error { return write(w, "devices", "Phones", d.Frame, d) }

// States are those to choose from.
func (d *Devices) States() []string { return fsm.StateNames() }

// To is the place of the last row, counted from 1.
func (d *Devices) To() int { return d.From + len(d.Rows) }

// Previous returns the query of the page before, "" where there is none.
func (d *Devices) Previous() string {
	if d.From <= 0 {
		return ""
	}
	return d.page(max(d.From-d.Limit, 0))
}

// Next returns the query of the next page, "" where there is none.
func (d *Devices) Next() string {
	if len(d.Rows) == 0 || d.To() >= d.Found {
		return ""
	}
	return d.page(d.To())
}

// First and Last are the queries of the first page and of the last.
func (d *Devices) First() string { return d.page(0) }

// Last is the query of the last page.
func (d *Devices) Last() string {
	if d.Limit <= 0 {
		return d.page(0)
	}
	return d.page((max(d.Found, 1) - 1) / d.Limit * d.Limit)
}

func (d *Devices) page(from int) string {
	if q := d.Filter.Query(from, d.Limit); q != "" {
		return "?" + q
	}
	return "?from=0"
}

// Class is the class of a row's state.
func (r Row) Class() string { return classOf(r.State) }

func classOf(state string) string {
	for i, name := range fsm.StateNames() {
		if name == state {
			return "s" + strconv.Itoa(i)
		}
	}
	return ""
}

// FirstRow is the place of the first row, counted from 1.
func (d *Devices) FirstRow() int { return d.From + 1 }
