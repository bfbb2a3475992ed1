package device

import (
	"fmt"
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

// Status returns the items of the device's Info tab, as its exports have them:
// the network first, then the product, so that Product_Name is on the tenth line
// of an export and MAC_Address on the fourteenth (field: scripts count). Names of
// the parts that lines share repeat.
//
// Sections and items are those of an SPA942's export and a PAP2T's page (field);
// other families, and values of an unregistered line, are inferred from them.
func (v View) Status() []profile.Element {
	s := statusOf(&v)
	s.network()
	s.product()
	if v.Unit.Row.Model.Family.Phone {
		s.counters("Info/Phone_Status")
		s.add("Info/Phone_Status", "Operational_VLAN_ID", "n/a")
		s.extensions()
		s.calls()
		return s.elements
	}
	s.counters("Info/System_Status")
	s.lines()
	return s.elements
}

// A status is an Info tab in the making.
type status struct {
	v        *View
	elements []profile.Element
}

func statusOf(v *View) *status {
	return &status{v: v, elements: make([]profile.Element, 0, 48+64*v.Unit.Row.Model.Lines)}
}

func (s *status) add(group string, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		s.elements = append(s.elements, profile.Element{Group: group, Name: pairs[i], Value: pairs[i+1]})
	}
}

func (s *status) param(name string) string {
	value, _ := s.v.Params.Lookup(name)
	return value
}

func (s *status) network() {
	dhcp := "Disabled"
	if s.param("Connection_Type") == "DHCP" || s.v.Params.Bool("DHCP", false) {
		dhcp = "Enabled"
	}
	s.add("Info/System_Information",
		"DHCP", dhcp,
		"Current_IP", s.v.Unit.IP.String(),
		"Host_Name", s.v.HostName(),
		"Domain", s.param("Domain"),
		"Current_Netmask", s.param("NetMask"),
		"Current_Gateway", s.param("Gateway"),
		"Primary__DNS", s.param("Primary_DNS"),
		"Secondary__DNS", s.param("Secondary_DNS"))
}

func (s *status) product() {
	s.elements = append(s.elements, s.v.Product()...)
	s.add("Info/Product_Information", "Licenses", "None")
}

func (s *status) counters(group string) {
	s.add(group, "Current_Time", s.v.Clock(), "Elapsed_Time", s.v.Elapsed())
	for _, name := range [...]string{"Broadcast_Pkts_Sent", "Broadcast_Bytes_Sent", "Broadcast_Pkts_Recv", "Broadcast_Bytes_Recv",
		"Broadcast_Pkts_Dropped", "Broadcast_Bytes_Dropped", "RTP_Packets_Sent", "RTP_Bytes_Sent", "RTP_Packets_Recv", "RTP_Bytes_Recv",
		"SIP_Messages_Sent", "SIP_Bytes_Sent", "SIP_Messages_Recv", "SIP_Bytes_Recv"} {
		s.add(group, name, "0")
	}
	s.add(group, "External_IP", "")
}

// neverRegistered is the time of a registration that was not (field).
const neverRegistered = "0/0/0 00:00:00"

func (s *status) registration(group, state string) {
	s.add(group, "Registration_State", state, "Last_Registration_At", neverRegistered, "Next_Registration_In", "0 s", "Message_Waiting", "No")
}

func (s *status) extensions() {
	for n := range s.v.Unit.Row.Model.Lines {
		group := "Info/Ext_" + strconv.Itoa(n+1) + "_Status"
		s.registration(group, "Not Registered")
		s.add(group, "Mapped_SIP_Port", "")
	}
}

func (s *status) calls() {
	for n := range s.v.Unit.Row.Model.Lines {
		for call := range 2 {
			group := fmt.Sprintf("Info/Line_%d_Call_%d_Status", n+1, call+1)
			s.add(group, "Call_State", s.callState(n+1))
			for _, name := range callItems {
				s.add(group, name, "")
			}
		}
	}
}

// callState returns a call's state (field for the words).
func (s *status) callState(line int) string {
	if !s.v.Params.Bool("Line_Enable_"+strconv.Itoa(line)+"_", true) {
		return "Disabled"
	}
	return "Idle"
}

// callItems are what is told of a call, and empty while there is none.
var callItems = [...]string{"Tone", "Encoder", "Decoder", "Type", "Remote_Hold", "Callback", "Peer_Name", "Peer_Phone", "Duration",
	"Packets_Sent", "Packets_Recv", "Bytes_Sent", "Bytes_Recv", "Decode_Latency", "Jitter", "Round_Trip_Delay", "Packets_Lost",
	"Packet_Error", "Mapped_RTP_Port", "Media_Loopback"}

// lines are the sections of an analog unit, both calls of a line in one.
func (s *status) lines() {
	for n := range s.v.Unit.Row.Model.Lines {
		line := strconv.Itoa(n + 1)
		group, hook := "Info/Line_"+line+"_Status", "On"
		if s.v.InUse && n == 0 {
			hook = "Off"
		}
		s.add(group, "Display_Name", s.param("Display_Name_"+line+"_"), "User_ID", s.param("User_ID_"+line+"_"), "Hook_State", hook)
		s.registration(group, "Offline")
		s.add(group, "Call_Back_Active", "No", "Last_Called_Number", "", "Last_Caller_Number", "", "Mapped_SIP_Port", "")
		for call := range 2 {
			prefix := fmt.Sprintf("Call_%d_", call+1)
			s.add(group, prefix+"State", s.callState(n+1), prefix+"FAX", "")
			for _, name := range callItems {
				s.add(group, prefix+name, "")
			}
		}
	}
}
