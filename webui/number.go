package webui

import (
	"math/bits"
	"strconv"
	"strings"

	"spafleet/device/model"
	"spafleet/device/rule"
)

// Fields of a form are named by numbers: field = rol16(index, 6) XOR 0x726F, where the
// index is the firmware's own number of the parameter. The formula held for all of
// some 130 fields of captured pages (field). Few indexes are known; the others are
// this program's: ownIndexes and the place in the model's factory set. So they
// differ from real ones, as those of two firmwares do: scripts read the page first.
const (
	fieldMask  = 0x726F
	ownIndexes = 8192
)

func numberOf(index uint16) uint16 { return bits.RotateLeft16(index, 6) ^ fieldMask }

func indexOf(field uint16) uint16 { return bits.RotateLeft16(field^fieldMask, -6) }

// A numbering is the known indexes of a family and firmware (device-surface.md §1.7,
// surface-2.md §2.1: field, except the indexes of lines behind the first, which
// follow from the step: field for ATAs and 5xx).
type numbering struct {
	known map[string]uint16
	step  uint16 // between the indexes of two lines or users; 0: not known
}

var (
	ataNumbers = numbering{step: 320, known: map[string]uint16{
		"HostName": 17, "Domain": 18, "DHCP": 19, "Static_IP": 23, "NetMask": 24, "Gateway": 25, "Primary_DNS": 26, "Secondary_DNS": 27,
		"Connection_Type": 3072, "PPPOE_Login_Name": 3073, "PPPOE_Login_Password": 3074, "User_Password": 976,
		"Proxy_1_": 452, "Register_1_": 455, "Register_Expires_1_": 456, "Display_Name_1_": 457, "User_ID_1_": 458, "Password_1_": 459,
		"Use_Auth_ID_1_": 460, "Auth_ID_1_": 461, "SIP_Port_1_": 998, "SIP_Port_2_": 81,
		"Cfwd_All_Dest_1_": 220, "Cfwd_Busy_Dest_1_": 221, "Cfwd_No_Ans_Dest_1_": 222, "Cfwd_No_Ans_Delay_1_": 223,
	}}
	phone9xxNumbers = numbering{known: map[string]uint16{"HostName": 22}}
	phone962Numbers = numbering{known: map[string]uint16{"HostName": 22, "Speed_Dial_2": 1151}}
	phone5xxNumbers = numbering{step: 131, known: map[string]uint16{
		"HostName": 22, "Domain": 23, "Connection_Type": 25, "Static_IP": 26, "NetMask": 27, "Gateway": 28, "Primary_DNS": 30, "Secondary_DNS": 31,
		"DNS_Query_Mode": 33, "Debug_Server": 35, "Debug_Level": 36, "User_Password": 42, "RTP_Port_Min": 266, "RTP_Port_Max": 267,
		"SIP_Port_1_": 531, "Proxy_1_": 532, "Register_1_": 535, "Register_Expires_1_": 536, "Display_Name_1_": 537, "User_ID_1_": 538,
		"Password_1_": 539, "Use_Auth_ID_1_": 540, "Auth_ID_1_": 541,
	}}
	phone76Numbers = numbering{known: map[string]uint16{"HostName": 22, "Debug_Server": 35, "Speed_Dial_2": 2876, "DND_Setting": 2885}}
	noNumbers      numbering
)

// numberingOf returns the known numbers of a firmware. Those of a model are taken for
// its family (inferred).
func numberingOf(r *model.Row) *numbering {
	switch f := r.Model.Family; {
	case f.Name == "SPA100" || f.Name == "SRP500":
		return &noNumbers
	case !f.Phone:
		return &ataNumbers
	case r.Model.Name == "SPA962":
		return &phone962Numbers
	case r.Generation < 3:
		return &phone9xxNumbers
	case rule.CompareVersions(r.Firmware.Version, "7.6", false) >= 0:
		return &phone76Numbers
	}
	return &phone5xxNumbers
}

// all returns the numbers of a set's parameters.
func (n *numbering) all(f *model.Factory) map[model.ID]uint16 {
	numbers := make(map[model.ID]uint16, len(f.Params))
	for i := range f.Params {
		p := &f.Params[i]
		index, ok := n.index(p.Name)
		if !ok {
			index = ownIndexes + uint16(i)
		}
		numbers[p.ID] = numberOf(index)
	}
	return numbers
}

// index returns the known index of a name: its own, or that of the like-named one of
// line 1 and the steps to its line.
func (n *numbering) index(name string) (uint16, bool) {
	if index, ok := n.known[name]; ok {
		return index, true
	}
	bare := strings.TrimSuffix(name, "_")
	at := strings.LastIndexByte(bare, '_')
	if at < 0 || bare == name || n.step == 0 {
		return 0, false
	}
	line, err := strconv.ParseUint(bare[at+1:], 10, 8)
	if err != nil || line < 1 {
		return 0, false
	}
	first, ok := n.known[bare[:at]+"_1_"]
	return first + uint16(line-1)*n.step, ok
}

// fieldName returns how a form calls a parameter: passwords have a P in front (field).
func fieldName(p *model.Param, number uint16) string {
	if p.Type == "password" {
		return "P" + strconv.Itoa(int(number))
	}
	return strconv.Itoa(int(number))
}
