package model

// webSwitches are the firmware table's rows of the web server.
var webSwitches = []firmwareSwitch{
	{ // surface-2.md §1.3: of the SPA1xx's heirs documented
		"url_login", "digest or form", "how the URLs for resync, upgrade and reboot ask for the administrator: HTTP Digest, or &xuser=U&xpassword=P behind the URL",
		func(r *Row) Fact {
			if r.Model.Family == &spa100 {
				return inferred("form")
			}
			return documented("digest")
		},
		choice("digest", "form", func(b *Behaviour) *bool { return &b.Web.URLLogin }),
	},
	{ // surface-2.md §1.1 row 9: CVE-2019-15257 and 15258
		"guest_exports", "no or yes", "whether the low account of an SPA1xx (cisco) reads status.xml and config.xml as the administrator does",
		func(r *Row) Fact {
			switch {
			case r.Model.Family != &spa100:
				return inferred("no")
			case r.before("1.4.1(SR5)"):
				return documented("yes")
			}
			return documented("no")
		},
		choice("no", "yes", func(b *Behaviour) *bool { return &b.Web.GuestExports }),
	},
	{ // surface-2.md §1.2: CVE-2023-20126, for which no fix was published
		"upload", "open or login", "who may send an SPA1xx a firmware image by /upgrade.cgi: anyone, or who has logged in",
		func(r *Row) Fact {
			if r.Model.Family == &spa100 {
				return documented("open")
			}
			return inferred("login")
		},
		choice("open", "login", func(b *Behaviour) *bool { return &b.Web.UploadLogin }),
	},
	{ // surface-2.md §2.3: CVE-2012-0333; guide of SPA300, SPA500 and WIP310, p. 105
		"xml_push", "none, open or mode", "/CGI/Execute, which orders a resync by XML: not there, open to anyone, or as CISCO_XML_EXE_Auth_Mode says",
		func(r *Row) Fact {
			switch {
			case r.Generation != 3:
				return inferred("none")
			case r.before("7.5.1"):
				return documented("open")
			}
			return documented("mode")
		},
		func(b *Behaviour, v string) error {
			b.Web.XMLPush, b.Web.XMLPushOpen = v != "none", v == "open"
			if v != "none" && v != "open" && v != "mode" {
				return errChoice
			}
			return nil
		},
	},
	{ // surface-2.md §2.2, §4.6: texts of 7.5.2b and 7.6.2f
		"form_token", "none or admin", "which forms of settings must bring back the csrftoken of their page: none, or the administrator's",
		func(r *Row) Fact {
			switch {
			case r.Firmware.Version == "7.5.2b":
				return field("none")
			case r.Generation == 3 && !r.before("7.6"):
				return inferred("admin")
			}
			return inferred("none")
		},
		choice("none", "admin", func(b *Behaviour) *bool { return &b.Web.FormToken }),
	},
	{
		"form_unknown", "ignore or refuse", "what a field with an unknown number does to a form of settings: the others count, or nothing does",
		always(inferred("ignore")), choice("ignore", "refuse", func(b *Behaviour) *bool { return &b.Web.StrictForms }),
	},
	{ // surface-2.md §4.6: texts of 7.5.2b and 7.6.2f
		"custom_ca_label", "Provisioning or Provisioing", "how the status spells Custom CA Provisioning Status",
		func(r *Row) Fact {
			switch v := r.Firmware.Version; {
			case v == "7.5.2b":
				return field("Provisioing")
			case v == "7.6.2f":
				return field("Provisioning")
			case r.Generation == 3 && r.before("7.5.3"):
				return inferred("Provisioing")
			}
			return inferred("Provisioning")
		},
		choice("Provisioning", "Provisioing", func(b *Behaviour) *bool { return &b.Web.MisspeltCA }),
	},
}
