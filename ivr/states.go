package ivr

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/profile"
)

// What is spoken.
const (
	invitation  = "Configuration menu. Enter an option and pound, or hang up to leave."
	askPassword = "Enter the password and pound."
	askValue    = "Enter the value and pound."
	askDecision = "Press 1 to save, 2 to review, 3 to enter again, star to cancel."
	askConfirm  = "Press 1 to confirm, star to cancel."
	successful  = "Option successful."
	invalid     = "Invalid option."
	badPassword = "Invalid password."
	badValue    = "Invalid value. "
	cancelled   = "Cancelled."
	dhcpIsOn    = "Not possible while DHCP is on."
	protected   = "Factory reset is not allowed."
	nothing     = "none"
)

// knock counts the stars of a caller who is not in the menu yet.
func (m *Menu) knock(key byte) []Action {
	if key != '*' {
		m.typed = ""
		return nil
	}
	m.keep(key)
	if m.typed != "****" {
		return nil
	}
	return m.back(invitation)
}

// choose reads the number of an option. A pound alone does nothing: people
// type it after a confirmation, as the provisioning guide tells them.
func (m *Menu) choose(v device.View, key byte) []Action {
	switch {
	case isDigit(key):
		m.keep(key)
		return nil
	case key == '*' || m.typed == "":
		m.typed = ""
		return nil
	}
	m.item = find(v, m.typed)
	if m.item == nil {
		return m.refuse(invalid)
	}
	if m.item.guarded && m.onDHCP(v) {
		return m.refuse(dhcpIsOn)
	}
	if m.item.does == resetsAll && v.Params.Bool("Protect_IVR_FactoryReset", false) {
		return m.refuse(protected)
	}
	if _, asks := m.item.password(v); asks {
		m.enter(proving)
		return say(askPassword)
	}
	return m.run(v)
}

// prove reads the password, once for every option that asks for one (inferred).
func (m *Menu) prove(v device.View, key byte) []Action {
	switch {
	case isDigit(key):
		m.keep(key)
		return nil
	case key == '*':
		return m.back(cancelled)
	}
	if password, _ := m.item.password(v); m.typed != keypad(password) {
		return m.refuse(badPassword)
	}
	return m.run(v)
}

// run does what the chosen option is for.
func (m *Menu) run(v device.View) []Action {
	switch m.item.does {
	case sets:
		m.enter(entering)
		return say(askValue)
	case resetsAll, resetsUser:
		m.enter(confirming)
		return say(askConfirm)
	case reboots:
		m.reboot = true
		return m.back(successful)
	case helps:
		return m.back(helpText(v))
	}
	return m.back(m.item.speak(v))
}

// entry reads a value. In an address a star is the dot.
func (m *Menu) entry(key byte, double bool) []Action {
	switch {
	case double:
		return m.back(cancelled)
	case isDigit(key):
		m.keep(key)
		return nil
	case key == '*':
		if m.item.values == nil {
			m.keep('.')
		}
		return nil
	}
	value, ok := m.item.read(m.typed)
	if !ok {
		m.enter(entering)
		return []Action{{Say: badValue + askValue, Refused: true}}
	}
	m.value = value
	m.enter(deciding)
	return say(m.review())
}

func (m *Menu) review() string { return m.item.What + " " + m.item.named(m.value) + ". " + askDecision }

// decide saves, repeats or drops a value.
func (m *Menu) decide(v device.View, key byte) []Action {
	switch key {
	case '1':
		m.save(v)
		return m.back(successful)
	case '3':
		m.enter(entering)
		return say(askValue)
	case '*':
		return m.back(cancelled)
	}
	return say(m.review())
}

// save keeps a value until the caller hangs up. A later value of the same
// parameter takes its place.
func (m *Menu) save(v device.View) {
	p, _ := v.Unit.Row.Factory.Lookup(m.item.param)
	whole := v.Params.Get(p.ID)
	for _, s := range m.saved {
		if s.ID == p.ID {
			whole = s.Value
		}
	}
	m.saved = put(m.saved, device.Set{ID: p.ID, Value: m.item.within(whole, m.value), Has: true})
}

// put adds a value to a list, in the place of an earlier one of the same parameter.
func put(list []device.Set, s device.Set) []device.Set {
	if i := slices.IndexFunc(list, func(other device.Set) bool { return other.ID == s.ID }); i >= 0 {
		list[i] = s
		return list
	}
	return append(list, s)
}

// confirm waits for a 1. What was saved in the call before a reset of it is lost. The
// pound of RESET#1#, which the provisioning guide prints, finds the caller in the menu
// again, where it does nothing.
func (m *Menu) confirm(v device.View, key byte) []Action {
	switch {
	case key == '*':
		return m.back(cancelled)
	case key != '1':
		return say(askConfirm)
	}
	if m.item.does == resetsAll {
		m.saved = nil
	} else {
		m.saved = slices.DeleteFunc(m.saved, func(s device.Set) bool { return v.Params.Access(s.ID) == profile.ReadWrite })
	}
	if v.Unit.Row.Behaviour.IVR.ResetsAtOnce {
		return m.resetNow(v)
	}
	if m.reset != resetsAll {
		m.reset = m.item.does
	}
	return m.back(successful)
}

// resetNow resets while the caller listens. A factory reset ends the call.
func (m *Menu) resetNow(v device.View) []Action {
	if m.item.does == resetsAll {
		*m = Menu{last: m.last}
		return []Action{do(successful, device.Command{Order: device.FactoryReset})}
	}
	m.enter(choosing)
	changes := userSets(v)
	if len(changes) == 0 {
		return say(successful)
	}
	return []Action{do(successful, device.Command{Order: device.SetParams, Sets: changes})}
}

// onDHCP reports whether the address is leased, as it will be when what was
// saved in this call has taken effect (inferred).
func (m *Menu) onDHCP(v device.View) bool {
	p, _ := v.Params.With(new(device.Layers), m.saved)
	kind, _ := p.Lookup("Connection_Type")
	kind1xx, _ := p.Lookup(connection1xx)
	return p.Bool("DHCP", false) || strings.Contains(kind, "DHCP") || kind1xx == dhcp1xx
}

// password returns what an option asks for before it does anything, and whether it
// asks. Without an administrator's password nothing asks for it (documented).
func (i *item) password(v device.View) (password string, asks bool) {
	b := &v.Unit.Row.Behaviour.IVR
	admin := adminPassword(v)
	switch {
	case i.does == resetsAll:
		return admin, admin != "" && b.ResetAsks
	case i.does != sets && i.does != resetsUser:
		return "", false
	case b.UserSettings == "admin" || i.does == sets && !i.users(v):
		return admin, admin != ""
	}
	user, _ := v.Params.Lookup("User_Password")
	return user, b.UserSettings == "user"
}

// adminPassword returns the administrator's: one of the keypad's own where the model
// has it, else that of the web pages.
func adminPassword(v device.View) string {
	f := v.Unit.Row.Factory
	name := "IVR_Admin_Passwd"
	if _, own := f.Lookup(name); !own {
		name = f.AdminPassword()
	}
	p, _ := v.Params.Lookup(name)
	return cmp.Or(p, v.Unit.Row.Behaviour.IVR.Password)
}

// read turns typed keys into a value of the option's parameter.
func (i *item) read(typed string) (string, bool) {
	if i.values == nil {
		a, err := netip.ParseAddr(typed)
		return typed, err == nil && a.Is4()
	}
	if len(typed) != 1 || int(typed[0]-'0') >= len(i.values) {
		return "", false
	}
	return i.values[typed[0]-'0'], true
}
