package profile_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device/profile"
)

func TestParseSource(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"three accesses", "A \"1\" ;\nB ! \"2\" ;\nC ? \"3\" ;", "A na \"1\"\nB rw \"2\"\nC ro \"3\"\n"},
		{"only the access", "A ;\nB ! ;", "A na\nB rw\n"},
		{"empty value", `A "" ;`, "A na \"\"\n"},
		{"names as in the samples", `SIP_ToS/DiffServ_Value[1] "0x68" ; Set_Local_Date_(mm/dd) "" ;`,
			"SIP_ToS_DiffServ_Value_1_ na \"0x68\"\nSet_Local_Date__mm_dd_ na \"\"\n"},
		{"no blanks", `A!"1";B?;`, "A rw \"1\"\nB ro\n"},
		{"statement over lines", "A\n  ! # a comment\n \"1\"\n;", "A rw \"1\"\n"},
		{"comment signs in a value", `A "(x;*#) # no comment" ; # one`, "A na \"(x;*#) # no comment\"\n"},
		{"customization mark", `A* "1" ; B * ! ;`, "A na \"1\"\nB rw\n"},
		{"escapes", `A "\x22\x5C\x0a\n" ;`, "A na \"\\\"\\\\\\n\\\\n\"\n"},
		{"duplicates are kept", `A "1" ; A "2" ;`, "A na \"1\"\nA na \"2\"\n"},
		{"carriage returns", "# x\r\nA \"1\" ;\r\n", "A na \"1\"\n"},
		{"name with blanks", `Restricted Access Domain "a.example, b.example";`, "Restricted_Access_Domain na \"a.example, b.example\"\n"},
		{"name with blanks and marks", "Display Name[1] * ? \"x\" ; Set Local Date (mm/dd) ! \"\";",
			"Display_Name_1_ ro \"x\"\nSet_Local_Date__mm_dd_ rw \"\"\n"},
		{"value without quotes", "GPP_A 8e4c\u2026; # a key\nGPP_B ! two words ;", "GPP_A na \"8e4c\u2026\"\nGPP_B rw \"two words\"\n"},
		{"rule without quotes", `Profile_Rule [--key "$A"] tftp.example/p/$B/x.cfg;`, "Profile_Rule na \"[--key \\\"$A\\\"] tftp.example/p/$B/x.cfg\"\n"},
		{"URL without quotes", "Profile_Rule http://h.example/p?id=$MA&x=#1;", "Profile_Rule na \"http://h.example/p?id=$MA&x=#1\"\n"},
		{"code without quotes", "Call_Return_Code *69; A *;", "Call_Return_Code na \"*69\"\nA na\n"},
		{"words and a mark in a value", "Station_Name hello you! all;", "Station_Name na \"hello you! all\"\n"},
		{"nothing", "# only a comment", ""},
	}
	for _, tt := range tests {
		params, err := profile.ParseSource(tt.text)
		if got := show(params); err != nil || got != tt.want {
			t.Errorf("%s: got %v\n%swant\n%s", tt.name, err, got, tt.want)
		}
	}
}

// What the guides print, as it is laid out there: the template of a unit that is
// customized remotely, and the first file of a secure provisioning, whose long
// line is broken.
func TestSamplesOfTheGuidesAreRead(t *testing.T) {
	const template = `Restricted Access Domain "a.example, b.example";
Primary_DNS * "192.0.2.53";
Secondary_DNS * "192.0.2.54";
Provision_Enable * "Yes";
Resync_Periodic * "30";
Profile_Rule * "http://prov.example/p?id=$MA";`
	params, err := profile.ParseSource(template)
	want := "Restricted_Access_Domain na \"a.example, b.example\"\nPrimary_DNS na \"192.0.2.53\"\nSecondary_DNS na \"192.0.2.54\"\n" +
		"Provision_Enable na \"Yes\"\nResync_Periodic na \"30\"\nProfile_Rule na \"http://prov.example/p?id=$MA\"\n"
	if got := show(params); err != nil || got != want {
		t.Fatalf("got %v\n%swant\n%s", err, got, want)
	}
	for i, p := range params {
		if p.Custom != (i > 0) {
			t.Errorf("%s is customizable: %v", p.Name, p.Custom)
		}
	}

	const secure = "Profile_Rule [--key $A] tftp.example/profile/$B/\nspa962.cfg;\nGPP_A 00112233\u2026;\n# 256 bit key\nGPP_B AbCd12\u2026; # directory\n"
	params, err = profile.ParseSource(secure)
	want = "Profile_Rule na \"[--key $A] tftp.example/profile/$B/spa962.cfg\"\nGPP_A na \"00112233\u2026\"\nGPP_B na \"AbCd12\u2026\"\n"
	if got := show(params); err != nil || got != want {
		t.Errorf("got %v\n%swant\n%s", err, got, want)
	}
}

func TestCustomMarkSurvivesAContainer(t *testing.T) {
	params, err := profile.ParseSource(`A * ! "1" ; B "2" ;`)
	if err != nil {
		t.Fatal(err)
	}
	body, err := profile.Compile(params, profile.Container{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := profile.Decode(body, profile.Options{})
	if err != nil || !slices.Equal(f.Params, params) || !f.Params[0].Custom {
		t.Errorf("got %+v, %v", f.Params, err)
	}
}

func TestParseSourceNamesTheLine(t *testing.T) {
	tests := []struct {
		text string
		line int
		msg  string
	}{
		{"A \"1\" ;\nB \"2\"\nC \"3\" ;", 2, "B: missing ;"},
		{"\n\nA \"1 ;\n", 3, "closing quote"},
		{"A \"1", 1, "closing quote"},
		{"A \"\\xg0\" ;", 1, "bad escape"},
		{"A \"\\x2\" ;", 1, "bad escape"},
		{"# x\n\"1\" ;", 2, "bad parameter name"},
		{"1A \"1\" ;", 1, "bad parameter name"},
		{"A \"1\" ;\nimport \"b.txt\"\n", 2, `import "b.txt"`},
		{"<flat-profile>", 1, "bad parameter name"},
		{"A one\nB two;", 1, "A: missing ;"},
		{"A one/\nB two;", 1, "A: missing ;"},
		{"A one/\nB", 1, "A: missing ;"},
	}
	for _, tt := range tests {
		params, err := profile.ParseSource(tt.text)
		var e *profile.SourceError
		if !errors.As(err, &e) || e.Line != tt.line || !strings.Contains(e.Msg, tt.msg) {
			t.Errorf("%q: got %v, want line %d: %s", tt.text, err, tt.line, tt.msg)
		}
		if params != nil {
			t.Errorf("%q: parameters are returned", tt.text)
		}
	}
}

func TestImportsStandForTheirText(t *testing.T) {
	files := map[string]string{
		"b.txt": "B \"2\" ;\nimport c.txt # the third",
		"c.txt": "C \"3\" ;",
		"bad":   "\nD",
		"loop":  "import loop",
	}
	open := func(name string) (string, error) {
		text, ok := files[name]
		if !ok {
			return "", fmt.Errorf("no such file")
		}
		return text, nil
	}
	params, err := profile.ParseSourceFiles("A \"1\" ;\nimport b.txt\r\nimport \"c.txt\";\nE ;", open)
	want := "A na \"1\"\nB na \"2\"\nC na \"3\"\nC na \"3\"\nE na\n"
	if got := show(params); err != nil || got != want {
		t.Errorf("got %v\n%swant\n%s", err, got, want)
	}
	for text, want := range map[string]string{
		"\nimport bad":  "source bad line 2: D: missing ;",
		"\nimport none": `source line 2: import "none": no such file`,
		"import loop":   "more than 8 levels deep",
	} {
		_, err := profile.ParseSourceFiles(text, open)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestParseSourceTakesLinearTime(t *testing.T) {
	for _, unit := range []string{`a"";`, `a`, `"`, `a!`, `#`, "#\n", `a"\x41";`, ` `, `a;`, `a b `, `a b!`, "a/\n", `a *`, `a b;`} {
		start := time.Now()
		profile.ParseSource(strings.Repeat(unit, 1<<20/len(unit)))
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("1 MB of %q took %v", unit, took)
		}
	}
}
