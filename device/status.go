package device

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"spafleet/device/profile"
)

// Clock returns the time that a device shows, by its own clock.
func (v View) Clock() string {
	return v.Params.Clock().Local(v.Now).Format("1/2/2006 15:04:05")
}

// Elapsed returns the time since the boot in the form of the real pages (field).
func (v View) Elapsed() string {
	s := max(v.Now-v.Booted, 0) / int64(time.Second)
	clock := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	switch days := s / 86400; days {
	case 0:
		return clock
	case 1:
		return "1 day and " + clock
	default:
		return fmt.Sprintf("%d days and %s", days, clock)
	}
}

// HostName returns the device's host name, its family's where none is set.
func (v View) HostName() string {
	if name, _ := v.Params.Lookup("HostName"); name != "" {
		return name
	}
	return v.Unit.Row.Model.Family.HostName.Value
}

// Status returns the items of the device's Info tab, for routers those of their
// Status tab before them, as its pages and exports have them. Names of the parts
// that lines share repeat. The emulated device counts no packet.
//
// Of an SPA962, SPA942, SPA525G2, PAP2T, SPA2102 and SPA8000 the items and their
// order are those of real exports and pages (field). Other models of their families
// are like them; what phones 30x/50x/51x have beside those of 9xx is from the texts
// of 7.6.2f, in places that are inferred. Parts that nobody saw are left out: the
// PSTN line, SPA9000 trunks.
func (v View) Status() []profile.Element {
	elements := make([]profile.Element, 0, 64+72*v.Unit.Row.Model.Lines)
	v.EachStatus(func(e profile.Element) { elements = append(elements, e) })
	return elements
}

// EachStatus tells one item of [View.Status] after the other.
func (v View) EachStatus(tell func(profile.Element)) {
	s := &status{v: &v, tell: tell}
	for _, part := range infoTabs[v.Unit.Row.Model.Family.Name] {
		part(s)
	}
}

// infoTabs are the parts of a family's Info tab, in the order of its exports:
// scripts count their lines, Product_Name on the tenth of an SPA942 (field).
var infoTabs = map[string][]func(*status){
	"Sipura ATA":        ataTab,
	"PAP":               ataTab,
	"Sipura router ATA": routerTab,
	"router ATA":        routerTab,
	"voice router":      routerTab,
	"gateway":           routerTab,
	"IP PBX":            routerTab,
	"SPA100":            routerTab, // of its pages; its document is flatStatus
	"SRP500":            routerTab,
	"phone 9xx":         {(*status).network, (*status).product, (*status).phone, (*status).extensions, (*status).calls, (*status).ringTones},
	"phone 30x/50x":     phone5xxTab,
	"phone 51x":         phone5xxTab,
	"phone 525": {(*status).network525, (*status).product, (*status).phone, (*status).extensions, (*status).calls, (*status).ringTones,
		(*status).tr069, (*status).customCA},
}

var (
	ataTab      = []func(*status){(*status).network, (*status).product, (*status).system, (*status).lines}
	routerTab   = []func(*status){(*status).router, (*status).product, (*status).voice, (*status).lines}
	phone5xxTab = []func(*status){(*status).network, (*status).product, (*status).phone, (*status).reboots, (*status).extensions, (*status).calls,
		(*status).ringTones, (*status).tr069, (*status).customCA}
)

// A status is an Info tab in the making.
type status struct {
	v    *View
	tell func(profile.Element)
}

func (s *status) add(group string, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		s.tell(profile.Element{Group: group, Name: pairs[i], Value: pairs[i+1]})
	}
}

// all adds items that have one value.
func (s *status) all(group, value string, names []string) {
	for _, name := range names {
		s.tell(profile.Element{Group: group, Name: name, Value: value})
	}
}

func (s *status) param(name string) string {
	value, _ := s.v.Params.Lookup(name)
	return value
}

// has reports whether the device's firmware has a parameter.
func (s *status) has(name string) bool {
	_, ok := s.v.Unit.Row.Lookup(name)
	return ok
}

// is525 reports whether the labels are those of the SPA525.
func (s *status) is525() bool { return s.v.Unit.Row.Model.Family.Name == "phone 525" }

// dhcp is the value of the item DHCP. With a static address a PAP2T says Disabled
// and a phone Static IP, its Connection_Type (field).
func (s *status) dhcp() string {
	switch kind := s.param("Connection_Type"); {
	case kind == "DHCP" || s.v.Params.Bool("DHCP", false):
		return "Enabled"
	case kind != "":
		return kind
	}
	return "Disabled"
}

// leased is what a lease says in the place of a parameter, while the address is leased.
func (s *status) leased(name string) string {
	if text := s.v.Network.Says(name); text != "" && s.dhcp() == "Enabled" {
		return text
	}
	return s.param(name)
}

func (s *status) network() {
	s.add("Info/System_Information",
		"DHCP", s.dhcp(),
		"Current_IP", s.v.Unit.IP.String(),
		"Host_Name", s.v.HostName(),
		"Domain", s.leased("Domain"),
		"Current_Netmask", s.leased("NetMask"),
		"Current_Gateway", s.leased("Gateway"),
		"Primary__DNS", s.leased("Primary_DNS"),
		"Secondary__DNS", s.leased("Secondary_DNS"))
}

// network525 is what an SPA525G2 says of its network (field), here of one on a
// cable.
func (s *status) network525() {
	const group = "Info/System_Information"
	ntp := "0"
	if s.v.Params.Bool("NTP_Enable", true) {
		ntp = "1"
	}
	s.add(group,
		"Connection_Type", s.param("Connection_Type"),
		"Current_IP", s.v.Unit.IP.String(),
		"IP_Status", "",
		"Host_Name", s.v.HostName(),
		"Domain", s.leased("Domain"),
		"Current_Netmask", s.leased("NetMask"),
		"Current_Gateway", s.leased("Gateway"),
		"Primary_DNS", s.leased("Primary_DNS"),
		"Secondary_DNS", s.leased("Secondary_DNS"),
		"NTP_Enable", ntp,
		"Primary_NTP_Server", s.param("Primary_NTP_Server"),
		"Secondary_NTP_Server", s.param("Secondary_NTP_Server"),
		"Bluetooth_Enabled", s.param("Enable_BT"),
		"Bluetooth_Firmware_Version", "0.00.34",
		"Bluetooth_Connected", "No",
		"Bluetooth_MAC", "",
		"Connected_Device_ID", "",
		"Wireless_Enabled", s.param("SPA525-wifi-on"),
		"Wireless_Connected", "No")
	s.all(group, "", []string{"Wireless_MAC", "SSID", "Standard_Channel", "Security_Mode"})
	s.add("Info/VPN_Status", "VPN_Connected", "No")
	s.all("Info/VPN_Status", "", []string{"Client_Address", "Client_Netmask", "Bytes_Sent", "Bytes_Recv"})
}

// router is the Status tab of a router's network half, which an SPA2102 and an
// SPA8000 show (field).
func (s *status) router() {
	const group = "Status/System_Status"
	for _, e := range s.v.Product() {
		s.add("Status/Product_Information", e.Name, e.Value)
	}
	s.clock(group)
	s.add(group,
		"Wan_Connection_Type", s.param("Connection_Type"),
		"Current_IP", s.v.Unit.IP.String(),
		"Host_Name", s.v.HostName(),
		"Domain", s.leased("Domain"),
		"Current_Netmask", s.leased("NetMask"),
		"Current_Gateway", s.leased("Gateway"),
		"Primary__DNS", s.leased("Primary_DNS"),
		"Secondary__DNS", s.leased("Secondary_DNS"),
		"LAN_IP_Address", s.param("LAN_IP_Address"))
	s.all(group, "0", broadcasts)
	if s.v.Unit.Row.Model.Family.Name == "gateway" {
		s.add(group, "WAN_Link_Status", "100 Full-duplex")
	}
}

// product is the section by which scrapers know a device. Licenses is an item of
// phones: the pages of a PAP2T, SPA2102, SPA8000 and SPA112 lack it (field).
func (s *status) product() {
	for _, e := range s.v.Product() {
		s.tell(e)
	}
	if s.v.Unit.Row.Model.Family.Phone {
		s.add("Info/Product_Information", "Licenses", "None")
	}
}

func (s *status) clock(group string) {
	s.add(group, "Current_Time", s.v.Clock(), "Elapsed_Time", s.v.Elapsed())
}

// What a device counts.
var (
	broadcasts = []string{"Broadcast_Pkts_Sent", "Broadcast_Bytes_Sent", "Broadcast_Pkts_Recv", "Broadcast_Bytes_Recv",
		"Broadcast_Pkts_Dropped", "Broadcast_Bytes_Dropped"}
	messages = []string{"RTP_Packets_Sent", "RTP_Bytes_Sent", "RTP_Packets_Recv", "RTP_Bytes_Recv",
		"SIP_Messages_Sent", "SIP_Bytes_Sent", "SIP_Messages_Recv", "SIP_Bytes_Recv"}
)

func (s *status) counts(group string) {
	s.clock(group)
	s.all(group, "0", broadcasts)
	s.all(group, "0", messages)
	s.add(group, "External_IP", "")
}

func (s *status) system() { s.counts("Info/System_Status") }

// voice is the system status of a router's voice half. Nobody saw that page; the
// items are those that an SPA112's status document has (field for that).
func (s *status) voice() {
	const group = "Info/System_Status"
	s.clock(group)
	s.all(group, "0", messages)
	s.add(group, "External_IP", "")
}

// phone is a phone's own status. The state of the ports is an item of 5xx (texts of
// 7.6.2f, SPA525G2: field), its words for a cable are inferred.
func (s *status) phone() {
	const group, up = "Info/Phone_Status", "100 Full-duplex"
	s.counts(group)
	switch {
	case s.is525():
		s.add(group, "Operational_VLAN_ID", "N/A", "SW_Port", up)
	case s.v.Unit.Row.Generation >= 3:
		s.add(group, "Operational_VLAN_ID", "n/a", "SW_Port", up, "PC_Port", "Link Down")
	default:
		s.add(group, "Operational_VLAN_ID", "n/a")
	}
}

// reboots is the history of reboots (texts of 7.6.2f), of which the emulated device
// keeps none but the last.
func (s *status) reboots() {
	last := ""
	if word := s.v.Reason.word(); word != "" {
		last = word + s.v.Params.Clock().Local(s.v.Booted).Format("(01/02/2006-15:04:05)")
	}
	s.add("Info/Reboot_History", "Reboot_Reason_1", last)
	s.all("Info/Reboot_History", "", []string{"Reboot_Reason_2", "Reboot_Reason_3", "Reboot_Reason_4", "Reboot_Reason_5"})
}

// extensions are the lines as they are registered. One that does not try has no
// times (field: 9xx, SPA525G2).
func (s *status) extensions() {
	next, unit := "Next_Registration_In", " s"
	if s.is525() {
		next, unit = "Next_Registration_In_Seconds", ""
	}
	hoteling := s.has("Enable_Broadsoft_Hoteling_1_")
	for n := range s.v.Unit.Row.Model.Lines {
		group := "Info/Ext_" + strconv.Itoa(n+1) + "_Status"
		state := "Not Registered"
		if s.v.registration(n + 1).Registered {
			state = "Registered"
		}
		last, in := s.v.registeredAt(n+1, unit)
		s.add(group, "Registration_State", state, "Last_Registration_At", last, next, in, "Message_Waiting", "No", "Mapped_SIP_Port", "")
		if hoteling {
			s.add(group, "Hoteling_State", "Disabled")
		}
	}
}

func (s *status) calls() {
	items := phoneCallItems
	if s.is525() {
		items = phone525CallItems
	}
	for n := range s.v.Unit.Row.Model.Lines {
		state := s.keyState(n + 1)
		for call := range 2 {
			group := "Info/Line_" + strconv.Itoa(n+1) + "_Call_" + strconv.Itoa(call+1) + "_Status"
			s.add(group, "Call_State", state, "Tone", "None")
			s.all(group, "", items)
		}
	}
}

// keyState returns the state of the calls of a line key. The words are field. A key
// without an extension is Disabled, as is one of a disabled extension; the calls of
// an extension that is not registered are No Service (both inferred from two exports).
func (s *status) keyState(key int) string {
	ext := strconv.Itoa(key)
	if to := s.param("Extension_" + ext + "_"); to != "" {
		ext = to
	}
	switch {
	case ext == "Disabled" || !s.v.Params.Bool("Line_Enable_"+ext+"_", true):
		return "Disabled"
	case s.v.Params.Bool("Make_Call_Without_Reg_"+ext+"_", false):
		return "Idle"
	}
	if n, err := strconv.Atoi(ext); err == nil && s.v.registration(n).Registered {
		return "Idle"
	}
	return "No Service"
}

// What is told of a call, and empty while there is none.
var (
	callItems = []string{"Remote_Hold", "Callback", "Peer_Name", "Peer_Phone", "Duration", "Packets_Sent", "Packets_Recv", "Bytes_Sent",
		"Bytes_Recv", "Decode_Latency", "Jitter", "Round_Trip_Delay", "Packets_Lost", "Packet_Error"}
	phoneCallItems    = slices.Concat([]string{"Encoder", "Decoder", "Type"}, callItems, []string{"Mapped_RTP_Port", "Media_Loopback"})
	phone525CallItems = slices.Concat([]string{"Encoder", "Decoder", "Type"}, callItems, []string{"Mapped_RTP_Port", "End_System_Delay", "Loss_Rate",
		"Discard_Rate", "Burst_Duration", "Gap_Duration", "R_Factor", "MOS-LQ", "MOS-CQ", "Media_Loopback"})
	spa100CallItems = slices.Concat([]string{"Encoder", "Decoder", "FAX", "Type"}, callItems)
	ataCallItems    = slices.Concat(spa100CallItems, []string{"Mapped_RTP_Port", "Media_Loopback"})
)

// lines are the sections of an analog unit, both calls of a line in one, item by
// item (PAP2T: field).
func (s *status) lines() {
	for n := range s.v.Unit.Row.Model.Lines {
		line := strconv.Itoa(n + 1)
		group := "Info/Line_" + line + "_Status"
		registration := "Offline"
		if s.v.registration(n + 1).Registered {
			registration = "Online" // inferred
		}
		last, next := s.v.registeredAt(n+1, " s")
		s.add(group, "Display_Name", s.param("Display_Name_"+line+"_"), "User_ID", s.param("User_ID_"+line+"_"), "Hook_State", s.v.hook(n),
			"Registration_State", registration, "Last_Registration_At", last, "Next_Registration_In", next, "Message_Waiting", "No",
			"Call_Back_Active", "No", "Last_Called_Number", "", "Last_Caller_Number", "", "Mapped_SIP_Port", "")
		state := s.v.lineState(line)
		s.add(group, "Call_1_State", state, "Call_2_State", state, "Call_1_Tone", "None", "Call_2_Tone", "None")
		for _, name := range ataCallItems {
			s.add(group, "Call_1_"+name, "", "Call_2_"+name, "")
		}
	}
}

// hook returns the hook state of a line, from 0. The emulated device has one that
// is used.
func (v *View) hook(line int) string {
	if v.InUse && line == 0 {
		return "Off"
	}
	return "On"
}

// lineState returns the state of an analog line's calls; that a disabled line says
// so is inferred from phones.
func (v *View) lineState(line string) string {
	if !v.Params.Bool("Line_Enable_"+line+"_", true) {
		return "Disabled"
	}
	return "Idle"
}

func (s *status) ringTones() {
	s.add("Info/Downloaded_Ring_Tone", "Status", "Idle", "Ring_Tone_1", "Not Installed", "Ring_Tone_2", "Not Installed")
}

// tr069 is the state of the client that phones 51x and 525 have, which the
// emulated device does not run.
func (s *status) tr069() {
	if !s.has("Enable_TR-069") {
		return
	}
	s.add("Info/TR-069_Status", "TR-069_Feature", "Disabled", "Periodic_Inform_Time", "20 s", "Last_Inform_Time", neverDone,
		"Last_Transaction_Status", "", "Last_Session", neverDone+" - "+neverDone, "ParameterKey", "")
}

// neverDone is the time of what was not (field).
const neverDone = "0/0/0 00:00:00"

// customCA is the authority of the operator's, where the firmware takes one. Up to
// 7.5.2b the label is misspelt (texts of both firmwares: field; those between:
// inferred).
func (s *status) customCA() {
	if !s.has("Custom_CA_RULE") && !s.has("Custom_CA_URL") {
		return
	}
	s.add("Info/Custom_CA_Status", s.v.caLabel(), "", "Custom_CA_Info", "Not Installed")
}

func (v View) caLabel() string {
	if v.Unit.Row.Behaviour.Web.MisspeltCA {
		return "Custom_CA_Provisioing_Status"
	}
	return "Custom_CA_Provisioning_Status"
}
