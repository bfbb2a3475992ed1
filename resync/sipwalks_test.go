package resync_test

import (
	"net/netip"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/sip"
)

// heard gives requests to the SIP port of a device, and observes its answers.
func heard(model string, requests ...string) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		row := rowOf(t, model, setting)
		var answers strings.Builder
		for dev := range 20 { // of 16 numbers one is short
			unit := devicetest.Known(row, 0)
			unit.Index += 1000 * device.Index(dev)
			phone := sip.Phone{Unit: &unit, Params: devicetest.Params(t, row.Factory), Lines: &sip.Lines{}, Seed: 1}
			for _, text := range requests {
				text = strings.ReplaceAll(strings.TrimLeft(text, "\n"), "\n", "\r\n")
				for _, m := range phone.Hear(1, netip.MustParseAddrPort("192.0.2.9:5060"), []byte(text)).Send {
					answers.Write(m.Text)
				}
			}
		}
		return answers.String()
	}
}

const options = `
OPTIONS sip:127.64.0.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1
From: <sip:pbx@192.0.2.9>;tag=1
To: <sip:127.64.0.1>
Call-ID: 1@192.0.2.9
CSeq: 1 OPTIONS

`

var notify = strings.ReplaceAll(strings.Replace(options, "\n\n", "\nEvent: resync\n\n", 1), "OPTIONS", "NOTIFY")

var sipWalks = map[string]walk{
	"sip_names":     {"plain", "quoted", registering(func(o sip.Outcome) string { return string(o.Send[0].Text) })},
	"sip_refresh":   {"30s", "60s", registering(func(o sip.Outcome) string { return o.Logs[0].Text })},
	"sip_options":   {"no_cseq", "stray", heard("RT31P2", options)},
	"sip_numbers":   {"padded", "bare", heard("SPA962", options)},
	"sip_features":  {"x-sipura", "replaces", heard("PAP2T", options)},
	"sip_challenge": {"plain", "qop", heard("SPA942", notify)},
	"sip_mailbox":   {"boot", "registered", keepingUp},
	"sip_nonce":     {"new", "kept", keepingUp},
}

// registering observes what a device does that registers and whose server grants it 600 s:
// its REGISTER, and what follows from the answer.
func registering(observe func(sip.Outcome) string) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		row := rowOf(t, "PAP2T", setting)
		unit := devicetest.Known(row, 0)
		params := devicetest.Params(t, row.Factory, "User_ID_1_=100", "Display_Name_1_=A B", "Proxy_1_=192.0.2.9")
		phone := sip.Phone{Unit: &unit, Params: params, Lines: &sip.Lines{}, Seed: 1, Booted: 1, Now: 2, Registers: true}
		asked := phone.Consider()
		if len(asked.Send) != 1 {
			t.Fatalf("it sends %d messages", len(asked.Send))
		}
		_, head, _ := strings.Cut(string(asked.Send[0].Text), "\r\n")
		granted := phone.Hear(1, netip.MustParseAddrPort("192.0.2.9:5060"), []byte("SIP/2.0 200 OK\r\nExpires: 600\r\n"+strings.Replace(head, "Contact", "X-Contact", 1)))
		granted.Send = asked.Send
		return observe(granted)
	}
}

// keepingUp observes what a line says that registers, has a mailbox, and refreshes once; its
// server asks for credentials wherever there are none.
func keepingUp(t *testing.T, setting string) string {
	row := rowOf(t, "SPA504G 7.5.5", setting)
	unit := devicetest.Known(row, 0)
	params := devicetest.Params(t, row.Factory, "User_ID_1_=100", "Proxy_1_=192.0.2.9", "Voice_Mail_Server_1_=192.0.2.9")
	phone := sip.Phone{Unit: &unit, Params: params, Lines: &sip.Lines{}, Seed: 1, Booted: 1, Now: 2, Registers: true}
	said := ""
	var serve func(sip.Outcome)
	serve = func(o sip.Outcome) {
		for _, m := range o.Send {
			said += string(m.Text)
		}
		for _, m := range o.Send {
			text := string(m.Text)
			status := "200 OK\r\nExpires: 600"
			if !strings.Contains(text, "Authorization:") {
				status = `401 X` + "\r\n" + `WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"`
			}
			_, head, _ := strings.Cut(text, "\r\n")
			serve(phone.Hear(1, netip.MustParseAddrPort("192.0.2.9:5060"), []byte("SIP/2.0 "+status+"\r\n"+strings.Replace(head, "Expires", "X-Expires", 1))))
		}
	}
	serve(phone.Consider())
	phone.Now = phone.Lines.Due()
	serve(phone.Due())
	return said
}
