package webui

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
)

// executePath is where 5xx phones take XML documents of orders: XML push
// (surface-2.md §2.3).
const executePath = "/CGI/Execute"

// The bounds of a push. Cisco's documents have both for its other phones; that a
// 5xx phone reads 512 bytes says the README of a public client.
const (
	mostPush  = 512
	mostItems = 3
)

// The numbers of CiscoIPPhoneError (Cisco's XML services: documented).
const (
	pushParse = "1"
	pushLogin = "4"
)

// A push is a request to that path.
type push struct{ *request }

// execute carries out a push. Of its orders Resync does something here, and an address by HTTP
// is fetched; the others are for calls and the display, and are answered as if done. The first
// resync of a document counts, without one the first address (inferred). The forms of the answers are those of
// the firmware's texts; that errors come with status 200, and a login with 401, is
// inferred.
func (q push) execute() answer {
	if q.Method != http.MethodPost {
		return q.failure(http.StatusMethodNotAllowed)
	}
	if p, ok := q.view.Unit.Row.Lookup("CISCO_XML_EXE_Enable"); ok && !isOn(q.view.Params.Get(p.ID)) {
		return q.failure(http.StatusForbidden) // the status is inferred
	}
	if challenge := q.asks(); challenge != "" {
		a := pushError(pushLogin)
		a.status, a.challenge = http.StatusUnauthorized, challenge
		return a
	}
	items, ok := pushedItems(q.document())
	if !ok {
		return pushError(pushParse)
	}
	a := q.response(items)
	for _, url := range items {
		if rule, ok := strings.CutPrefix(url, "Resync:"); ok {
			a.command = &device.Command{Order: device.Resync, Argument: rule, Cause: model.ByXMLPush, Requester: q.from}
			return a
		}
	}
	for _, url := range items {
		if strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://") {
			a.command = &device.Command{Order: device.XMLService, Argument: url, Cause: model.ByXMLPush, Requester: q.from}
			break
		}
	}
	return a
}

func isOn(value string) bool {
	on, ok := model.ParseBool(strings.TrimSpace(value))
	return ok && on
}

// asks returns the challenge for a push without the credentials that the
// mode asks for: Trusted none, Local Credential the user's password, Remote
// Credential what XML applications log in with (guide of SPA300 and SPA500: documented,
// as is that an account without a password asks for none). Digest is documented;
// a public client sends Basic, which is taken too (field, weak).
func (q push) asks() string {
	var account login
	switch mode := q.view.Get("CISCO_XML_EXE_Auth_Mode"); {
	case q.view.Unit.Row.Behaviour.Web.XMLPushOpen:
	case mode == "Local Credential":
		account = login{"user", q.view.Get("User_Password")}
	case mode == "Remote Credential":
		account = login{q.view.Get("XML_User_Name"), q.view.Get("XML_Password")}
	}
	if name, password, ok := q.BasicAuth(); ok && (login{name, password}) == account {
		return ""
	}
	return q.challenge(account)
}

// document returns what was pushed: the field XML of a form, "" where there is none or
// the body is too long.
func (q push) document() string {
	body, err := io.ReadAll(io.LimitReader(q.Body, mostPush+1))
	if err != nil || len(body) > mostPush {
		return ""
	}
	for field := range strings.SplitSeq(string(body), "&") {
		if name, value, ok := strings.Cut(field, "="); ok && name == "XML" {
			return lenientUnescape(value)
		}
	}
	return ""
}

// pushedItems returns the URLs of the items of a CiscoIPPhoneExecute document, false
// where it is none.
func pushedItems(document string) (urls []string, ok bool) {
	var push struct {
		XMLName xml.Name `xml:"CiscoIPPhoneExecute"`
		Items   []struct {
			URL string `xml:"URL,attr"`
		} `xml:"ExecuteItem"`
	}
	d := xml.NewDecoder(strings.NewReader(document))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	if err := d.Decode(&push); err != nil || len(push.Items) == 0 || len(push.Items) > mostItems {
		return nil, false
	}
	for _, item := range push.Items {
		urls = append(urls, item.URL)
	}
	return urls, true
}

// pushActions are what the firmware's texts know (field).
var pushActions = []string{"SoftKey:", "Key:", "RTPRx:", "RTPTx:", "Play:", "Dial:", "EditDial:", "Resync:", "Display:", "http://", "https://"}

// response answers each item. The text for one that is not known is that of
// 7.6.2f; before there is none. Its status is inferred.
func (q push) response(urls []string) answer {
	var b bytes.Buffer
	b.WriteString(pushDeclaration + "<CiscoIPPhoneResponse>\n")
	for _, url := range urls {
		status, data := "0", ""
		if !slices.ContainsFunc(pushActions, func(action string) bool { return strings.HasPrefix(url, action) }) {
			status = "1"
			if _, ok := q.view.Unit.Row.Lookup("CISCO_XML_EXE_Enable"); ok {
				data = "Unknow Action"
			}
		}
		b.WriteString(`<ResponseItem Status="` + status + `" Data="` + data + `" URL="`)
		_ = xml.EscapeText(&b, []byte(url)) // a buffer takes everything
		b.WriteString("\"/>\n")
	}
	b.WriteString("</CiscoIPPhoneResponse>\n")
	return answer{status: http.StatusOK, kind: xmlKind, body: b.Bytes()}
}

const pushDeclaration = `<?xml version="1.0" encoding="iso-8859-1"?>` + "\n"

func pushError(number string) answer {
	return answer{status: http.StatusOK, kind: xmlKind, body: []byte(pushDeclaration + `<CiscoIPPhoneError Number="` + number + "\"/>\n")}
}
