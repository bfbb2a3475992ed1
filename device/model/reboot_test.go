package model_test

import (
	"testing"

	"spafleet/device/devicetest"
	"spafleet/device/model"
)

// What a change asks for: the two lists of 7.6.2f, and all others warm
// (device-surface.md §1.2).
func TestWhatAChangeReboots(t *testing.T) {
	row := devicetest.Row(t, "SPA504G", "7.6.2f")
	for class, names := range map[model.RebootClass][]string{
		model.ColdReboot: {"Primary_DNS", "Secondary_DNS", "Enable_CDP", "Enable_LLDP-MED", "DHCP_Option_To_Use"},
		model.NoReboot: {"Syslog_Server", "Debug_Server", "Debug_Level", "Provision_Enable", "SIP_Debug_Option_1_", "SIP_Debug_Option_4_", "Dial_Plan_1_", "Dial_Plan_4_",
			"Dictionary_Server_Script", "Language_Selection", "BMP_Picture_Download_URL", "Select_Background_Picture", "Select_Logo", "Text_Logo",
			"Idle_Key_List", "Shared_Held_Key_List", "PSK_1", "Cfwd_All_Dest", "Speed_Dial_2", "GPP_A"},
		model.WarmReboot: {"Profile_Rule", "Proxy_1_", "Register_Expires_1_", "SIP_T1", "Web_Server_Port"},
	} {
		for _, name := range names {
			p, ok := row.Lookup(name)
			if !ok {
				t.Errorf("an SPA504G 7.6.2f has no %s", name)
				continue
			}
			if got := row.Reboots([]model.ID{p.ID}); got != class {
				t.Errorf("a new %s reboots %q, want %q", name, got, class)
			}
		}
	}
	dns, _ := row.Lookup("Primary_DNS")
	gpp, _ := row.Lookup("GPP_A")
	if got := row.Reboots([]model.ID{gpp.ID, dns.ID, gpp.ID}); got != model.ColdReboot {
		t.Errorf("the strongest of several is %q", got)
	}
}
