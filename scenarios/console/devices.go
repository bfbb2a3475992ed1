package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/scenarios/report/why"
)

// The most devices of a page, and how many there are where nothing else is asked for.
const (
	MostOfPage  = 500
	defaultPage = 50
)

// A search is what a page of devices is asked for with.
type search struct {
	Filter
	from, limit int
}

// readSearch reads the query of a URL. The error says what is wrong with it.
func readSearch(s Source, u *url.URL) (search, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return search{}, errors.New("the query of the URL is none")
	}
	q := search{limit: defaultPage}
	for name, values := range query {
		field := q.field(name)
		switch {
		case len(values) != 1:
			return q, fmt.Errorf("%.50q is given %d times", name, len(values))
		case name == "from":
			q.from, err = number(values[0], s.Len())
		case name == "limit":
			q.limit, err = number(values[0], MostOfPage)
			if err == nil && q.limit == 0 {
				err = errors.New("a page has at least 1 device")
			}
		case field == nil:
			return q, unknown("field", name, []string{"from", "limit", "mac", "serial", "address", "state", "model"})
		default:
			*field = values[0]
		}
		if err != nil {
			return q, fmt.Errorf("%s: %w", name, err)
		}
	}
	return q, nil
}

// unknown says that there is no such thing, and which there are.
func unknown(what, name string, names []string) error {
	near := model.DidYouMean(name, names)
	if near == "" {
		near = "; there are " + strings.Join(names, ", ")
	}
	return fmt.Errorf("there is no %s %.50q%s", what, name, near)
}

// number reads a number from 0 to most.
func number(text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("%.20q is not a number from 0 to %d", text, most)
	}
	return n, nil
}

func listDevices(s Source, r *http.Request) (any, error) {
	q, err := readSearch(s, r.URL)
	if err != nil {
		return nil, failed(http.StatusBadRequest, "%w", err)
	}
	match, err := q.compile()
	if err != nil {
		return nil, failed(http.StatusBadRequest, "%w", err)
	}
	page := Page{Devices: []Device{}}
	for n := q.from; n < s.Len(); n++ {
		switch dev := s.Nth(n); {
		case n%1024 == 0 && r.Context().Err() != nil:
			return nil, r.Context().Err()
		case !match(s, dev):
		case len(page.Devices) == q.limit:
			page.Next = &n
			return page, nil
		default:
			if v, ok := s.View(dev); ok {
				page.Devices = append(page.Devices, deviceOf(&v))
			}
		}
	}
	return page, nil
}

// named returns the device that a request's path names.
func named(s Source, r *http.Request) (device.View, error) {
	dev, err := find(s, r.PathValue("device"))
	if err != nil {
		return device.View{}, failed(http.StatusNotFound, "%w", err)
	}
	v, ok := s.View(dev)
	if !ok {
		return v, failed(http.StatusNotFound, "there is no device %d here: this process has %s", dev, measure.Counted(s.Len(), "device"))
	}
	return v, nil
}

// mostName is how long the name of a device may be.
const mostName = 64

// find returns the index of a device that a person names: by it, by MAC address or by
// serial number.
func find(s Source, name string) (device.Index, error) {
	if len(name) > mostName {
		return 0, fmt.Errorf("%.20q… is no device: give a MAC address, a serial number or an index", name)
	}
	if n, err := strconv.ParseUint(name, 10, 31); err == nil && len(name) < 8 {
		return device.Index(n), nil
	}
	if mac, err := model.ParseMAC(name); err == nil {
		for n := range s.Len() {
			if dev := s.Nth(n); s.MAC(dev) == mac {
				return dev, nil
			}
		}
	}
	for n := range s.Len() {
		if dev := s.Nth(n); strings.EqualFold(s.Identity(dev).Serial, name) {
			return dev, nil
		}
	}
	u, err := why.Find(name, func(yield func(device.Unit) bool) {
		for n := range s.Len() {
			if !yield(s.Identity(s.Nth(n))) {
				return
			}
		}
	})
	return u.Index, err
}

func oneDevice(s Source, r *http.Request) (any, error) {
	v, err := named(s, r)
	if err != nil {
		return nil, err
	}
	return detailOf(s, &v), nil
}
