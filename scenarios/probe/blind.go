package probe

// blind are the switches that no experiment can see, and why.
var blind = map[string]string{
	"evidence":         "it is no behaviour of a firmware",
	"flash_time":       "it would need a firmware image",
	"image_check":      "it would need a firmware image",
	"same_version":     "it would need a firmware image",
	"upload":           "it would need a firmware image",
	"compiled_profile": "it would need a file of the vendor's compiler",
	"rc_after_fnf":     "it shows only at the first start of a unit that is made for remote customization",
	"forced_delay":     "it would need a call",
	"sip_text":         "its lines are of SIP messages, which go to the server of the phone's account",

	"router_configuration": "its items are settings of the network",
	"restricted_domains":   "it would need names that a name server knows",
	"dns_wait":             "it would need another name server, which is a setting of the network",
	"dns_tries":            "it would need another name server, which is a setting of the network",
	"dns_manual":           "it would need another name server, which is a setting of the network",
	"dns_query":            "it would need another name server, which is a setting of the network",
	"dns_addresses":        "it would need another name server, which is a setting of the network",
	"dns_ttl":              "it would need another name server, which is a setting of the network",
	"no_server_err":        "it would need a network whose DHCP server names no provisioning server",
	"option66_scheme":      "it would need a DHCP server",
	"lease_url":            "it would need a DHCP server",
	"cisco_path":           "it would need a DHCP server",
	"siaddr":               "it would need a DHCP server",
	"option67":             "it would need a DHCP server",
	"option55":             "it would need a DHCP server",
	"option60":             "it would need a DHCP server",
	"dhcp_start":           "it would need a DHCP server",
	"lease_end":            "it would need a DHCP server",
	"dhcp_tries":           "it would need a DHCP server",
	"sccp":                 "it would need a DHCP server",

	"ivr_admin_password": "it would need a person who dials",
	"ivr_reset_password": "it would need a person who dials, and a factory reset",
	"ivr_user_settings":  "it would need a person who dials",
	"ivr_reset_acts":     "it would need a person who dials, and a factory reset",

	"defect":       "it is of units of some months: the client certificate shows what this one has",
	"defect_share": "it is of many units",
}
