package model_test

import (
	"testing"

	"spafleet/device/devicetest"
	"spafleet/device/model"
)

// What a firmware lacks is said with the reason, and with what would help.
func TestWhyAFirmwareLacksAParameter(t *testing.T) {
	tests := []struct {
		model, firmware, name, want string
		evidence                    model.Evidence
	}{
		{"SPA504G", "7.4.9c", "Auto_Register_When_Failover_1_", "came with 7.6.0; this device runs 7.4.9c (inferred)", model.Inferred},
		{"SPA504G", "7.4.8a", "Feature_Key_Sync_1_", "came with 7.4.9; this device runs 7.4.8a (inferred)", model.Inferred},
		{"SPA504G", "7.6.2", "Call_Feature_Sync_Ext", "gone since 7.4.9; this device runs 7.6.2 (inferred)", model.Inferred},
		{"SPA2000", "2.0.10", "GPP_E", "came with 2.0.11; this device runs 2.0.10 (documented)", model.Documented},
		{"SPA942", "", "User_ID_5_", "beyond the model's lines or keys", model.Field},
		{"SPA942", "", "Speed_Dial_10", "beyond the model's lines or keys", model.Field},
		{"SPA504G", "", "Unit_2_Key_33", "beyond the model's lines or keys", model.Field},
		{"SPA504G", "", "Default_Ring__5__", "beyond the model's lines or keys", model.Field},
		{"SPA942", "", "Profil_Rule", `perhaps misspelt; did you mean "Profile_Rule"?`, model.Field},
		{"SPA2102", "", "SIP_TOS_DiffServ_Value_1_", `perhaps misspelt; did you mean "SIP_ToS_DiffServ_Value_1_"?`, model.Field},
		{"SPA122", "", "Web_Login_Admin_Name", "not at this place; it belongs inside <router-configuration>", model.Field},
		{"SPA122", "", "WAN_DHCP_MTU_Size", "not at this place; it belongs inside <router-configuration><WAN_Interface>", model.Field},
		{"SPA504G", "", "SCA_Line_ID_Mapping_of_nobody", "not in the model's set", model.Field},
		{"SPA504G", "", "Bluetooth_Mode_and_more", "not in the model's set", model.Field},
		{"SPA504G", "", "Default_Ring_1_", `perhaps misspelt; did you mean "Default_Ring__1__"?`, model.Field},
		{"SPA508G", "", "Resync_At_HHmm_", `perhaps misspelt; did you mean "Resync_At__HHmm_"?`, model.Inferred},
		{"SPA303", "", "G723_Enable_1_", "not in the model's set; the SPA504G has it", model.Inferred},
		{"SPA942", "", "Trunk_Group_1_", "not in the model's set; the SPA8000 has it", model.Field},
		{"SPA508G", "", "Nothing_Of_The_Kind_At_All", "not in the SPA504G's set, from which this one is derived", model.Inferred},
	}
	for _, tt := range tests {
		r := devicetest.Row(t, tt.model, tt.firmware)
		if _, ok := r.Lookup(tt.name); ok {
			t.Errorf("%s %s has %s", tt.model, tt.firmware, tt.name)
			continue
		}
		if l := r.WhyLacks(tt.name); l.String() != tt.want || l.Evidence != tt.evidence {
			t.Errorf("%s %s, %s: %q (%v), want %q (%v)", tt.model, tt.firmware, tt.name, l, l.Evidence, tt.want, tt.evidence)
		}
	}
}
