package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/model"
)

// An Action is what a device can be ordered to do.
type Action struct {
	Name  string // resync, power-off
	About string
	order device.Order
}

// Actions returns all actions.
func Actions() []Action { return slices.Clone(actions) }

var actions = []Action{
	{"resync", "Resync devices by their own rules", device.Resync},
	{"upgrade", "Have devices upgrade by their own rules", device.Upgrade},
	{"reboot", "Reboot devices", device.Reboot},
	{"power-on", "Give devices power", device.SwitchOn},
	{"power-off", "Take the power from devices", device.SwitchOff},
	{"factory-reset", "Reset devices to their factory values", device.FactoryReset},
	{"off-hook", "Take the receivers of devices off", device.HookOff},
	{"on-hook", "Put the receivers of devices back", device.HookOn},
}

// commandOf returns the command that a request's path names.
func commandOf(r *http.Request) (device.Command, error) {
	name := r.PathValue("action")
	var names []string
	for _, a := range actions {
		if a.Name == name {
			return device.Command{Order: a.order, Cause: model.ByStep}, nil
		}
		names = append(names, a.Name)
	}
	return device.Command{}, failed(http.StatusNotFound, "%w", unknown("action", name, names))
}

// orderPatience is how long a device has to hear a command.
const orderPatience = 10 * time.Second

func orderOne(s Source, r *http.Request) (any, error) {
	c, err := commandOf(r)
	if err != nil {
		return nil, err
	}
	if n, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	} else if n > 0 {
		return nil, failed(http.StatusBadRequest, "an order to one device has no body")
	}
	v, err := named(s, r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), orderPatience)
	defer cancel()
	if err := s.Ask(ctx, v.Unit.Index, c); err != nil {
		return nil, fmt.Errorf("device %d: %w", v.Unit.Index, err)
	}
	return Ordered{Devices: 1}, nil
}

// orderMany orders what a filter selects. It does not wait until they have heard it:
// those without power do not.
func orderMany(s Source, r *http.Request) (any, error) {
	c, err := commandOf(r)
	if err != nil {
		return nil, err
	}
	selection, err := readSelection(r)
	if err != nil {
		return nil, err
	}
	match, err := selection.compile()
	if err != nil {
		return nil, failed(http.StatusBadRequest, "%w", err)
	}
	var ordered Ordered
	for n := range s.Len() {
		if dev := s.Nth(n); match(s, dev) {
			if err := s.Do(r.Context(), dev, c); err != nil {
				return nil, fmt.Errorf("%d devices were ordered, the next one was not: %w", ordered.Devices, err)
			}
			ordered.Devices++
		}
	}
	return ordered, nil
}

// readSelection reads the body of an order to a selection.
func readSelection(r *http.Request) (selection Selection, err error) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return selection, failed(http.StatusUnsupportedMediaType, "the Content-Type %.50q is not application/json", kind)
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err = d.Decode(&selection)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("something stands behind it")
		}
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return selection, err
	case err != nil:
		return selection, failed(http.StatusBadRequest, "the body is not a selection: %w", err)
	case selection.All == (selection.Filter != Filter{}):
		return selection, failed(http.StatusBadRequest, `give a filter such as {"state": "SP-CUST"}, or {"all": true} for each device, and not both`)
	}
	return selection, nil
}
