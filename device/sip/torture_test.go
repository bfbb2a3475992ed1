package sip

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a device without accounts answers to the messages of RFC 4475, that is: one to which
// any user is its own. 0: nothing. What devices really answer to them nobody has seen:
// the statuses are those of RFC 3261, and where that lets a phone choose, the one that
// comes first in [reply.refusal].
var torture = []struct {
	name   string
	status int
	why    string
}{
	// Section 3.1.1, valid messages.
	{"wsinv", 480, "a short tortuous INVITE: there are no calls"},
	{"intmeth", 501, "wide range of valid characters: no such method"},
	{"esc01", 480, "escaped characters in a user"},
	{"escnull", 405, "escaped nulls: a REGISTER is for a server"},
	{"esc02", 501, "a percent sign is no escape in a method"},
	{"lwsdisp", 200, "no blank between a display name and <"},
	{"longreq", 480, "long values in header fields"},
	{"dblreq", 405, "a second request behind the first: it is passed over"},
	{"semiuri", 200, "semicolons in a user"},
	{"transports", 200, "various transports in Via"},
	{"mpart01", 405, "a multipart MESSAGE"},
	{"unreason", 0, "an answer with an unusual reason"},
	{"noreason", 0, "an answer without a reason"},
	// Section 3.1.2, invalid messages.
	{"badinv01", 480, "extraneous separators: overlooked, which is allowed"},
	{"clerr", 400, "Content-Length is larger than the body"},
	{"ncl", 400, "a negative Content-Length"},
	{"scalar02", 400, "numbers that are too large"},
	{"scalarlg", 0, "the same in an answer"},
	{"quotbal", 400, "a quotation mark that is not closed, in To"},
	{"ltgtruri", 0, "a Request-URI in <>"},
	{"lwsruri", 0, "a blank in the Request-URI"},
	{"lwsstart", 0, "two blanks in the start line"},
	{"trws", 0, "blanks behind the start line"},
	{"escruri", 480, "a Request-URI with headers: passed over"},
	{"baddate", 480, "a Date with another zone than GMT: of no interest"},
	{"regbadct", 405, "Contact without the <> it needs"},
	{"badaspec", 400, "blanks within an address"},
	{"baddn", 400, "a comma in a display name without quotation marks"},
	{"badvers", 505, "another version of SIP"},
	{"mismatch01", 400, "another method in CSeq"},
	{"mismatch02", 400, "the same, with an unknown method"},
	{"bigcode", 0, "an answer with a status beyond all"},
	// Section 3.2 to 3.4.
	{"badbranch", 200, "a branch that is the cookie alone"},
	{"insuf", 400, "From, To and Call-ID are missing"},
	{"unkscm", 416, "an unknown scheme in the Request-URI"},
	{"novelsc", 0, "a scheme that is known elsewhere"},
	{"unksm2", 405, "unknown schemes in From and To"},
	{"bext01", 420, "Require and Proxy-Require with unknown extensions"},
	{"invut", 480, "an unknown Content-Type"},
	{"regaut01", 405, "an unknown scheme of Authorization"},
	{"multi01", 400, "fields that should be there once"},
	{"mcl01", 400, "two values of Content-Length"},
	{"bcast", 0, "an answer whose Via names a broadcast address"},
	{"zeromf", 200, "Max-Forwards 0: the device is where it ends"},
	{"cparam01", 405, "an unknown parameter of Contact"},
	{"cparam02", 405, "the same, of its address"},
	{"regescrt", 405, "an address with an escaped header"},
	{"sdp01", 480, "no offer that the device could take: there are no calls"},
	{"inv2543", 480, "a request as RFC 2543 has it: no branch, no tags"},
}

func TestTortureOfRFC4475(t *testing.T) {
	var known []string
	for _, test := range torture {
		known = append(known, test.name)
		text, err := os.ReadFile("testdata/rfc4475/" + test.name + ".dat")
		if err != nil {
			t.Fatal(err)
		}
		d := phone(t, "SPA942", "Auth_Resync-Reboot_1_=No")
		answer, o := d.hear(1, string(text))
		if status(answer) != test.status || o.Command.Order != 0 || len(o.Events) > 0 {
			t.Errorf("%s, %s: %d and %v, want %d", test.name, test.why, status(answer), o.Events, test.status)
		}
		if answer != "" && (!strings.Contains(answer, "\r\nVia: ") || !strings.HasSuffix(answer, "\r\n\r\n")) {
			t.Errorf("%s: the answer is\n%s", test.name, answer)
		}
	}
	files, err := filepath.Glob("testdata/rfc4475/*.dat")
	if err != nil || len(files) != 49 || len(known) != 49 {
		t.Errorf("%d files and %d lines, want 49 (%v)", len(files), len(known), err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".dat"); !slices.Contains(known, name) {
			t.Errorf("no line says what is answered to %s", name)
		}
	}
}
