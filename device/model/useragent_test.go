package model_test

import (
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
)

// What a device of any model and firmware calls itself is read back as that device,
// with and without the hyphen, alone and in a line of a log; and as SIP has it.
func TestUserAgentsAreReadBack(t *testing.T) {
	read := 0
	for m := range model.All() {
		for _, f := range m.Firmwares {
			for _, hyphen := range []string{"yes", "no"} {
				row, err := model.NewRow(m.Name, f.Version, map[string]string{"pn_hyphen": hyphen})
				if err != nil {
					t.Fatal(err)
				}
				u := device.NewUnit(row, 1, 3, loopback)
				mac := ""
				if m.Family.UA == model.UAMACSerial {
					mac = u.MAC.String()
				}
				log := `192.0.2.1 - - [01/Jan/2020:00:00:00 +0000] "GET /a-1.2.3 HTTP/1.1" 200 5 "-" "` + u.UserAgent() + `"`
				for _, text := range []string{u.UserAgent(), log} {
					got, ok := model.FindUserAgent(text)
					if !ok || got.Text != u.UserAgent() || got.Model != m || got.Firmware != f.Version || got.MAC != mac || got.Serial != u.Serial {
						t.Errorf("%s %s: %q is read as %+v", m.Name, f.Version, text, got)
					}
				}
				bare, _, _ := strings.Cut(u.UserAgent(), " (")
				sip := "User-Agent: " + strings.Replace(bare, "SPA-", "SPA", 1) + "\r\n"
				if got, ok := model.FindUserAgent(sip); !ok || got.Model != m || got.Firmware != f.Version || got.MAC+got.Serial != "" {
					t.Errorf("%s %s: %q is read as %+v", m.Name, f.Version, sip, got)
				}
				read++
			}
		}
	}
	if read < 200 {
		t.Errorf("only %d were tried", read)
	}
}

// See device-surface.md §4.1.
func TestUserAgentsOfTheField(t *testing.T) {
	for text, want := range map[string]string{ // model, firmware, MAC address, serial number
		"Linksys/SPA-942-6.1.5(a) (88019FA00001)":         "SPA942 6.1.5(a)  88019FA00001", // 12 digits, and no MAC address
		"Cisco/SPA501G-7.4.4 (0002FD000001)(CBT14110001)": "SPA501G 7.4.4 0002fd000001 CBT14110001",
		"Cisco/SPA525G-7.4.7 (CBT14190001)":               "SPA525G 7.4.7  CBT14190001",
		"Cisco/SPA112-1.4.1(SR5) (0002FD000001)":          "SPA112 1.4.1(SR5) 0002fd000001 ",
		"Cisco/SPA112-1.4.1 (SIP)":                        "SPA112 1.4.1  ",
		"Cisco/SPA122-1.3.5(004p_XU001)":                  "SPA122 1.3.5(004p_XU001)  ",
		"Cisco/SPA525G2-7.6.1(ES_RC01)":                   "SPA525G2 7.6.1(ES_RC01)  ",
		"Linksys/SPA504G-7.4.3a":                          "SPA504G 7.4.3a  ",
		"Sipura/SPA941-4.1.8":                             "SPA941 4.1.8  ",
		"Sipura/SPA-2000-3.1.15":                          "SPA2000 3.1.15  ",
		"sipura/spa2000-3.1.15":                           "SPA2000 3.1.15  ",
		"Linksys/RT31P2-2.0.10(LIc)":                      "RT31P2 2.0.10(LIc)  ",
		"Server: Linksys/PAP2-3.1.3(LS) Cisco/SPA112-1.4": "PAP2 3.1.3(LS)  ",
		"Cisco/SPA505G-7.5.5, then Cisco/SPA504G-7.5.5":   "SPA504G 7.5.5  ",
		"Cisco/SPA505G-7.5.5 (0002FD000001)(CCQ1)":        "? 7.5.5 0002fd000001 CCQ1",
		"curl/8.1.2":              "",
		"Linksys/SPA942":          "",
		"xLinksys/SPA942-6.1.5":   "",
		"Yealink/SIP-T46-66.81.0": "",
	} {
		u, ok := model.FindUserAgent(text)
		got := ""
		if ok {
			name := "?"
			if u.Model != nil {
				name = u.Model.Name
			}
			got = strings.Join([]string{name, u.Firmware, u.MAC, u.Serial}, " ")
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
