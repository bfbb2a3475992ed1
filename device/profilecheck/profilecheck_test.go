package profilecheck_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/device/profilecheck"
)

// found returns the findings in a profile with this body, its elements beginning in line 2.
func found(t *testing.T, row, body string) []string {
	t.Helper()
	name, firmware, _ := strings.Cut(row, " ")
	c := profilecheck.New(devicetest.Row(t, name, firmware), "", false)
	var lines []string
	for _, f := range c.File([]byte("<flat-profile>\n"+body+"\n</flat-profile>\n"), "") {
		lines = append(lines, fmt.Sprintf("%d:%d %s %s %s (%s)", f.Line, f.Column, f.Level, f.Kind, f.String(), f.Evidence))
	}
	return lines
}

func TestEachMistakeIsFoundAtItsPlace(t *testing.T) {
	const secure = "<Profile_Rule>https://h/$MA.xml</Profile_Rule>"
	tests := []struct{ row, body, want string }{
		{"SPA942", "<User_ID_1_>1</User_ID_1_>", ""},
		{"SPA942", "<A>1</A>\n  <User_ID_7_>1</User_ID_7_>", `2:1 warning unknown-name A: not in the model's set (field)
3:3 warning unknown-name User_ID_7_: beyond the model's lines or keys (field)`},
		{"SPA922", "<Profil_Rule>1</Profil_Rule>", `2:1 warning unknown-name Profil_Rule: perhaps misspelt; did you mean "Profile_Rule"? (inferred)`},
		{"SPA504G 7.4.9c", "<Auto_Register_When_Failover_1_>Yes</Auto_Register_When_Failover_1_>",
			"2:1 warning other-firmware Auto_Register_When_Failover_1_: came with 7.6.0; this device runs 7.4.9c (inferred) (inferred)"},
		{"SPA122", "<Web_Login_Admin_Name>a</Web_Login_Admin_Name>", "2:1 warning misplaced-name Web_Login_Admin_Name: not at this place; it belongs inside <router-configuration> (field)"},
		{"SPA942", "<Registration_State>Registered</Registration_State>", "2:1 note info-item Registration_State: an item of the Info page, which no profile sets (documented)"},
		{"SPA942", "<Resync_Periodic>daily</Resync_Periodic>",
			`2:1 warning value-not-taken Resync_Periodic: the value "daily" is not taken, and the old one stays; it takes seconds, as in 3600 or 30,60+10 (documented) (documented)`},
		{"SPA942", "<GPP_A>" + strings.Repeat("x", 2048) + "</GPP_A>", "2:1 warning value-cut GPP_A: the value is cut to 2047 bytes (inferred)"},
		{"SPA942", "<GPP_A>1</GPP_A>\n<GPP_A>2</GPP_A><GPP_A>2</GPP_A>", `3:1 warning repeated-name GPP_A: it is set before this too, and the last counts (documented)
3:17 note repeated-name GPP_A: it is set before this too, and the last counts; both values are the same (documented)`},
		{"SPA942", "<Profile_Rule>(oops</Profile_Rule>", `2:1 error malformed-rule Profile_Rule: the device cannot read the rule: missing operator after "oops", at column 6; ` +
			`compare with eq ne lt le gt ge; put quotes around a string (inferred)`},
		{"SPA942", `<Profile_Rule>("a" lt "b")? http://h/x</Profile_Rule>`,
			`2:1 warning odd-rule Profile_Rule: "a" lt "b" is never true: text has only eq and ne; write a version without quotes, as 7.6.2, 7.6.2a or 7.6.2(a) (documented)`},
		{"SPA942", "<GPP_A>k</GPP_A><Profile_Rule>[--key $A] http://h/x</Profile_Rule>", ""},
		{"SPA942", "<Resync_Trigger_1>$PRVTMR gt</Resync_Trigger_1>", "2:1 error malformed-rule Resync_Trigger_1: …"},
		{"SPA942", "<Password_1_>s</Password_1_>", "0:0 note clear-password the file has 1 password in clear: Password_1_; …"},
		{"SPA942", "<Password_1_>s</Password_1_>" + secure, ""},
		{"SPA942", "<Password_1_>s</Password_1_>" + strings.Replace(secure, "https", "http", 1), "0:0 note clear-password…"},
		{"SPA942", "<Password_1_></Password_1_>", ""},
		{"SPA942", "<A>1</B>", `2:5 error refused the device refuses the file: $ERR is "corrupt file"; line 2: </B> where </A> is due; SPA942 6.1.5(a) refuses it (inferred; switch mismatched_end=apply_start changes that) (inferred)`},
		{"SPA504G", "<GPP_A>1</GPP_A>\n<B/C>1<B/C>", "0:0 error partly-taken only a part of the file counts: up to line 3: the element name B/C has a slash…(field)"},
		{"SPA942", "<GPP_A><![CDATA[1]]></GPP_A>", "0:0 error partly-taken only a part of the file counts: without <GPP_A> in line 2: it holds a CDATA section…"},
	}
	for _, tt := range tests {
		got := found(t, tt.row, tt.body)
		want := strings.Split(tt.want, "\n")
		if tt.want == "" {
			want = nil
		}
		if !slices.EqualFunc(got, want, func(got, want string) bool {
			begin, end, open := strings.Cut(want, "…")
			return got == want || open && strings.HasPrefix(got, begin) && strings.HasSuffix(got, end)
		}) {
			t.Errorf("%s, %s:\ngot\n%s\nwant\n%s", tt.row, tt.body, strings.Join(got, "\n"), tt.want)
		}
	}
}

// What is found does not depend on which files were checked before, nor on how many
// are checked at once.
func TestACheckerIsForManyFiles(t *testing.T) {
	c := profilecheck.New(devicetest.Row(t, "SPA942", ""), "", false)
	bodies := []string{"<GPP_A>1</GPP_A><GPP_B>1</GPP_B>", "<GPP_B>1</GPP_B><GPP_B>2</GPP_B>", "<Foo>1</Foo><Resync_Periodic>x</Resync_Periodic>"}
	check := func(i int) string {
		var b strings.Builder
		for _, f := range c.File([]byte("<flat-profile>"+bodies[i]+"</flat-profile>"), "") {
			fmt.Fprintf(&b, "%d:%d %s\n", f.Line, f.Column, f.String())
		}
		return b.String()
	}
	want := []string{check(0), check(1), check(2)}
	if want[0] != "" || strings.Count(want[1], "\n") != 1 || strings.Count(want[2], "\n") != 2 {
		t.Fatalf("%q", want)
	}
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			if got := check(n % 3); got != want[n%3] {
				t.Errorf("got %q, want %q", got, want[n%3])
			}
		})
	}
	all.Wait()
}

func TestAnEncryptedFileIsCheckedWithItsKey(t *testing.T) {
	row := devicetest.Row(t, "SPA942", "")
	body := profile.Encrypt([]byte("<flat-profile>\n<Foo>1</Foo><Password_1_>s</Password_1_></flat-profile>"), "k", [8]byte{})
	if f := profilecheck.New(row, "k", true).File(body, ""); len(f) != 1 || f[0].Kind != profilecheck.Unknown || f[0].Line != 2 {
		t.Errorf("%+v", f)
	}
	if f := profilecheck.New(row, "", false).File(body, ""); len(f) != 1 || f[0].Kind != profilecheck.Refused || !strings.Contains(f[0].Hint, "no --key") {
		t.Errorf("%+v", f)
	}
	if f := profilecheck.New(row, "k", true).File([]byte("<flat-profile/>"), ""); len(f) != 1 || !strings.Contains(f[0].Text, "expecting an encrypted file") {
		t.Errorf("%+v", f)
	}
}

// What a model's own compiler would write is without a mistake, whatever the firmware.
func TestSamplesHaveNoMistakes(t *testing.T) {
	for m := range model.All() {
		for _, version := range []string{m.Firmwares[0].Version, m.Firmwares[len(m.Firmwares)-1].Version} {
			row := devicetest.Row(t, m.Name, version, "profile_limit=16777216")
			if row.Older("2.0.6") { // it knows no XML
				continue
			}
			for _, f := range profilecheck.New(row, "", false).File(row.SampleXML(model.SampleStyle{}), "") {
				t.Errorf("%s %s: %d:%d %s", m.Name, version, f.Line, f.Column, f.String())
			}
		}
	}
}

func BenchmarkFile(b *testing.B) {
	row := devicetest.Row(b, "SPA2102", "")
	body := row.SampleXML(model.SampleStyle{Compact: true})
	c := profilecheck.New(row, "", false)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		c.File(body, "")
	}
}
