package model_test

import (
	"testing"

	"spafleet/device/devicetest"
)

// A model's set is that of its firmware: names come and go, and defaults change. See surface-2.md §4.6.
func TestSetsAreThoseOfTheFirmware(t *testing.T) {
	const keys748 = "em_login|1;acd_login|1;acd_logout|1;avail|3;unavail|3;redial|5;dir|6;cfwd|7;dnd|8;lcr|9;pickup|10;gpickup|11;unpark|12;em_logout"
	const keys = "em_login|1;acd_login|1;acd_logout|1;astate|2;avail|3;unavail|3;redial|5;dir|6;cfwd|7;dnd|8;lcr|9;pickup|10;gpickup|11;unpark|12;em_logout"
	tests := []struct {
		model, firmware, name string
		value                 string // "-": the firmware lacks it
	}{
		{"SPA504G", "7.4.8a", "Idle_Key_List", keys748},
		{"SPA504G", "7.4.9c", "Idle_Key_List", keys},
		{"SPA504G", "7.5.5", "Idle_Key_List", keys},
		{"SPA504G", "7.4.8a", "DHCP_Option_To_Use", "66,160,159,150"},
		{"SPA504G", "7.4.9c", "DHCP_Option_To_Use", "66,160,159,150"},
		{"SPA504G", "7.5.5", "DHCP_Option_To_Use", "66,160,159,150,60,43,125"},
		{"SPA301", "7.4.8a", "DHCP_Option_To_Use", "66,160,159,150"},
		{"SPA504G", "7.5.5", "CISCO_XML_EXE_Auth_Mode", "Trusted"},
		{"SPA504G", "7.6.0", "CISCO_XML_EXE_Auth_Mode", "Trusted"},
		{"SPA504G", "7.6.2", "CISCO_XML_EXE_Auth_Mode", "Local Credential"},
		{"SPA508G", "7.5.5", "CISCO_XML_EXE_Auth_Mode", "Trusted"},
		{"SPA512G", "7.5.5", "CISCO_XML_EXE_Auth_Mode", "Trusted"},
		{"SPA525G2", "7.6.2", "CISCO_XML_EXE_Auth_Mode", "Local Credential"},
		{"SPA504G", "7.4.8a", "Call_Feature_Sync_Ext", "Disabled"},
		{"SPA504G", "7.5.5", "Call_Feature_Sync_Ext", "-"},
		{"SPA504G", "7.4.8a", "Feature_Key_Sync_1_", "-"},
		{"SPA504G", "7.5.5", "Feature_Key_Sync_1_", "No"},
		{"SPA504G", "7.5.5", "Auto_Register_When_Failover_1_", "-"},
	}
	for _, tt := range tests {
		r := devicetest.Row(t, tt.model, tt.firmware)
		got := "-"
		if p, ok := r.Lookup(tt.name); ok {
			got = p.Default
		}
		if got != tt.value {
			t.Errorf("%s %s: %s is %q, want %q", tt.model, tt.firmware, tt.name, got, tt.value)
		}
	}
}

// Firmware with the same defaults has the same set, so that devices share their layers.
func TestFirmwareWithTheSameDefaultsSharesItsSet(t *testing.T) {
	a, b := devicetest.Row(t, "SPA504G", "7.5.5"), devicetest.Row(t, "SPA504G", "7.5.2b")
	if a.Factory != b.Factory {
		t.Error("7.5.5 and 7.5.2b have sets of their own")
	}
	newest := devicetest.Row(t, "SPA504G", "")
	if newest.Factory == a.Factory || newest.Factory != newest.Model.Factory() || a.Factory.At("7.6.2") != newest.Factory {
		t.Error("the newest set is not the model's")
	}
	if devicetest.Row(t, "SPA2102", "3.3.6").Factory != devicetest.Row(t, "SPA2102", "").Factory {
		t.Error("a model without changed defaults has two sets")
	}
}

func TestSinceAndUntil(t *testing.T) {
	f := devicetest.Row(t, "SPA504G", "").Factory
	for name, want := range map[string][2]string{
		"Feature_Key_Sync_1_": {"7.4.9", ""}, "Call_Feature_Sync_Ext": {"", "7.4.9"}, "Auto_Register_When_Failover_1_": {"7.6.0", ""}, "Proxy_1_": {},
	} {
		p, ok := f.Lookup(name)
		if !ok || p.Since().Value != want[0] || p.Until().Value != want[1] {
			t.Errorf("%s: since %v, until %v, want %q", name, p.Since(), p.Until(), want)
		}
	}
}
