package model_test

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/rule"
)

var loopback = netip.MustParseAddr("127.64.0.1")

// inScope is every model that the project emulates.
var inScope = strings.Fields(`SPA1001 SPA1000 SPA2000 SPA2002 SPA2100 SPA2102 SPA3000 SPA3102 PAP2 PAP2T RTP300 WRTP54G RT31P2 WRT54GP2 WRP400 SPA8000 SPA8800 SPA9000
	SPA841 SPA901 SPA921 SPA922 SPA941 SPA942 SPA962 SPA301 SPA303 SPA501G SPA502G SPA504G SPA508G SPA509G SPA512G SPA514G SPA525G SPA525G2
	SPA112 SPA122 SPA232D SRP521 SRP541`)

func TestEveryModelInScopeIsComplete(t *testing.T) {
	for _, name := range inScope {
		r := devicetest.Row(t, name, "")
		m := r.Model
		for what, fact := range map[string]model.Fact{"$PN": m.PN, "$PSN": m.PSN, "OUI": m.OUI, "serial": m.SerialPrefix,
			"HW": m.HW, "brand": m.Brand, "rule": m.DefaultRule, "catalogue": m.Catalogue} {
			if fact.Value == "" {
				t.Errorf("%s: no %s", name, what)
			}
		}
		for _, param := range []string{"Profile_Rule", "Profile_Rule_D", "GPP_P", "GPP_SD", "Resync_Periodic", "Syslog_Server", "Log_Resync_Failure_Msg"} {
			if _, ok := r.Factory.Lookup(param); !ok {
				t.Errorf("%s: the catalogue has no %s", name, param)
			}
		}
		if v, _ := device.Reset(r.Factory).Lookup("Profile_Rule"); v != m.DefaultRule.Value {
			t.Errorf("%s: factory rule %q, model row %q", name, v, m.DefaultRule.Value)
		}
	}
	if len(slices.Collect(model.All())) != len(inScope) {
		t.Errorf("%d models in the table, %d in scope", len(slices.Collect(model.All())), len(inScope))
	}
}

// See device-surface.md §4.3.
func TestKnownFacts(t *testing.T) {
	tests := []struct{ model, firmware, ua, rule string }{
		{"SPA2102", "5.2.10", `Linksys/SPA-2102-5\.2\.10 \(FM500[FGHJKL][1-9ABC]\d{5}\)`, "/spa2102.cfg"},
		{"SPA942", "", `Linksys/SPA-942-6\.1\.5\(a\) \(88019[FGHJKL][1-9ABC]\d{5}\)`, "/spa942.cfg"},
		{"PAP2T", "", `Linksys/PAP2T-5\.1\.6\(LS\) \(FLI00[FGHJKL][1-9ABC]\d{5}\)`, "/init.cfg"},
		{"SPA504G", "7.4.9c", `Cisco/SPA504G-7\.4\.9c \([0-9A-F]{12}\)\(CCQ(1[1-8])(0[1-9]|[1-4]\d|5[0-2])[0-9A-Z]{4}\)`, "/spa504G.cfg"},
		{"SPA525G", "7.4.7", `Cisco/SPA525G-7\.4\.7 \(CBT\d{4}[0-9A-Z]{4}\)`, "/spa525G.cfg"},
		{"SPA8000", "", `Linksys/SPA8000-6\.1\.11 \(CQH01[FGHJKL][1-9ABC]\d{5}\)`, "/spa8000.cfg"},
		{"SPA941", "4.1.8", `Sipura/SPA-941-4\.1\.8 \(.*\)`, "/spa941.cfg"},
		{"SPA112", "", `Cisco/SPA112-1\.4\.1\(SR5\) \([0-9A-F]{12}\)\(CCQ.*\)`, "/spa112.cfg"},
	}
	for _, tt := range tests {
		r := devicetest.Row(t, tt.model, tt.firmware)
		u := device.NewUnit(r, 1, 7, loopback)
		if !regexp.MustCompile("^" + tt.ua + "$").MatchString(u.UserAgent()) {
			t.Errorf("%s: User-Agent %q, want %s", tt.model, u.UserAgent(), tt.ua)
		}
		text, _ := device.Reset(r.Factory).Lookup("Profile_Rule")
		if got := rule.Expand(text, device.Env{Unit: &u, Params: device.Reset(r.Factory)}, r.Dialect()); got != tt.rule {
			t.Errorf("%s: asks for %q, want %q", tt.model, got, tt.rule)
		}
	}
}

// What servers saw in SIP: brand, product name without hyphen, firmware. Each is a firmware
// that the table has, and says that it was seen (surface-2.md §1.6).
func TestNamesThatServersSaw(t *testing.T) {
	seen := strings.Fields(`Linksys/SPA901-4.1.11(c) Linksys/SPA941-5.1.8 Linksys/SPA942-5.1.8 Linksys/SPA942-5.1.10 Linksys/SPA942-6.1.5(a) Linksys/SPA962-5.1.7
		Linksys/SPA962-6.1.5(a) Linksys/SPA921-5.1.8 Linksys/SPA922-6.1.5(a) Linksys/PAP2T-3.1.15(LS) Linksys/PAP2T-5.1.5(LS) Linksys/PAP2T-5.1.6(LS)
		Linksys/PAP2-3.1.3(LS) Linksys/PAP2-3.1.9(LSc) Linksys/SPA1001-3.1.19(SE) Linksys/SPA2002-3.1.9(d) Linksys/SPA2102-3.3.6 Linksys/SPA2102-5.2.10
		Linksys/SPA3102-3.3.6(GW) Linksys/SPA3102-5.1.10(GW) Linksys/SPA8000-6.1.3 Linksys/SPA9000-6.1.5 Linksys/WRP400-2.00.10 Linksys/RT31P2-2.0.10(LIc)
		Linksys/RT31P2-3.1.6(LI) Linksys/SPA504G-7.4.3a Sipura/SPA2002-3.1.2(a) Sipura/SPA2000-3.1.5 Sipura/SPA941-4.1.8 Cisco/SPA303-7.4.7 Cisco/SPA303-7.4.8a
		Cisco/SPA504G-7.4.9c Cisco/SPA504G-7.6.2b Cisco/SPA504G-7.6.2c Cisco/SPA508G-7.6.2b Cisco/SPA525G-7.4.9a Cisco/SPA525G-7.6.2d Cisco/SPA525G2-7.6.1
		Cisco/SPA525G2-7.6.1(ES_RC01) Cisco/SPA525G2-7.6.2 Cisco/SPA112-1.3.2(014) Cisco/SPA122-1.3.5(004p_XU001) Cisco/SPA122-1.4.1(SR5) Cisco/SPA232D-1.4.1(002_282)`)
	for _, ua := range seen {
		_, rest, _ := strings.Cut(ua, "/")
		name, version, _ := strings.Cut(rest, "-")
		r := devicetest.Row(t, name, version)
		if got := r.Brand().Value + "/" + strings.ReplaceAll(r.PN(), "-", "") + "-" + r.Firmware.Version; got != ua {
			t.Errorf("%s was seen, and is %s here", ua, got)
		}
		if r.Firmware.Evidence != model.Field {
			t.Errorf("%s was seen, and its firmware is %s", ua, r.Firmware.Evidence)
		}
	}
}

// What servers saw in HTTP, by whole names without serial numbers and addresses. See device-surface.md §4.1.
func TestUserAgentsThatServersSaw(t *testing.T) {
	for _, tt := range []struct{ model, firmware, want string }{
		{"SPA942", "6.1.5(a)", "Linksys/SPA-942-6.1.5(a) (SN)"}, {"SPA962", "6.1.5(a)", "Linksys/SPA-962-6.1.5(a) (SN)"},
		{"SPA921", "5.1.8", "Linksys/SPA-921-5.1.8 (SN)"}, {"SPA8000", "6.1.3", "Linksys/SPA8000-6.1.3 (SN)"},
		{"SPA501G", "7.4.4", "Cisco/SPA501G-7.4.4 (0A0B0C0D0E0F)(SN)"}, {"SPA508G", "7.4.8a", "Cisco/SPA508G-7.4.8a (0A0B0C0D0E0F)(SN)"},
		{"SPA504G", "7.4.9c", "Cisco/SPA504G-7.4.9c (0A0B0C0D0E0F)(SN)"}, {"SPA525G", "7.4.4", "Cisco/SPA525G-7.4.4 (SN)"}, {"SPA525G", "7.4.7", "Cisco/SPA525G-7.4.7 (SN)"},
	} {
		if got := devicetest.Row(t, tt.model, tt.firmware).UserAgent(model.MAC{10, 11, 12, 13, 14, 15}, "SN"); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// A brand is as sure as what was seen of the very firmware.
func TestBrandsByFirmware(t *testing.T) {
	for _, tt := range []struct {
		model, firmware, brand string
		evidence               model.Evidence
	}{
		{"SPA504G", "7.4.3a", "Linksys", model.Field}, {"SPA303", "7.4.3a", "Linksys", model.Inferred}, {"SPA504G", "7.4.4", "Cisco", model.Field},
		{"SPA2002", "3.1.2(a)", "Sipura", model.Field}, {"SPA2002", "3.1.9(d)", "Linksys", model.Field}, {"SPA2000", "3.1.23", "Linksys", model.Inferred},
		{"SPA2000", "2.0.10", "Sipura", model.Inferred}, {"SPA941", "4.1.8", "Sipura", model.Field}, {"SPA901", "4.1.11(c)", "Linksys", model.Field},
	} {
		if got := devicetest.Row(t, tt.model, tt.firmware).Brand(); got.Value != tt.brand || got.Evidence != tt.evidence {
			t.Errorf("%s %s: %s, %s", tt.model, tt.firmware, got.Value, got.Evidence)
		}
	}
}

// A limit that was seen lies between what a unit took and what it did not.
func TestLimitsAreBetweenWhatWorkedAndWhatFailed(t *testing.T) {
	for _, tt := range []struct {
		model          string
		worked, failed int
	}{{"SPA941", 53_000, 65_337}} {
		r := devicetest.Row(t, tt.model, "")
		if limit := r.Behaviour.Files.Limit; limit <= tt.worked || limit >= tt.failed || r.Switch("profile_limit").Evidence != model.Field {
			t.Errorf("%s: %d, %s", tt.model, limit, r.Switch("profile_limit").Evidence)
		}
	}
}

// Any version that can be read is taken; that no source names it is said.
func TestFirmwareThatNoSourceNames(t *testing.T) {
	tests := []struct{ model, firmware, like string }{
		{"SPA504G", "7.6.3", "7.6.2g"}, {"SPA504G", "7.5.2c", "7.5.2b"}, {"SPA504G", "6.0.0", "7.4.3a"},
		{"SPA2102", "5.2.11", "5.2.10"}, {"SPA112", "1.3.9(099)", "1.3.5"},
	}
	for _, tt := range tests {
		r := devicetest.Row(t, tt.model, tt.firmware)
		if text := r.Assumption(); !strings.Contains(text, "behave like "+tt.like+" (inferred)") || r.Firmware.Evidence != model.Inferred {
			t.Errorf("%s %s: %q", tt.model, tt.firmware, text)
		}
	}
	for m := range model.All() {
		if text := devicetest.Row(t, m.Name, "").Assumption(); text != "" {
			t.Error(text)
		}
	}
	for _, version := range []string{"7", "7.6", "newest", "7.6.2 f", "7.6.2" + strings.Repeat("9", 40)} {
		if _, err := model.NewRow("SPA504G", version, nil); err == nil {
			t.Errorf("%q is taken", version)
		}
	}
}

func TestGenerationAndUnitOfTheRandomDelay(t *testing.T) {
	tests := []struct {
		model, firmware string
		generation      int
		unit            string
	}{
		{"SPA2000", "2.0.10", 1, "1s"}, {"PAP2", "2.0.10(LSb)", 1, "1s"}, {"SPA2000", "3.1.5", 2, "20s"}, {"SPA2102", "5.2.10", 2, "20s"},
		{"WRP400", "2.00.10", 2, "20s"}, {"SPA504G", "7.5.5", 3, "20s"}, {"SPA112", "1.3.5", 4, "20s"},
	}
	for _, tt := range tests {
		r := devicetest.Row(t, tt.model, tt.firmware)
		if r.Generation != tt.generation || r.Behaviour.RandomDelayUnit.String() != tt.unit {
			t.Errorf("%s %s: generation %d, unit %s", tt.model, tt.firmware, r.Generation, r.Behaviour.RandomDelayUnit)
		}
	}
}

func TestMistakesNameTheNearest(t *testing.T) {
	tests := []struct{ model, firmware, want string }{
		{"SPA2120", "", `did you mean "SPA2`},
		{"SPA2102", "v5.2.10", `did you mean "5.2.1`},
		{"SPA50", "", `did you mean "SPA501G"?`}, // not SPA901, which is as few letters away
		{"spa94", "", `did you mean "SPA941"?`},
		{"SPA2102", "5.2", `did you mean "5.2.`},
		{"SPA", "", `unknown model "SPA"`}, // too short to say anything
		{"toaster", "", `unknown model "toaster"`},
	}
	for _, tt := range tests {
		_, err := model.NewRow(tt.model, tt.firmware, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %s: error %v, want %s", tt.model, tt.firmware, err, tt.want)
		}
	}
	for turned, want := range map[string]string{"random_delay=1s": `did you mean "random_delay_unit"`, "random_delay_unit=2h": "1s or 20s"} {
		m, _ := model.ParseAssignments([]string{turned})
		if _, err := model.NewRow("SPA2102", "", m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", turned, err, want)
		}
	}
}

// What models show prints as a switch's choices is what the switch takes.
func TestEverySwitchTakesItsChoicesAndNothingElse(t *testing.T) {
	examples := []string{"1500ms", "text/xml", "4711", "1,66"}
	for _, name := range inScope {
		for _, s := range devicetest.Row(t, name, "").Switches {
			form := s.Form()
			words := slices.Clone(form.Words)
			switch {
			case form.Most > 0:
				words = append(words, strconv.Itoa(form.Least), strconv.Itoa(form.Most))
				if _, err := model.NewRow(name, "", map[string]string{s.Name: strconv.Itoa(form.Most + 1)}); err == nil {
					t.Errorf("%s: %s takes more than %d", name, s.Name, form.Most)
				}
			case form.Pattern != "":
				i := slices.IndexFunc(examples, form.Takes)
				words = append(words, examples[i])
			}
			if len(words) < 2 && form.Pattern == "" {
				t.Errorf("%s: %s has no choice: %q", name, s.Name, s.Choices)
			}
			for _, w := range words {
				if _, err := model.NewRow(name, "", map[string]string{s.Name: w}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, err := model.NewRow(name, "", map[string]string{s.Name: "other/wise/"}); err == nil {
				t.Errorf("%s: %s takes anything", name, s.Name)
			}
			if s.Value == "" || s.Meaning == "" || s.Evidence.String() == "" {
				t.Errorf("%s: incomplete row %+v", name, s)
			}
		}
	}
}

// The hyphen is the model's own, unless somebody knows better.
func TestHyphenOfTheProductName(t *testing.T) {
	tests := []struct{ model, turned, want string }{
		{"SPA2102", "", "SPA-2102"}, {"SPA2102", "no", "SPA2102"}, {"SPA504G", "", "SPA504G"}, {"SPA504G", "yes", "SPA-504G"},
		{"SPA8000", "", "SPA8000"}, {"PAP2T", "", "PAP2T"}, {"PAP2T", "yes", "PAP2T"},
	}
	for _, tt := range tests {
		turned := map[string]string{}
		if tt.turned != "" {
			turned["pn_hyphen"] = tt.turned
		}
		r, err := model.NewRow(tt.model, "", turned)
		if err != nil {
			t.Fatal(err)
		}
		u := device.NewUnit(r, 1, 0, loopback)
		if got := rule.Expand("$PN", device.Env{Unit: &u, Params: device.Reset(r.Factory)}, r.Dialect()); got != tt.want || !strings.Contains(u.UserAgent(), "/"+tt.want+"-") {
			t.Errorf("%s pn_hyphen=%s: $PN %q, User-Agent %q; want %q", tt.model, tt.turned, got, u.UserAgent(), tt.want)
		}
	}
}

func TestASwitchSurvivesAnUpgrade(t *testing.T) {
	r, err := model.NewRow("SPA2102", "3.3.6", map[string]string{"tftp_tries": "2"})
	if err != nil {
		t.Fatal(err)
	}
	up, err := r.At("5.2.12")
	if err != nil || up.Behaviour.TFTP.Tries != 2 || up.Firmware.Version != "5.2.12" {
		t.Errorf("after the upgrade: %+v %v", up, err)
	}
}

// What the images of 7.5.2b and 7.6.2f show holds for these versions of that series;
// where it is taken to hold for their relatives it is inferred. evidence=field gives
// what was there before. See surface-2.md §4.7.
func TestImageValuesAndThoseWithoutThem(t *testing.T) {
	kinds := []string{"SPA504G 7.5.2b", "SPA504G 7.5.2", "SPA504G 7.5.5", "SPA303 7.6.2f", "SPA514G 7.5.5", "SPA525G2 7.6.1", "SPA2102 5.2.10", "SPA504G 7.5.2b evidence=field"}
	for name, want := range map[string][]string{ // by kind
		"tftp_wait":         {"5s image", "3s inferred", "3s inferred", "3s inferred", "3s inferred", "3s inferred", "3s inferred", "3s inferred"},
		"tftp_tries":        {"11 image", "5 inferred", "5 inferred", "5 inferred", "5 inferred", "5 inferred", "5 inferred", "5 inferred"},
		"tftp_options":      {"timeout_tsize image", "none inferred", "none inferred", "none inferred", "none inferred", "none inferred", "none inferred", "none inferred"},
		"http_missing":      {"404_500-503 image", "404 inferred", "404 inferred", "404 inferred", "404 inferred", "404 inferred", "404 inferred", "404 inferred"},
		"get_repeats":       {"2 image", "0 inferred", "0 inferred", "0 inferred", "0 inferred", "0 inferred", "0 inferred", "0 inferred"},
		"digest_count":      {"one image", "rises inferred", "rises inferred", "rises inferred", "rises inferred", "rises inferred", "rises inferred", "rises inferred"},
		"http_whole_waits":  {"120 image", "10 inferred", "10 inferred", "10 inferred", "10 inferred", "10 inferred", "10 inferred", "10 inferred"},
		"http_read_wait":    {"30s inferred", "30s inferred", "30s inferred", "30s inferred", "30s inferred", "30s inferred", "30s inferred", "30s inferred"},
		"redirects":         {"moved image", "follow inferred", "moved inferred", "moved inferred", "moved inferred", "follow inferred", "fail inferred", "follow field"},
		"redirect_location": {"absolute image", "any inferred", "absolute inferred", "absolute inferred", "absolute inferred", "any inferred", "any inferred", "any inferred"},
		"backoff_marker":    {"on image", "off inferred", "on inferred", "on inferred", "on inferred", "off inferred", "off inferred", "off inferred"},
		"syslog_priority":   {"134 image", "134 inferred", "134 inferred", "134 image", "134 inferred", "134 inferred", "134 inferred", "134 inferred"},
		"syslog_end":        {"line_feed image", "none inferred", "line_feed inferred", "line_feed image", "line_feed inferred", "none inferred", "none inferred", "none inferred"},
	} {
		for i, kind := range kinds {
			words := strings.Fields(kind)
			s := devicetest.Row(t, words[0], words[1], words[2:]...).Switch(name)
			if got := s.Value + " " + s.Evidence.String(); got != want[i] {
				t.Errorf("%s of %s: %s, want %s", name, kind, got, want[i])
			}
			without, _, _ := strings.Cut(want[len(want)-1], " ")
			if i == 0 && s.Value != without && s.WithoutImages != without {
				t.Errorf("%s of %s: %q without images, want %s", name, kind, s.WithoutImages, without)
			}
		}
	}
	r := devicetest.Row(t, "SPA504G", "7.5.2", "evidence=field")
	if up, err := r.At("7.5.2b"); err != nil || up.Behaviour.TFTP.Tries != 5 {
		t.Errorf("an upgrade forgets evidence=field: %v, %v", up, err)
	}
}

// The limits lie where the reports say: what was served fits, what was refused does not.
// A limit that was seen to refuse something has a source of its own.
func TestProfileLimitsKeepToTheReports(t *testing.T) {
	for m := range model.All() {
		l := m.FileLimit()
		n, err := strconv.Atoi(l.Value)
		if err != nil || n < l.Served || l.Refused > 0 && n >= l.Refused || l.Source == "" || (l.Evidence == model.Field) != (l.Refused > 0) {
			t.Errorf("%s: %+v", m.Name, l)
		}
	}
	for name, want := range map[string]string{"SPA941": "64000 field", "SPA921": "64000 inferred", "SPA901": "64000 inferred", "SPA942": "131072 inferred", "PAP2T": "65536 inferred", "SPA504G": "262144 inferred"} {
		m, err := model.FindModel(name)
		if err != nil {
			t.Fatal(err)
		}
		if l := m.FileLimit(); l.Value+" "+l.Evidence.String() != want {
			t.Errorf("%s: %+v, want %s", name, l, want)
		}
	}
}
