package report

import (
	"cmp"
	"fmt"
	"strings"

	"spafleet/device/measure"
	"spafleet/host/lines"
	"spafleet/scenarios/tally"
)

// endings say how a transfer ended, by result and phase. {wait} is the wait that
// ran out, {code} what the server answered, {scheme} and {what} the transfer's.
var endings = map[[2]string]string{
	{"rule", "rule"}:            "the rule cannot be read",
	{"scheme", "rule"}:          "the firmware has no client for the rule's scheme",
	{"dns", "rule"}:             "no server: neither the rule nor option 66 names one, nothing was sent",
	{"restricted", "admission"}: "server outside Restricted_Access_Domains",
	{"connect", "admission"}:    "not sent: spafleet may not contact this address",
	{"dns", "dns"}:              "the server's name was not resolved",
	{"connect", "route"}:        "no route to the server",
	{"connect", "connect"}:      "connection refused",
	{"timeout", "connect"}:      "no connection within {wait}",
	{"tls", "tls"}:              "TLS handshake failed",
	{"connect", "tls"}:          "connection closed during the TLS handshake",
	{"timeout", "tls"}:          "no TLS handshake within {wait}",
	{"connect", "first_byte"}:   "connection closed without a byte",
	{"timeout", "first_byte"}:   "no first byte within {wait}",
	{"corrupt", "header"}:       "the answer is not {scheme}, or its header too long",
	{"timeout", "header"}:       "header incomplete after {wait}",
	{"timeout", "progress"}:     "the server only repeats packets",
	{"corrupt", "body"}:         "connection closed in the middle of the file",
	{"timeout", "body"}:         "file incomplete after {wait}",
	{"corrupt", "size"}:         "the file is larger than the device takes",
	{"status", "status"}:        "{code}",
	{"not_found", "status"}:     "{code}, file not found",
	{"corrupt", "decode"}:       "the file is not a valid {what}",
	{"decrypt", "decode"}:       "the file cannot be decrypted",
	{"backoff", "decode"}:       "the file is a back-off mark",
	{"corrupt", "install"}:      "the device refuses to install the file",
}

// Ending says in words how a resync, upgrade or report failed.
func Ending(f *tally.Failure) string {
	text, known := endings[[2]string{f.Result, f.Phase}]
	if !known {
		text = fmt.Sprintf("result %s in phase %s", f.Result, cmp.Or(f.Phase, "none"))
	}
	what := cmp.Or(whats[f.What], f.What)
	text = strings.NewReplacer("{wait}", Seconds(f.Wait), "{code}", answer(f), "{scheme}", strings.ToUpper(f.Scheme), "{what}", what).Replace(text)
	if f.TLSError != 0 {
		text += fmt.Sprintf(", certificate error %d", f.TLSError)
	}
	if f.Alert != 0 {
		text += fmt.Sprintf(", alert %d", f.Alert)
	}
	return text
}

// answer is what the server answered.
func answer(f *tally.Failure) string {
	if f.TFTPError != nil {
		return fmt.Sprintf("TFTP error %d", *f.TFTPError)
	}
	return fmt.Sprintf("HTTP %d", f.Status)
}

// whats name the kinds of files.
var whats = map[string]string{"profile": "profile", "image": "firmware image", "report": "report", "ca": "CA file", "customization": "customization file",
	"dictionary": "dictionary", "picture": "background picture", "ring_tone": "ring tone", "directory": "XML directory", "rss": "news feed", "sccp": "SCCP configuration", "xml_service": "XML application"}

// rules name what asks for a file where its kind does not say it.
var rules = map[string]string{"B": " of Profile_Rule_B", "C": " of Profile_Rule_C", "D": " of Profile_Rule_D", "url": " by URL command"}

// asked says what was asked for.
func asked(f *tally.Failure) string {
	if f.What == "" {
		return "no file asked for"
	}
	ask := cmp.Or(whats[f.What], f.What) + rules[f.Rule]
	switch {
	case f.What == "ca":
		ask = whats["ca"]
	case f.Param != "":
		ask += " of " + f.Param
	}
	return ask + " by " + f.Scheme
}

// Describe says what was asked for and how that failed.
func Describe(f *tally.Failure) string { return asked(f) + ": " + Ending(f) }

// writeFailures writes the failures by cause, the most frequent first.
func writeFailures(b *strings.Builder, r *Report) {
	list := r.Findings.Errors
	if len(list) == 0 {
		return
	}
	b.WriteString("\nfailures by cause\n")
	rest := r.Findings.ErrorsMore
	for i := range list {
		f := &list[i]
		if i >= mostFindings {
			rest += f.Count
			continue
		}
		writeFailure(b, f, f.Example.At.Sub(r.FleetStart).Seconds())
	}
	if rest > 0 {
		fmt.Fprintf(b, "  %7d × other causes; the JSON result has more\n", rest)
	}
}

const indent = "            "

func writeFailure(b *strings.Builder, f *tally.Failure, at float64) {
	first := Describe(f)
	if f.Err != "" && !strings.HasSuffix(first, f.Err) {
		first += fmt.Sprintf(" (%q)", f.Err)
	}
	wrap(b, fmt.Sprintf("  %7d × ", f.Count), first)
	wrap(b, indent, measure.Counts(f.Models, mostModels))
	example := "e.g. " + cmp.Or(f.Example.MAC, fmt.Sprintf("device %d", f.Example.Index)) + " after " + Seconds(max(at, 0))
	if f.Example.URL != "" {
		example += ", " + f.Example.URL
	}
	wrap(b, indent, example)
	if f.Example.Said != "" {
		wrap(b, indent, fmt.Sprintf("the server sent: %q", f.Example.Said))
	}
	if f.Hint != "" {
		wrap(b, indent, "hint: "+f.Hint)
	}
}

// mostModels is how many models one line names.
const mostModels = 3

// wrap writes words in lines that fit a terminal.
func wrap(b *strings.Builder, head, text string) {
	b.WriteString(lines.Hang(head, indent+"  ", text))
}
