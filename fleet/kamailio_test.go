package fleet_test

import (
	"fmt"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/fleet"
)

// Phones register with Kamailio, with and without its asking for the password; one with
// another password stays outside; who loses power is forgotten when its time is over.
func TestPhonesRegisterWithKamailio(t *testing.T) {
	for _, password := range []string{"", "secret"} {
		t.Run("password "+password, func(t *testing.T) {
			t.Parallel()
			k := extproc.StartKamailio(t, password)
			var groups []fleet.Group
			for i := range 20 {
				g := phones(t, 1, fmt.Sprintf("User_ID_1_=%d", 1001+i), "Proxy_1_="+k.At, "Register_Expires_1_=60", "Line_Enable_2_=No", "Line_Enable_3_=No", "Line_Enable_4_=No")
				g.Name = fmt.Sprint("phone", i)
				if i == 19 {
					g.Presets["Password_1_"] = "wrong"
				}
				groups = append(groups, g)
			}
			s := start(t, newNetwork(), fleet.Config{Groups: groups, SIP: fleet.SIP{Register: true, Port: sipBlock(t)}})
			want := 20
			if password != "" {
				want = 19
			}
			s.await("all register", func() bool {
				return s.count(device.Registered) == want && s.count(device.Registered)+s.count(device.RegistrationFailed) >= 20
			})
			s.await("Kamailio has them", func() bool { return k.Figure("registered_users") == want })
			for dev := range device.Index(want) {
				if n := s.view(dev).Registered; n != 1 {
					t.Errorf("device %d says that %d lines are registered", dev, n)
				}
			}
			v := s.view(3)
			code, out := sipsak(t, fmt.Sprintf("1004@%s", fleet.SIPPort(s.f, &v, 1)), "resync", "1004", "secret")
			if code != 0 {
				t.Errorf("a NOTIFY to a registered phone: %s", out)
			}
			s.await("its resync", func() bool { return len(s.of(3, device.ResyncStarted)) == 1 })
		})
	}
}
