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
	"spafleet/scenarios/console/page"
)

// An Action is what a device can be ordered to do.
type Action struct {
	Name   string // resync, power-off
	Label  string
	About  string
	Done   string // what has been done once a device has heard it
	Danger bool   // it stops devices, or takes from them
	order  device.Order
}

// Actions returns all actions.
func Actions() []Action { return slices.Clone(actions) }

var actions = []Action{
	{"resync", "Resync", "Have it ask its server by its own rules", "Ordered to resync", false, device.Resync},
	{"upgrade", "Upgrade", "Have it upgrade by its own rules", "Ordered to upgrade", false, device.Upgrade},
	{"reboot", "Reboot", "Restart it", "Ordered to reboot", true, device.Reboot},
	{"power-on", "Power on", "Give it power", "Given power", false, device.SwitchOn},
	{"power-off", "Power off", "Take its power", "Power taken", true, device.SwitchOff},
	{"factory-reset", "Factory reset", "Reset it to its factory values", "Reset to factory values", true, device.FactoryReset},
	{"off-hook", "Off hook", "Take its handset off", "Handset taken off", false, device.HookOff},
	{"on-hook", "On hook", "Put its handset back", "Handset put back", false, device.HookOn},
}

// actionNamed returns the action of a name.
func actionNamed(name string) (*Action, error) {
	var names []string
	for i := range actions {
		if actions[i].Name == name {
			return &actions[i], nil
		}
		names = append(names, actions[i].Name)
	}
	return nil, unknown("action", name, names)
}

// pageActions are those that a page offers, which has its own hook where there is a
// keypad.
func pageActions(pad *page.Keypad) (list []page.Action) {
	for _, a := range actions {
		if pad == nil || a.order != device.HookOff && a.order != device.HookOn {
			list = append(list, a.shown())
		}
	}
	return append(list, faultAction())
}

func (a *Action) shown() page.Action {
	return page.Action{Name: a.Name, Label: a.Label, About: a.About, Danger: a.Danger}
}

// do has one device do it, and waits until it has heard.
func (a *Action) do(ctx context.Context, s Source, dev device.Index) error {
	ctx, cancel := context.WithTimeout(ctx, orderPatience)
	defer cancel()
	if a.order == device.HookOn {
		return s.HangUp(ctx, dev)
	}
	return s.Ask(ctx, dev, device.Command{Order: a.order, Cause: model.ByStep})
}

// doAll has devices do it. It does not wait until they have heard: those without power do
// not.
func (a *Action) doAll(ctx context.Context, s Source, list []device.Index) error {
	ctx, cancel := context.WithTimeout(ctx, selectionPatience)
	defer cancel()
	for n, dev := range list {
		if err := s.Do(ctx, dev, device.Command{Order: a.order, Cause: model.ByStep}); err != nil {
			return fmt.Errorf("%d devices were ordered, the next one was not: %w", n, err)
		}
	}
	return nil
}

// orderPatience is how long a device has to hear a command, and selectionPatience how long
// the fleet has to take those for a selection. Where time stands still during an attempt,
// that may be as long as a server takes to answer.
const (
	orderPatience     = 10 * time.Second
	selectionPatience = 20 * time.Second
)

func orderOne(s Source, r *http.Request) (any, error) {
	a, err := actionNamed(r.PathValue("action"))
	if err != nil {
		return nil, failed(http.StatusNotFound, "%w", err)
	}
	if n, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	} else if n > 0 {
		return nil, failed(http.StatusBadRequest, "this order to one device has no body")
	}
	v, err := named(s, r)
	if err != nil {
		return nil, err
	}
	if err := a.do(r.Context(), s, v.Unit.Index); err != nil {
		return nil, fmt.Errorf("device %d: %w", v.Unit.Index, err)
	}
	return Ordered{Devices: 1}, nil
}

// orderMany orders what a filter selects.
func orderMany(s Source, r *http.Request) (any, error) {
	a, err := actionNamed(r.PathValue("action"))
	if err != nil {
		return nil, failed(http.StatusNotFound, "%w", err)
	}
	var selection Selection
	if err := readBody(r, &selection); err != nil {
		return nil, err
	}
	list, err := selected(s, selection)
	if err != nil {
		return nil, failed(http.StatusBadRequest, "%w", err)
	}
	if err := a.doAll(r.Context(), s, list); err != nil {
		return nil, err
	}
	return Ordered{Devices: len(list)}, nil
}

// pressAll dials at the keypads of what a filter selects.
func pressAll(s Source, r *http.Request) (any, error) {
	var dial DialAll
	if err := readBody(r, &dial); err != nil {
		return nil, err
	}
	list, err := selected(s, dial.Selection)
	if err != nil {
		return nil, failed(http.StatusBadRequest, "%w", err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), selectionPatience)
	defer cancel()
	menus, err := s.PressAll(ctx, list, dial.Keys)
	if err != nil {
		return nil, fmt.Errorf("%d devices were dialled at, the next one was not: %w", menus, err)
	}
	return Ordered{Devices: menus}, nil
}

// pressKeys dials at the keypad of one device.
func pressKeys(s Source, r *http.Request) (any, error) {
	var dial Dial
	if err := readBody(r, &dial); err != nil {
		return nil, err
	}
	v, err := named(s, r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), orderPatience)
	defer cancel()
	said, err := s.Press(ctx, v.Unit.Index, dial.Keys)
	if err != nil {
		return nil, fmt.Errorf("device %d: %w", v.Unit.Index, err)
	}
	return Heard{Devices: 1, Said: append([]string{}, said...)}, nil
}

// readBody reads the body of an order.
func readBody(r *http.Request, to any) error {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return failed(http.StatusUnsupportedMediaType, "the Content-Type %.50q is not application/json", kind)
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("something stands behind it")
		}
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return err
	case err != nil:
		return failed(http.StatusBadRequest, "the body is not what openapi.json says: %w", err)
	}
	return nil
}
