package model

import "strings"

// A RebootClass says what a changed parameter asks of its device.
type RebootClass uint8

const (
	NoReboot RebootClass = iota
	WarmReboot
	ColdReboot
)

// String returns the class's name, "" for no reboot.
func (c RebootClass) String() string { return [...]string{"", "warm", "cold"}[c] }

// rebootRules class parameters by name, the first that fits counts; what fits
// none reboots warm (provisioning.md §5.6: inferred, after the one list that was
// published for 7.6.2 and the documented example of Profile_Rule; the full list
// is lost).
var rebootRules = []struct {
	prefix string
	class  RebootClass
}{
	{"Dial_Plan_", NoReboot},
	{"PSK_", NoReboot},
	{"GPP_", NoReboot},
	{"Log_", NoReboot},
	{"Profile_Rule", WarmReboot},
	{"Resync_", NoReboot},
	{"Forced_Resync_Delay", NoReboot},
	{"Report_Rule", NoReboot},
	{"HTTP_Report_Method", NoReboot},
	{"Upgrade_", NoReboot},
	{"Downgrade_Rev_Limit", NoReboot},
	{"User_Configurable_Resync", NoReboot},
	{"Provision_Enable", NoReboot},
	{"Syslog_Server", NoReboot},
	{"Debug_", NoReboot},
	{"SIP_Debug_Option_", NoReboot},
	{"Speed_Dial_", NoReboot},
	{"Cfwd_", NoReboot},
	{"Ring", NoReboot},
	{"Default_Ring", NoReboot},
	{"Display_Name_", NoReboot},
	{"Dictionary_", NoReboot},
	{"Language_Selection", NoReboot},
	{"BMP_Picture_Download_URL", NoReboot},
	{"Text_Logo", NoReboot},
	{"Select_Logo", NoReboot},
	{"Select_Background_Picture", NoReboot},
	{"Logo_Type", NoReboot},
	{"Background_Picture_Type", NoReboot},
	{"Primary_DNS", ColdReboot},
	{"Secondary_DNS", ColdReboot},
	{"DHCP", ColdReboot},
	{"Connection_Type", ColdReboot},
	{"Static_IP", ColdReboot},
	{"NetMask", ColdReboot},
	{"Gateway", ColdReboot},
	{"PPPOE_", ColdReboot},
	{"PPPoE_", ColdReboot},
	{"Enable_VLAN", ColdReboot},
	{"VLAN_ID", ColdReboot},
	{"Enable_CDP", ColdReboot},
	{"Enable_LLDP-MED", ColdReboot},
}

func rebootClass(name string) RebootClass {
	if strings.HasSuffix(name, "_Key_List") { // of softkeys
		return NoReboot
	}
	for _, rule := range rebootRules {
		if strings.HasPrefix(name, rule.prefix) {
			return rule.class
		}
	}
	return WarmReboot
}
