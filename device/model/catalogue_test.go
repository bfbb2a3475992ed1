package model_test

import (
	"slices"
	"strings"
	"testing"

	"spafleet/device/devicetest"
	"spafleet/device/model"
)

// A device takes the default of each of its parameters, and each option of a
// choice, whatever its type says.
func TestEverySetTakesItsOwnDefaultsAndOptions(t *testing.T) {
	for m := range model.All() {
		params := m.Factory().Params
		for i := range params {
			p := &params[i]
			for _, value := range append([]string{p.Default}, p.Options...) {
				if stored, ok := p.Take(value); !ok || stored != value {
					t.Errorf("%s: %s does not take %q as it is: %q, %t", m.Name, p.Name, value, stored, ok)
				}
			}
			if _, ok := p.Take("no such option"); ok && p.Type == "choice" {
				t.Errorf("%s: %s takes anything; its options are %q", m.Name, p.Name, p.Options)
			}
		}
	}
}

// No model has an item of a line that it lacks.
func TestItemsEndWithTheLastLine(t *testing.T) {
	tests := []struct{ model, has, lacks string }{
		{"SPA502G", "Log_Missed_Calls_for_EXT_1 Extension_1_ Default_Ring__1__", "Log_Missed_Calls_for_EXT_2 Extension_2_ Default_Ring__2__ Proxy_2_"},
		{"SPA504G", "Log_Missed_Calls_for_EXT_4 Short_Name_4_ Unit_2_Key_32", "Log_Missed_Calls_for_EXT_5 Short_Name_5_ Proxy_5_"},
		{"SPA901", "Log_Missed_Calls_for_EXT_1 Proxy_1_", "Log_Missed_Calls_for_EXT_2 Share_Call_Appearance_2_ Proxy_2_"},
		{"SPA962", "Log_Missed_Calls_for_EXT_6 Proxy_6_", "Proxy_7_"},
		{"SPA1001", "User_ID_1_", "User_ID_2_"},
		{"SPA2102", "User_ID_2_", "User_ID_3_"},
		{"SPA509G", "User_ID_12_ Extension_12_", "User_ID_13_"},
		{"SPA3102", "Proxy_1_ Proxy_2_ Dial_Plan_1_2_ PSTN_Caller_Auth_Method_2_", "User_ID_3_"},
		{"SPA232D", "Proxy_1_ Proxy_3_ PSTN_PIN_Max_Retry_3_", "Proxy_2_"},
		{"SPA8000", "Proxy_8_ Proxy_9_ Proxy_12_ Trunk_Group_8_", "Proxy_13_ Trunk_Group_9_"},
		{"SPA9000", "Proxy_4_ Call_Routing_Rule", "Proxy_5_ Trunk_Group_1_"},
		{"SPA512G", "Proxy_1_ Enable_TR-069", "Proxy_2_ Line_ID_Mapping Idle_LED"},
		{"SPA501G", "Proxy_8_ Idle_LED Unit_1_Key_1", "LDAP_Server PSK_1 Text_Logo"},
		{"SPA301", "Proxy_1_ Auto_Register_When_Failover_1_", "Proxy_2_ LDAP_Server Unit_1_Key_1 PoE_Power_Required"},
		{"SPA303", "Proxy_3_ LDAP_Server", "Proxy_4_ Unit_1_Key_1 PoE_Power_Required"},
		{"SPA122", "IVR_Admin_Passwd Proxy_2_ Resync_At__HHmm_", "Admin_Passwd Wan_Setup Proxy_3_"},
		{"SPA525G2", "Admin_Password Enable_Bonjour Proxy_5_", "Admin_Passwd LDAP_Server Proxy_6_"},
	}
	for _, tt := range tests {
		f := devicetest.Row(t, tt.model, "").Factory
		for _, name := range strings.Fields(tt.has) {
			if _, ok := f.Lookup(name); !ok {
				t.Errorf("%s lacks %s", tt.model, name)
			}
		}
		for _, name := range strings.Fields(tt.lacks) {
			if _, ok := f.Lookup(name); ok {
				t.Errorf("%s has %s", tt.model, name)
			}
		}
	}
	sip, _ := devicetest.Row(t, "SPA8000", "").Factory.Lookup("SIP_Port_3_")
	if sip.Default != "5160" {
		t.Errorf("SPA8000: SIP_Port_3_ is %s", sip.Default)
	}
}

// What decides when a device resyncs, and with what, is in the set of every model.
func TestEverySetHasWhatAResyncReads(t *testing.T) {
	always := strings.Fields(`Provision_Enable Resync_On_Reset Resync_Random_Delay Resync_Periodic Resync_Error_Retry_Delay Forced_Resync_Delay
		Resync_From_SIP Resync_After_Upgrade_Attempt Resync_Trigger_1 Resync_Trigger_2 Resync_Fails_On_FNF Profile_Rule Profile_Rule_B Profile_Rule_C
		Profile_Rule_D Log_Resync_Request_Msg Log_Resync_Success_Msg Log_Resync_Failure_Msg Report_Rule Upgrade_Enable Upgrade_Error_Retry_Delay
		Downgrade_Rev_Limit Upgrade_Rule Log_Upgrade_Request_Msg Log_Upgrade_Success_Msg Log_Upgrade_Failure_Msg GPP_A GPP_P GPP_SA GPP_SD
		Restricted_Access_Domains Syslog_Server Debug_Server Enable_Web_Admin_Access User_ID_1_ Display_Name_1_`)
	daily := strings.Fields("Resync_At__HHmm_ Resync_At_Random_Delay") // generations 3 and 4 (documented)
	for m := range model.All() {
		r := devicetest.Row(t, m.Name, "")
		want := always
		if r.Generation == 3 || strings.HasPrefix(m.Name, "SPA1") && r.Generation == 4 || m.Name == "SPA232D" {
			want = slices.Concat(always, daily)
		}
		for _, name := range want {
			if _, ok := r.Lookup(name); !ok {
				t.Errorf("%s %s has no %s", m.Name, r.Firmware.Version, name)
			}
		}
	}
}
