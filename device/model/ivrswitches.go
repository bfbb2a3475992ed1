package model

import "strings"

// ivrSwitches are the firmware table's rows of the keypad menu, and of what the Info
// page says of remote customization.
var ivrSwitches = []firmwareSwitch{
	{ // surface-2.md §3: guide of the SPA100 series; device-surface.md §3.2: no password at the factory
		"ivr_admin_password", "none or digits", "administrator's password of the keypad menu where none is set",
		func(r *Row) Fact {
			if r.Model.Family == &spa100 {
				return documented("1234")
			}
			return documented("none")
		},
		func(b *Behaviour, v string) error {
			if v == "" || len(v) > 32 || v != "none" && strings.Trim(v, "0123456789") != "" {
				return errChoice
			}
			b.IVR.Password = strings.TrimPrefix(v, "none")
			return nil
		},
	},
	{ // device-surface.md §3.2: flags in 7.6.2f, which we read so; provisioning guide 3.0, p. 1-7: a reset "from any state"
		"ivr_reset_password", "yes or no", "whether a factory reset by the keypad asks for the administrator's password where there is one (no: the provisioning guide lets the end user reset a unit from any state)",
		always(inferred("yes")), choice("no", "yes", func(b *Behaviour) *bool { return &b.IVR.ResetAsks }),
	},
	{ // guide of the SPA-2000 2.0.10, p. 40; guide of the SPA100 series; flags in 7.6.2f, which we read so
		"ivr_user_settings", "free, user or admin", "which password the keypad asks for before it sets what the user may write, and before it resets that: none, the user's (pound alone where there is none), or the administrator's",
		func(r *Row) Fact {
			switch {
			case r.Generation == 1:
				return documented("free")
			case r.Model.Family == &spa100:
				return documented("user")
			}
			return inferred("admin")
		}, oneOf(func(b *Behaviour) *string { return &b.IVR.UserSettings }, "free", "user", "admin"),
	},
	{ // guide of the SPA-2000 1.0.3, p. 10: confirm, hang up, and the unit reboots with the factory's values
		"ivr_reset_acts", "hang_up or confirmed", "when a reset by the keypad acts: when the caller hangs up, or with the confirmation",
		byGeneration(documented("hang_up"), inferred("hang_up"), inferred("hang_up"), inferred("hang_up")),
		choice("hang_up", "confirmed", func(b *Behaviour) *bool { return &b.IVR.ResetsAtOnce }),
	},
	{ // provisioning.md §9: pages of an SPA2102, PAP2T, SPA962 and SPA8000, a status of an SPA112, a text of 7.6.2f; provisioning guide 3.0, p. 1-5
		"not_customized", "open or not_customized", "what the Info page says of a unit that is no RC unit: Open, as units were seen to say, or Not Customized, as the provisioning guide has it",
		func(r *Row) Fact {
			switch r.Model.Family {
			case &routerATA, &pap, &phone9xx, &gateway, &spa100, &phone50x:
				return field("open")
			}
			return inferred("open")
		},
		word(map[string]string{"open": "Open", "not_customized": "Not Customized"}, func(b *Behaviour) *string { return &b.Web.NotCustomized }),
	},
}
