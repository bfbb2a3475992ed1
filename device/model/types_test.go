package model_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
)

func TestTakeByType(t *testing.T) {
	long := strings.Repeat("x", 2047)
	tests := []struct {
		model, param, value string
		want                string
		refused             bool
	}{
		{"SPA942", "Provision_Enable", "yes", "Yes", false},
		{"SPA942", "Provision_Enable", "Enable", "Yes", false},
		{"SPA942", "Provision_Enable", "enable", "Yes", false},
		{"SPA942", "Provision_Enable", "1", "Yes", false},
		{"SPA942", "Provision_Enable", "no", "No", false},
		{"SPA942", "Provision_Enable", "disable", "No", false},
		{"SPA942", "Provision_Enable", "0", "No", false},
		{"SPA942", "Provision_Enable", "maybe", "", true},
		{"SPA942", "Provision_Enable", "YES", "", true},
		{"SPA942", "Provision_Enable", "", "", true},

		{"SPA2102", "WAN_Web_Server_Port", "8080", "8080", false},
		{"SPA2102", "WAN_Web_Server_Port", "0x1F90", "8080", false},
		{"SPA2102", "WAN_Web_Server_Port", "65535", "65535", false},
		{"SPA2102", "WAN_Web_Server_Port", "65536", "", true},
		{"SPA2102", "WAN_Web_Server_Port", "-1", "", true},
		{"SPA2102", "WAN_Web_Server_Port", "eighty", "", true},
		{"SPA2102", "SIP_Port_2_", "070000", "", true},
		{"SPA2102", "SIP_Port_2_", "05062", "5062", false},
		{"SPA2102", "EXT_SIP_Port_1_", "", "", false},
		{"SPA2102", "EXT_SIP_Port_1_", "65536", "", true},
		{"SPA2102", "SIP_TCP_Port_Max", "99999", "", true},
		{"SPA942", "PC_Port_VLAN_ID", "70000", "70000", false},
		{"SPA504G", "Resync_At_Random_Delay", "65536", "", true},

		{"SPA2102", "Register_Expires_1_", "2147483647", "2147483647", false},
		{"SPA2102", "Register_Expires_1_", "0x3c", "60", false},
		{"SPA2102", "Register_Expires_1_", "0xZZ", "", true},
		{"SPA2102", "Register_Expires_1_", "4294967296", "", true},
		{"SPA2102", "Register_Expires_1_", "99999999999999999999", "", true},
		{"SPA2102", "Register_Expires_1_", "", "0", false},
		{"SPA2102", "Register_Expires_1_", "60.7", "60", false},
		{"SPA2102", "Register_Expires_1_", "60s", "", true},
		{"SPA2102", "Register_Expires_1_", ".", "", true},
		{"SPA2102", "Reg_Retry_Random_Delay", "", "", false},
		{"SPA2102", "DMZ_Host_IP_Address", "17", "17", false},
		{"SPA2102", "DMZ_Host_IP_Address", "192.168.0.17", "192.168.0.17", false},
		{"SPA2102", "DMZ_Host_IP_Address", "256", "", true},

		{"SPA2102", "Resync_Periodic", "1800+300,3600", "1800+300,3600", false},
		{"SPA2102", "Resync_Periodic", "", "", false},
		{"SPA2102", "Resync_Error_Retry_Delay", "60, 120, 240+30", "60, 120, 240+30", false},
		{"SPA2102", "Upgrade_Error_Retry_Delay", "60-30", "60-30", false},
		{"SPA2102", "Resync_Periodic", "hourly", "", true},
		{"SPA2102", "Forced_Resync_Delay", "60,120", "", true},

		{"SPA2102", "DTMF_Playback_Length", "0.1", ".1", false},
		{"SPA2102", "DTMF_Playback_Length", "0.25", ".25", false},
		{"SPA2102", "DTMF_Playback_Length", ".1239", ".123", false},
		{"SPA2102", "DTMF_Playback_Length", "1.500", "1.5", false},
		{"SPA2102", "DTMF_Playback_Length", "2", "2", false},
		{"SPA2102", "DTMF_Playback_Length", "", "0", false},
		{"SPA2102", "DTMF_Playback_Length", "-1", "", true},
		{"SPA2102", "DTMF_Playback_Length", "1.2.3", "", true},
		{"SPA2102", "RTP_Packet_Size", "0.03", "0.030", false},
		{"SPA2102", "RTP_Packet_Size", ".020", "0.02", false},
		{"SPA2102", "SIP_T2", "4.0", "4", false},
		{"SPA2102", "CPC_Delay", "2.75", "2.75", false},
		{"SPA2102", "Cfwd_Ring_Splash_Len_1_", ".5", "0.5", false},

		{"SPA2102", "FXS_Port_Input_Gain", "-6", "-6", false},
		{"SPA2102", "FXS_Port_Input_Gain", "-0.55", "-0.5", false},
		{"SPA2102", "FXS_Port_Input_Gain", "+3", "", true},
		{"SPA2102", "FXS_Port_Input_Gain", "-", "", true},
		{"SPA2102", "RTP_ToS_DiffServ_Value_1_", "0xB8", "0xb8", false},
		{"SPA2102", "RTP_ToS_DiffServ_Value_1_", "184", "0xb8", false},
		{"SPA2102", "RTP_ToS_DiffServ_Value_1_", "0x5", "0x05", false},
		{"SPA2102", "RTP_ToS_DiffServ_Value_1_", "256", "", true},

		{"SPA2102", "Static_IP", "192.0.2.1", "192.0.2.1", false},
		{"SPA2102", "Static_IP", "", "", false},
		{"SPA2102", "Static_IP", "192.0.2.256", "", true},
		{"SPA2102", "Static_IP", "192.0.2", "", true},
		{"SPA2102", "Static_IP", "192.0.2.1.1", "", true},
		{"SPA2102", "Static_IP", "host.example", "", true},
		{"SPA2102", "Primary_DNS", "dns.example", "dns.example", false},
		{"SPA2102", "Primary_DNS", "192.0.2.53", "192.0.2.53", false},
		{"SPA2102", "Primary_DNS", strings.Repeat("d", 64), "", true},

		{"SPA2102", "Connection_Type", "PPPOE,DHCP", "PPPOE,DHCP", false},
		{"SPA2102", "Connection_Type", "pppoe", "", true},
		{"SPA2102", "Connection_Type", "", "", true},
		{"SPA2102", "FXS_Port_Impedance", "220+820||120nF", "220+820||120nF", false},
		{"SPA504G", "Date_Format", "day/month", "day/month", false},
		{"SPA504G", "Date_Format", "month", "", true},
		{"SPA504G", "Select_Logo", "", "", false},

		{"SPA2102", "Call_Return_Code", "*69", "*69", false},
		{"SPA2102", "Call_Back_Act_Code", "*66", "*66", false},
		{"SPA2102", "Call_Back_Act_Code", "*6666666", "", true},
		{"SPA2102", "User_ID_1_", strings.Repeat("u", 63), strings.Repeat("u", 63), false},
		{"SPA2102", "User_ID_1_", strings.Repeat("u", 64), "", true},
		{"SPA2102", "Cfwd_All_Dest_1_", strings.Repeat("1", 40), "", true},
		{"SPA942", "Cfwd_All_Dest", strings.Repeat("1", 40), strings.Repeat("1", 40), false},
		{"SPA2102", "Dial_Tone", strings.Repeat("1", 128), "", true},
		{"SPA2102", "Ring1_Cadence", strings.Repeat("1", 128), "", true},
		{"SPA2102", "Profile_Rule", long + "y", long, false},
		{"SPA2102", "Dial_Plan_1_", "(" + long, "(" + long[1:], false},
		{"SPA2102", "GPP_A", long, long, false},
		{"SPA2102", "GPP_SA", long + "y", long, false},
		{"SPA962", "Zip_Code", "02134", "02134", false},
	}
	for _, tt := range tests {
		p, ok := devicetest.Row(t, tt.model, "").Factory.Lookup(tt.param)
		if !ok {
			t.Errorf("%s has no %s", tt.model, tt.param)
			continue
		}
		if got, ok := p.Take(tt.value); ok == tt.refused || ok && got != tt.want {
			t.Errorf("%s, %s (%s): %.20q is stored as %.20q, %v; want %.20q", tt.model, tt.param, p.DataType().Value, tt.value, got, ok, tt.want)
		}
	}
}

func TestFactoryDefaultsAreTakenUnchanged(t *testing.T) {
	for m := range model.All() {
		f := m.Factory()
		for j := range f.Params {
			p := &f.Params[j]
			if got, ok := p.Take(p.Default); !ok || got != p.Default {
				t.Errorf("%s: the default of %s (%s), %q, is stored as %q, %v", f.Name, p.Name, p.DataType().Value, p.Default, got, ok)
			}
		}
	}
}

func TestOptionsAreTakenAsTheyAreWritten(t *testing.T) {
	for m := range model.All() {
		f := m.Factory()
		for j := range f.Params {
			p := &f.Params[j]
			for _, o := range p.Options {
				if got, ok := p.Take(o); !ok || got != o || p.Type != "choice" {
					t.Errorf("%s: %s (%s) stores the option %q as %q, %v", f.Name, p.Name, p.Type, o, got, ok)
				}
			}
		}
	}
}

// What is stored is stored again as it is: the second file with the same value
// changes nothing.
func TestStoredValuesAreStable(t *testing.T) {
	f := devicetest.Row(t, "SPA2102", "").Factory
	rapid.Check(t, func(t *rapid.T) {
		p := &f.Params[rapid.IntRange(0, len(f.Params)-1).Draw(t, "param")]
		value := rapid.OneOf(rapid.StringMatching(`-?[0-9]{0,4}(\.[0-9]{0,5})?`), rapid.StringMatching(`0[xX][0-9a-fA-F]{1,8}`),
			rapid.String(), rapid.SampledFrom([]string{"yes", "0", "", p.Default})).Draw(t, "value")
		stored, ok := p.Take(value)
		if !ok {
			return
		}
		if again, ok := p.Take(stored); !ok || again != stored {
			t.Fatalf("%s: %q is stored as %q, and that as %q, %v", p.Name, value, stored, again, ok)
		}
	})
}

func TestSpellingsOfABoolAreNoChange(t *testing.T) {
	var layers device.Layers
	f := devicetest.Row(t, "SPA504G", "").Factory
	p, _ := f.Lookup("Provision_Enable")
	for _, word := range []string{"Yes", "yes", "Enable", "enable", "1"} {
		stored, ok := p.Take(word)
		_, changed := device.Reset(f).With(&layers, []device.Set{{ID: p.ID, Value: stored, Has: ok}})
		if !ok || len(changed) != 0 {
			t.Errorf("%q is stored as %q and changes %v", word, stored, changed)
		}
	}
}

func TestAParamMadeByHandIsTakenByItsType(t *testing.T) {
	p := model.Param{Name: "X_Port", Type: "uint"}
	if got, ok := p.Take("0x10"); !ok || got != "16" || p.DataType() != (model.Fact{Value: "Port", Evidence: model.Documented}) {
		t.Errorf("got %q, %v, %v", got, ok, p.DataType())
	}
}

func BenchmarkTake(b *testing.B) {
	r, err := model.NewRow("SPA2102", "", nil)
	if err != nil {
		b.Fatal(err)
	}
	n := len(r.Factory.Params)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p := &r.Factory.Params[i%n]
		p.Take(p.Default)
	}
}
