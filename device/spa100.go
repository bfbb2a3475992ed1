package device

import (
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"strings"

	"spafleet/device/model"
	"spafleet/device/profile"
)

// The documents of an SPA112 and SPA122 have a form of their own (a status
// document of an SPA112 1.4.1(002), a configuration of an SPA122 1.2.1(004):
// field): a declaration, an element a line, an empty one as two tags, no
// attributes. What belongs to the network half stands in sections at the end.

// A plainDoc is such a document in the making.
type plainDoc struct {
	b    []byte
	nest profile.Nest
	last string // the end of the root
}

func newPlainDoc(root string, size int) *plainDoc {
	d := &plainDoc{b: make([]byte, 0, size), last: "</" + root + ">\n"}
	d.b = append(append(append(d.b, "<?xml version=\"1.0\"?>\n<"...), root...), ">\n"...)
	return d
}

func (d *plainDoc) item(name, value string, s profile.Sample) {
	s.Flush = true
	d.b = append(d.nest.Append(d.b, profile.Param{Name: name, Value: value}, s), '\n')
}

func (d *plainDoc) add(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		d.item(pairs[i], pairs[i+1], profile.Sample{})
	}
}

// comment adds an item that is commented out, without its value.
func (d *plainDoc) comment(name string) { d.item(name, "", profile.Sample{Comment: true}) }

func (d *plainDoc) end() []byte { return append(d.nest.Close(d.b), d.last...) }

// flatStatus is the status document. The names of a registration repeat for every
// line; there is no address of the unit in the first part. The counts of the
// network half are those of the document that was seen. That of an SPA122 and
// SPA232D is inferred to be the same.
func (v View) flatStatus() []byte {
	d := newPlainDoc("flat-status", 8<<10)
	for _, e := range v.Product() {
		if e.Name != "MAC_Address" {
			d.add(e.Name, e.Value)
		}
	}
	d.add("Current_Time", v.Clock(), "Elapsed_Time", v.Elapsed())
	for _, name := range messages {
		d.add(name, "0")
	}
	d.add("External_IP", "")
	for n := range v.Unit.Row.Model.Lines {
		v.flatLine(d, n)
	}
	d.add(v.caLabel(), "", "Custom_CA_Info", "Not Installed")
	d.b = append(d.b, '\n')
	v.routerStatus(d)
	return d.end()
}

func (v View) flatLine(d *plainDoc, n int) {
	line := strconv.Itoa(n + 1)
	tail := "_" + line + "_"
	d.add("Hook_State"+tail, v.hook(n),
		"Registration_State", "Not Registered", "Last_Registration_At", "", "Next_Registration_In", "", "Message_Waiting", "No", "Mapped_SIP_Port", "",
		"Call_Back_Active"+tail, "No", "Last_Called_Number"+tail, "", "Last_Caller_Number"+tail, "")
	state := v.lineState(line)
	d.add("Call_1_State"+tail, state, "Call_2_State"+tail, state, "Call_1_Tone"+tail, "None", "Call_2_Tone"+tail, "None")
	for _, name := range spa100CallItems {
		d.add("Call_1_"+name+tail, "", "Call_2_"+name+tail, "")
	}
}

// routerStatus is the part of the network half. The MAC address of its LAN side is
// the next after that of the WAN side. Its session key is a live one, which opens the pages to a script (field).
func (v View) routerStatus(d *plainDoc) {
	const (
		in    = "router-status/"
		count = "4294967260" // a wrapped -36
	)
	u := &v.Unit
	admin, _ := v.AdminLogin()
	next := u.MAC
	next[5]++
	d.add(in+"Status_WAN/Packets_Sent", count, in+"Status_WAN/Packets_Received", count,
		in+"Status_LAN/Port/Packets_Sent", count, in+"Status_LAN/Port/Packets_Received", count,
		in+"WAN_Interface/IP", u.IP.String(), in+"WAN_Interface/Netmask", "", in+"WAN_Interface/Gateway", "",
		in+"WAN_Interface/Manufacture_MAC_Address", strings.ToUpper(u.MAC.Colons()), in+"WAN_Interface/MAC_Address", strings.ToUpper(u.MAC.Colons()),
		in+"LAN_Interface/MAC_Address", strings.ToUpper(next.Colons()),
		in+"DHCP_Server/Server_Name", "DHCPRule_1",
		in+"Status_LED/WAN", "true", in+"Status_LED/LAN", "true",
		in+"Login_User_Name", admin)
	d.comment(in + "Login_User_Password")
	d.add(in+"Session_ID", v.Session(admin), in+"Time_Sync_State", "1", in+"Time_Setting_Valid", "1")
}

// Session returns the key by which the web server of an SPA112, SPA122 and SPA232D knows
// an account once it has logged in: 32 hexadecimal digits that a restart changes. That
// there is one for each account, and it lasts so long, is inferred.
func (v View) Session(account string) string {
	key := md5.Sum([]byte(v.Unit.MAC.String() + strconv.FormatInt(v.Booted, 10) + account))
	return hex.EncodeToString(key[:])
}

// The accounts of the network half, with the passwords of the factory
// (surface-2.md §1.1: documented), which the parameters leave empty.
const (
	loginAdmin = "router-configuration/Web_Login_Admin_"
	loginGuest = "router-configuration/Web_Login_Guest_"
)

// AdminLogin returns the account of the administrator of the web server. Where a
// factory sets no password it is empty.
func (v View) AdminLogin() (name, password string) {
	if v.spa100() {
		return v.login(loginAdmin, "admin")
	}
	return "admin", v.Get(v.Unit.Row.Factory.AdminPassword())
}

// GuestLogin returns the account of an SPA112, SPA122 and SPA232D that sees fewer
// pages.
func (v View) GuestLogin() (name, password string) { return v.login(loginGuest, "cisco") }

func (v View) login(prefix, factory string) (name, password string) {
	name, password = v.Get(prefix+"Name"), v.Get(prefix+"Password")
	if name == "" {
		name = factory
	}
	if password == "" {
		password = factory
	}
	return name, password
}

// config is the saved configuration: every voice parameter in the order of the
// source, then the network half. What it says of an item's choices in comments is
// left out.
func (v View) config() []byte {
	f := v.Params.Factory()
	if f == nil {
		return newPlainDoc("flat-profile", 64).end()
	}
	d := newPlainDoc("flat-profile", 48*len(f.Params))
	voice := true
	for i := range f.Params {
		p := &f.Params[i]
		if !v.Unit.Row.Has(p) {
			continue
		}
		if p.Nested() && voice {
			voice = false
			d.b = append(d.b, '\n')
		}
		if commented(p) {
			d.comment(p.Name)
			continue
		}
		d.add(p.Name, v.configValue(p))
	}
	return d.end()
}

// commented reports whether a configuration has an item in a comment only: the
// secret parameters, and passwords of the network half that the factory leaves
// empty (field).
func commented(p *model.Param) bool {
	return strings.HasPrefix(p.Name, "GPP_S") || p.Nested() && p.Type == "password" && p.Default == ""
}

// configValue is the value of an item. What the unit says of itself is its own; the
// passwords of SNMP are there as they are (field), others that are set as in the
// exports of phones (inferred).
func (v View) configValue(p *model.Param) string {
	value := v.Params.Get(p.ID)
	if !p.Nested() {
		return masked(p, value)
	}
	u := &v.Unit
	version, build, _ := strings.Cut(strings.TrimSuffix(u.Row.Firmware.Version, ")"), "(")
	switch strings.TrimPrefix(p.Name, "router-configuration/") {
	case "Firmware_Version":
		return version
	case "Firmware_Build_Version":
		return build
	case "About_Product/Firmware_Version":
		return version + " (" + build + ")"
	case "System_Model_Number", "About_Product/Product_ID":
		return u.Row.Model.Name
	case "Internet_Option/Host_Name":
		if value == p.Default {
			return u.Row.Model.Name
		}
	case "About_Product/Model":
		return u.Row.Model.Name + strings.TrimPrefix(value, "SPA122")
	case "About_Product/Serial_Number":
		return u.Serial
	}
	return value
}
