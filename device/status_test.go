package device_test

import (
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/host/golden"
)

// statusText is the status as an export has it, of families without a document of
// their own too.
func statusText(v device.View) []byte {
	if body := v.StatusXML(); body != nil {
		return body
	}
	return profile.Export("Status", v.Status())
}

// Whole Info pages of each family (device-surface.md §2.2, §2.3).
func TestStatusIsAsStored(t *testing.T) {
	tests := []struct{ file, model, firmware string }{
		{"sipura-ata", "SPA2000", "3.1.5"},
		{"pap", "PAP2T", "5.1.5(LS)"},
		{"router-ata", "SPA2102", "3.3.6"},
		{"gateway", "SPA8000", "6.1.10(001)"},
		{"phone-9xx", "SPA962", "6.1.5(a)"},
		{"phone-50x-7.5.2b", "SPA504G", "7.5.2b"},
		{"phone-50x-7.6.2f", "SPA504G", "7.6.2f"},
		{"phone-51x", "SPA514G", "7.6.2a"},
		{"phone-525", "SPA525G2", "7.6.1"},
		{"spa100", "SPA112", "1.4.1(002)"},
	}
	for _, tt := range tests {
		v := viewAt(t, tt.model, tt.firmware, "Display_Name_1_=Desk <1>")
		v.Reason = device.ByParams
		golden.File(t, filepath.Join("testdata", "status", tt.file+".golden"), statusText(v))
	}
}

func TestEveryFamilyHasAnInfoTab(t *testing.T) {
	for m := range model.All() {
		v := viewOf(t, m.Name)
		items := map[string]string{}
		for _, e := range v.Status() {
			items[e.Name] = e.Value
		}
		if items["MAC_Address"] != "000E08012345" || items["Current_Time"] != v.Clock() || items["Last_Registration_At"] != "" {
			t.Errorf("%s (%s): %v", m.Name, m.Family.Name, items)
		}
		_, licensed := items["Licenses"]
		if licensed != m.Family.Phone {
			t.Errorf("%s: Licenses %t", m.Name, licensed)
		}
		wellFormed(t, m.Name, statusText(v))
		wellFormed(t, m.Name, v.Export())
	}
}

// itemOf returns the value of the first item of a name, in a group that begins so.
func itemOf(v device.View, group, name string) string {
	for _, e := range v.Status() {
		if e.Name == name && strings.HasPrefix(e.Group, group) {
			return e.Value
		}
	}
	return "no " + name
}

// The items of the Info page follow what the device is set to (surface-2.md §2.2).
func TestItemsFollowTheParameters(t *testing.T) {
	tests := []struct{ model, firmware, sets, group, item, want string }{
		{"SPA962", "", "", "Info/System", "DHCP", "Enabled"},
		{"SPA962", "", "Connection_Type=Static IP", "Info/System", "DHCP", "Static IP"},
		{"PAP2T", "", "", "Info/System", "DHCP", "Enabled"},
		{"PAP2T", "", "DHCP=No", "Info/System", "DHCP", "Disabled"},
		{"SPA525G2", "", "Connection_Type=Static IP", "Info/System", "Connection_Type", "Static IP"},
		{"SPA2102", "", "Connection_Type=PPPOE", "Status/", "Wan_Connection_Type", "PPPOE"},
		{"SPA2102", "", "", "Status/", "WAN_Link_Status", "no WAN_Link_Status"},
		{"SPA8000", "", "LAN_IP_Address=10.8.28.1", "Status/", "LAN_IP_Address", "10.8.28.1"},

		{"SPA942", "", "", "Info/Line_2_Call_1", "Call_State", "No Service"},
		{"SPA942", "", "Make_Call_Without_Reg_1_=Yes", "Info/Line_2_Call_1", "Call_State", "Idle"}, // key 2 is of extension 1
		{"SPA942", "", "Extension_2_=Disabled", "Info/Line_2_Call_2", "Call_State", "Disabled"},
		{"SPA942", "", "Line_Enable_1_=No", "Info/Line_2_Call_2", "Call_State", "Disabled"},
		{"SPA942", "", "Extension_2_=3 Line_Enable_3_=No", "Info/Line_2_Call_2", "Call_State", "Disabled"},
		{"SPA942", "", "Extension_2_=3 Line_Enable_1_=No", "Info/Line_2_Call_2", "Call_State", "No Service"},
		{"SPA942", "", "", "Info/Line_1_Call_1", "Tone", "None"},
		{"SPA301", "", "", "Info/Line_1_Call_1", "Call_State", "No Service"},
		{"PAP2T", "", "", "Info/Line_2", "Call_2_State", "Idle"},
		{"PAP2T", "", "Line_Enable_2_=No", "Info/Line_2", "Call_2_State", "Disabled"},
		{"PAP2T", "", "User_ID_2_=7", "Info/Line_2", "User_ID", "7"},

		{"SPA504G", "7.5.2b", "", "Info/Custom", "Custom_CA_Provisioing_Status", ""},
		{"SPA504G", "7.4.9c", "", "Info/Custom", "Custom_CA_Provisioing_Status", ""},
		{"SPA504G", "7.5.3", "", "Info/Custom", "Custom_CA_Provisioning_Status", ""},
		{"SPA504G", "7.6.2f", "", "Info/Custom", "Custom_CA_Provisioning_Status", ""},
		{"SPA504G", "7.4.8a", "", "Info/Custom", "Custom_CA_Info", "no Custom_CA_Info"},
		{"SPA504G", "7.6.2f", "", "Info/TR", "TR-069_Feature", "no TR-069_Feature"},
		{"SPA514G", "7.6.2a", "", "Info/TR", "TR-069_Feature", "Disabled"},
		{"SPA942", "", "", "Info/Ext_1", "Next_Registration_In", ""},
		{"SPA525G2", "", "", "Info/Ext_1", "Next_Registration_In_Seconds", ""},
	}
	for _, tt := range tests {
		var sets []string
		for set := range strings.SplitSeq(strings.ReplaceAll(tt.sets, "Static IP", "Static+IP"), " ") {
			if set != "" {
				sets = append(sets, strings.ReplaceAll(set, "+", " "))
			}
		}
		v := viewAt(t, tt.model, tt.firmware, sets...)
		if got := itemOf(v, tt.group, tt.item); got != tt.want {
			t.Errorf("%s %s with %q: %s is %q, want %q", tt.model, tt.firmware, tt.sets, tt.item, got, tt.want)
		}
	}
}

func TestTheSwitchOfTheLabelCounts(t *testing.T) {
	v := viewOf(t, "SPA504G")
	v.Unit.Row = devicetest.Row(t, "SPA504G", "7.6.2f", "custom_ca_label=Provisioing")
	if got := itemOf(v, "Info/Custom", "Custom_CA_Provisioing_Status"); got != "" {
		t.Error(got)
	}
}

// The history of reboots has the last one, in the words of the firmware (device-surface.md
// §2.3).
func TestTheHistoryHasTheLastReboot(t *testing.T) {
	for reason, want := range map[device.Reason]string{
		0: "", device.ByPower: "", device.ByParams: "Provisioning(01/16/2012-01:11:00)", device.ByNotifyReboot: "SIP Triggered(01/16/2012-01:11:00)",
		device.ByReset: "Factory Reset(01/16/2012-01:11:00)", device.ByUpgradeOK: "Upgrade(01/16/2012-01:11:00)",
	} {
		v := viewAt(t, "SPA504G", "", "Time_Zone=GMT")
		v.Reason = reason
		if got := itemOf(v, "Info/Reboot_History", "Reboot_Reason_1"); got != want {
			t.Errorf("after %s: %q, want %q", reason, got, want)
		}
	}
}

// The documents of an SPA1xx, by what real ones have and what public clients look for
// (surface-2.md §1.4).
func TestDocumentsOfAnSPA1xx(t *testing.T) {
	v := viewAt(t, "SPA112", "1.4.1(002)", "GPP_SA=00ff", "router-configuration/Web_Login_Admin_Name=root", "Password_1_=x")
	v.InUse = true
	status := string(v.StatusXML())
	for _, want := range []string{
		"<?xml version=\"1.0\"?>\n<flat-status>\n<Product_Name>SPA112</Product_Name>\n<Serial_Number>FM500X000001</Serial_Number>\n",
		"<Customization>Open</Customization>\n<Current_Time>1/15/2012 ",
		"<External_IP></External_IP>\n<Hook_State_1_>Off</Hook_State_1_>\n<Registration_State>Not Registered</Registration_State>\n<Last_Registration_At></Last_Registration_At>\n",
		"<Call_1_State_2_>Idle</Call_1_State_2_>\n<Call_2_State_2_>Idle</Call_2_State_2_>\n<Call_1_Tone_2_>None</Call_1_Tone_2_>\n",
		"<Custom_CA_Info>Not Installed</Custom_CA_Info>\n\n<router-status>\n<Status_WAN>\n<Packets_Sent>4294967260</Packets_Sent>\n",
		"<MAC_Address>00:0E:08:01:23:45</MAC_Address>\n</WAN_Interface>\n<LAN_Interface>\n<MAC_Address>00:0E:08:01:23:46</MAC_Address>\n",
		"<Login_User_Name>root</Login_User_Name>\n<!-- <Login_User_Password></Login_User_Password> -->\n<Session_ID>",
		"<Time_Setting_Valid>1</Time_Setting_Valid>\n</router-status>\n</flat-status>\n",
	} {
		if !strings.Contains(status, want) {
			t.Errorf("the status lacks %q", want)
		}
	}
	v.Unit.Row = devicetest.Row(t, "SPA112", "1.4.1(002)", "not_customized=not_customized")
	if text := string(v.StatusXML()); !strings.Contains(text, "<Customization>Not Customized</Customization>") {
		t.Error("with the switch the status says another word for a unit that is no RC unit")
	}
	if n := strings.Count(status, "<Registration_State>"); n != 2 || strings.Contains(status, "group=") || strings.Contains(status, "/>") {
		t.Errorf("%d lines are registered, or the form is that of phones:\n%s", n, status)
	}
	key := regexp.MustCompile(`<Session_ID>([0-9a-f]{32})</Session_ID>`)
	before := key.FindString(status)
	v.Booted++
	if after := key.FindString(string(v.StatusXML())); before == "" || after == before {
		t.Errorf("session key %q, after a boot %q", before, after)
	}

	config := string(v.Export())
	for _, want := range []string{
		"<?xml version=\"1.0\"?>\n<flat-profile>\n<Restricted_Access_Domains></Restricted_Access_Domains>\n",
		"<GPP_P></GPP_P>\n<!-- <GPP_SA></GPP_SA> -->\n",
		"<Password_1_>*************</Password_1_>\n",
		"<Max_Session>2</Max_Session>\n\n<router-configuration>\n<WAN_Interface>\n<WAN_Connection_Type>dh</WAN_Connection_Type>\n",
		"<!-- <WAN_PPPoE_Password></WAN_PPPoE_Password> -->\n",
		"<Software_DMZ>\n<Rule1>\n<Status>0</Status>\n<Private_IP>0.0.0.0</Private_IP>\n</Rule1>\n<Rule_Number>1</Rule_Number>\n</Software_DMZ>\n<Bonjour_Enable>1</Bonjour_Enable>\n",
		"<Host_Name>SPA112</Host_Name>\n", "<Web_Login_Admin_Name>root</Web_Login_Admin_Name>\n",
		"<Firmware_Version>1.4.1</Firmware_Version>\n<Firmware_Build_Version>002</Firmware_Build_Version>\n<System_Model_Number>SPA112</System_Model_Number>\n",
		"<Firmware_Version>1.4.1 (002)</Firmware_Version>\n<Model>SPA112, LAN, 2 FXS</Model>\n",
		"<Serial_Number>FM500X000001</Serial_Number>\n</About_Product>\n</router-configuration>\n</flat-profile>\n",
	} {
		if !strings.Contains(config, want) {
			t.Errorf("the configuration lacks %q", want)
		}
	}
	for _, not := range []string{"group=", "ua=", "/>", "00ff", "<Product_Name>"} {
		if strings.Contains(config, not) {
			t.Errorf("the configuration has %q", not)
		}
	}
}

// unitFacts are what an SPA1xx says of itself in its configuration.
var unitFacts = regexp.MustCompile(`^router-configuration/(Firmware_|System_Model|About_Product/|Internet_Option/Host_Name)`)

// other returns a value of a parameter that is not its default, where it takes one.
func other(p *model.Param) string {
	for _, value := range slices.Concat(p.Options, []string{"No", "Yes", "7", "192.0.2.7", "a<b&\"c\""}) {
		if stored, ok := p.Take(value); ok && stored != p.Default && stored != "" {
			return stored
		}
	}
	return p.Default
}

// What a device of any model exports, another one takes: each name is of its own
// set, and no value is lost but passwords and what the unit says of itself.
func TestEveryModelsExportIsReadBack(t *testing.T) {
	for m := range model.All() {
		row := devicetest.Row(t, m.Name, "")
		var sets []device.Set
		for i := range row.Factory.Params {
			if p := &row.Factory.Params[i]; row.Has(p) {
				sets = append(sets, device.Set{ID: p.ID, Value: other(p), Has: true})
			}
		}
		params, _ := device.Reset(row.Factory).With(new(device.Layers), sets)
		v := device.View{Unit: device.NewUnit(row, 1, 0, loopback), Params: params}
		reading := row.Reading()
		reading.Limit = 0 // an ATA's export is above its own limit
		file, err := profile.Decode(v.Export(), reading)
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		of := map[string]bool{} // what the Info tab has
		if m.Family.Name != "SPA100" {
			for _, e := range v.Status() {
				of[e.Name] = true
			}
		}
		read := map[string]string{}
		for _, p := range file.Params {
			read[p.Name] = p.Value
			if _, ok := row.Lookup(p.Name); !ok && !of[p.Name] {
				t.Errorf("%s: its export has %s, which its set lacks", m.Name, p.Name)
			}
		}
		n := 0
		for i := range row.Factory.Params {
			p := &row.Factory.Params[i]
			value, exported := read[p.Name]
			if !exported || p.Type == "password" || unitFacts.MatchString(p.Name) {
				continue
			}
			n++
			want := params.Get(p.ID)
			if stored, ok := p.Take(value); value != want || !ok || stored != want {
				t.Errorf("%s: %s is %q in the export, %q in the device, %q after it (taken: %t)", m.Name, p.Name, value, want, stored, ok)
			}
		}
		if n < len(row.Factory.Params)*3/4 {
			t.Errorf("%s: %d of %d parameters are exported", m.Name, n, len(row.Factory.Params))
		}
	}
}

// Pollers ask for the status every 10 s: it must cost little.
func BenchmarkStatus(b *testing.B) {
	for _, name := range []string{"SPA112", "SPA504G", "SPA509G", "SPA525G2"} {
		row := devicetest.Row(b, name, "")
		v := device.View{Unit: device.NewUnit(row, 1, 0, loopback), Params: device.Reset(row.Factory), Now: int64(time.Hour)}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(v.StatusXML())))
			b.ReportAllocs()
			for b.Loop() {
				v.StatusXML()
			}
		})
	}
}

// A status is put together in few pieces, whatever its size.
func TestAStatusTakesFewAllocations(t *testing.T) {
	for _, name := range []string{"SPA112", "SPA509G"} {
		v := viewOf(t, name)
		if n := testing.AllocsPerRun(20, func() { v.StatusXML() }); n > 250 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}

// With a leased address, the pages show what the lease says of the network.
func TestPagesShowTheLease(t *testing.T) {
	addr := netip.MustParseAddr
	for _, model := range []string{"SPA942", "SPA525G2", "SPA2102", "PAP2T"} {
		v := viewAt(t, model, "", "Primary_DNS=10.9.9.9")
		v.Network.Netmask, v.Network.Gateway, v.Network.DNS, v.Network.Domain = addr("255.255.0.0"), addr("10.0.0.1"), []netip.Addr{addr("10.0.0.2")}, "lan.test"
		separator := "__"
		if model == "SPA525G2" {
			separator = "_"
		}
		shown := func() string {
			var list []string
			for _, item := range []string{"Current_Netmask", "Current_Gateway", "Primary" + separator + "DNS", "Domain"} {
				list = append(list, itemOf(v, "", item))
			}
			return strings.Join(list, " ")
		}
		if got := shown(); got != "255.255.0.0 10.0.0.1 10.0.0.2 lan.test" {
			t.Errorf("%s: %s", model, got)
		}
		off := "Connection_Type=Static IP"
		if model == "PAP2T" {
			off = "DHCP=No"
		}
		v.Params = viewAt(t, model, "", "Primary_DNS=10.9.9.9", off).Params
		if got := shown(); !strings.Contains(got, "10.9.9.9") || strings.Contains(got, "10.0.0") {
			t.Errorf("%s with a static address: %s", model, got)
		}
	}
}
