package profile_test

import (
	"strings"
	"testing"

	"spafleet/device/profile"
)

func TestAliasesNameParametersOfForeignDocuments(t *testing.T) {
	tests := []struct{ name, text, aliases, want string }{
		{"whole paths", string(vector(t, "alias.nested.xml")), string(vector(t, "alias.map.txt")),
			"Display_Name_1_ \"J. Smith\"\nUser_ID_1_ \"14085551234\"\nPassword_1_ \"732091751563sfd\"\n"},
		{"ends of paths", string(vector(t, "alias.nested.xml")),
			"/auth-secret=/flat-profile/Password_1_;/SIP-Credentials/name = /flat-profile/Display_Name_1_",
			"Display_Name_1_ \"J. Smith\"\nPassword_1_ \"732091751563sfd\"\n"},
		{"blanks around the value", string(vector(t, "alias.customer.xml")),
			"/SIP-number = /flat-profile/User_ID_1_ ;\n/SIP-password = /flat-profile/Password_1_ ;",
			"User_ID_1_ \"17775551234\"\nPassword_1_ \"512835907884\"\n"},
		{"other path", "<a><b>1</b></a><c><b>2</b></c>", "/c/b = /flat-profile/B", "B \"2\"\n"},
		{"path longer than the document's", "<b>1</b>", "/a/b = /flat-profile/B", ""},
		{"profile beside it", "<a>1</a><flat-profile><A>x</A></flat-profile>", "/a = /flat-profile/B", "B \"1\"\nA \"x\"\n"},
		{"inside the profile", "<flat-profile><a ua=\"ro\">1</a></flat-profile>", "/a = /flat-profile/B", "B ro \"1\"\n"},
		{"self-closed", "<a ua=\"rw\"/>", "/a = /flat-profile/B", "B rw\n"},
	}
	for _, tt := range tests {
		file, err := profile.Scan(tt.text, profile.Options{Aliases: tt.aliases})
		if got := show(file.Params); err != nil || got != tt.want {
			t.Errorf("%s: got %v\n%swant\n%s", tt.name, err, got, tt.want)
		}
	}
}

func TestBadAliasMapFailsTheFile(t *testing.T) {
	for _, aliases := range []string{
		"/a",
		"/a = B",
		"/a = /flat-profile/",
		"/a = /flat-profile/B/C",
		" = /flat-profile/B",
		"/a//b = /flat-profile/B",
		strings.Repeat("/a = /flat-profile/B ;", 31),
	} {
		_, err := profile.Decode([]byte(onePage), profile.Options{Aliases: aliases})
		if text, hint := refusal(t, err); text != "aliases error" || hint == "" {
			t.Errorf("%.40q: got %q with hint %q, want aliases error", aliases, text, hint)
		}
	}
	thirty := strings.Repeat("/a = /flat-profile/B ;", 30)
	if _, err := profile.Decode([]byte(onePage), profile.Options{Aliases: thirty}); err != nil {
		t.Errorf("thirty entries: %v", err)
	}
}
