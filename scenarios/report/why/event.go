package why

import (
	"cmp"
	"regexp"
	"time"

	"spafleet/device/rule"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// An event is a line of an event log.
type event struct {
	At          time.Time  `json:"at"`
	Kind        string     `json:"kind"`
	State       string     `json:"state"`
	Cause       string     `json:"cause"`
	Via         string     `json:"via"`
	Reason      string     `json:"reason"`
	Result      string     `json:"result"`
	Err         string     `json:"err"`
	Text        string     `json:"text"`
	Changed     int        `json:"changed"`
	Line        int        `json:"line"`
	Reboot      string     `json:"reboot"`
	Alternative int        `json:"alternative"`
	Next        *time.Time `json:"next"`
	Partly      string     `json:"partly"`
	Unknown     []string   `json:"unknown"`
	Rejected    []string   `json:"rejected"`
	Refused     []string   `json:"refused"`
	transfer
	unit
}

// A transfer is what a line says of a file.
type transfer struct {
	Rule       string `json:"rule"`
	What       string `json:"what"`
	Param      string `json:"param"`
	Scheme     string `json:"scheme"`
	Host       string `json:"host"`
	Path       string `json:"path"`
	Repeat     int    `json:"repeat"`
	Status     int    `json:"status"`
	Bytes      int    `json:"bytes"`
	Phase      string `json:"phase"`
	Wait       int64  `json:"wait_ns"`
	TFTPError  *int   `json:"tftp_error"`
	Said       string `json:"said"`
	TLSError   int    `json:"tls_error"`
	Alert      int    `json:"alert"`
	Protection string `json:"protection"`
	Secrets    int    `json:"secrets"`
	Hint       string `json:"hint"`
}

// A unit is what the first line of a device says of it.
type unit struct {
	Model    string `json:"model"`
	Firmware string `json:"firmware"`
	Serial   string `json:"serial"`
}

// failure returns how a transfer, or what it was for, ended.
func (e *event) failure() string {
	text := report.Ending(&tally.Failure{
		What: e.What, Scheme: e.Scheme, Phase: e.Phase, Result: e.Result, Status: e.Status, TFTPError: e.TFTPError,
		TLSError: e.TLSError, Alert: e.Alert, Wait: time.Duration(e.Wait).Seconds(),
	})
	if words := certificateErrors[e.TLSError]; words != "" {
		text += ": " + words
	}
	return text
}

// certificateErrors say what OpenSSL's numbers mean; 50 is the firmware's own.
var certificateErrors = map[int]string{
	2: "the issuer's certificate is missing", 4: "the certificate cannot be read", 6: "the issuer's key cannot be read", 7: "the signature is wrong",
	9: "the certificate is not yet valid", 10: "the certificate has expired", 18: "the certificate is signed by itself",
	19: "the chain ends in an authority that the device does not trust", 20: "the device does not know the issuer",
	22: "the chain is too long", 24: "an issuer is no authority", 25: "the chain is longer than an authority allows",
	26: "the certificate is for another purpose", 34: "an extension is critical and unknown", 50: "the certificate is for another name",
}

// url returns what was asked for.
func (e *event) url() string {
	if e.Scheme == "" {
		return ""
	}
	return e.Scheme + "://" + e.Host + e.Path
}

// Secrets that a URL, or the beginning of a file, may show.
var (
	secretQuery = regexp.MustCompile(`(?i)([?&;][^=&\s]*(?:pass|pwd|secret|token|key|pin)[^=&\s]*=)[^&\s]+`)
	secretValue = regexp.MustCompile(`(?i)(<[^<>]*(?:pass|pwd|secret|key|pin|GPP_S)[^<>]*>)[^<]+`)
	userOfURL   = regexp.MustCompile(`(://)[^/@\s]+@`)
)

// shown returns a text without the secrets that it may hold.
func shown(text string) string {
	text = rule.WithoutKeys(text)
	text = secretQuery.ReplaceAllString(text, "${1}***")
	text = secretValue.ReplaceAllString(text, "${1}***")
	return userOfURL.ReplaceAllString(text, "${1}***@")
}

// causes say what started a resync or an upgrade.
var causes = map[string]string{
	"power_on": "the first after the boot", "periodic": "by Resync_Periodic", "retry": "again, after one that failed", "daily": "by Resync_At",
	"trigger": "by Resync_Trigger", "web": "asked for by its web server", "notify": "asked for by a SIP NOTIFY", "keypad": "asked for by the keypad",
	"upgrade": "by Upgrade_Rule, or after an upgrade", "step": "asked for by the scenario", "rc": "remote customization", "xml_push": "asked for by an XML push",
}

// reasons say why a device boots.
var reasons = map[string]string{
	"power": "the power came", "params": "changed parameters ask for it", "upgrade_ok": "the new firmware starts", "upgrade_failed": "the upgrade failed",
	"web": "its web server was asked to", "ivr": "the keypad was asked to", "notify": "a SIP NOTIFY asked for it", "step": "the scenario asked for it",
	"factory_reset": "of a factory reset", "customization": "remote customization is done",
}

// rules name what a letter stands for.
var rules = map[string]string{
	"A": "Profile_Rule", "B": "Profile_Rule_B", "C": "Profile_Rule_C", "D": "Profile_Rule_D", "U": "Upgrade_Rule", "R": "Report_Rule", "u": "the command's URL",
	"r": "remote customization",
}

// asker names what asks for a file: a rule, or the parameter of an extra file.
func (e *event) asker() string { return cmp.Or(e.Param, rules[e.Rule], e.Rule, "it") }

func named(table map[string]string, key string) string {
	if text, ok := table[key]; ok {
		return text
	}
	return key
}

// mostNamed is how many parameters one line names.
const mostNamed = 12
