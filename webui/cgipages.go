package webui

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html"
	"net/http"
	"strings"
)

// The pages of an SPA112, SPA122 and SPA232D. Of the real ones public scripts tell names,
// ids and the table of the tab Information (surface-2.md §1.5: field); what stands on
// the others, and that the settings of the network half are fields like those of the
// voice half, is inferred.

// A menu is an entry above the pages.
type menu struct{ page, label string }

var menus = []menu{{"Network_Service.asp", "Network Setup"}, {"voice.asp", "Voice"}, {"Management.asp", "Administration"}, {"Status.asp", "Status"}}

func (c *cgi) get() answer {
	switch c.page {
	case "/", "/login.asp", "/login.cgi":
		return c.loginPage("")
	}
	switch {
	case !strings.HasSuffix(c.page, ".asp"):
		return c.missing()
	case c.account() == "":
		return c.loginPage("") // inferred
	}
	a := c.show()
	if c.Method == http.MethodHead {
		a.body = nil
	}
	return a
}

// show is a page for who has a session.
func (c *cgi) show() answer {
	switch c.page {
	case "/index.asp", "/Status.asp":
		return c.framed("Status.asp", func(s *sheet) {
			s.put("<div id=\"Status\">\n")
			s.information(c)
			s.put("</div>\n")
		})
	case "/voice.asp":
		return c.framed("voice.asp", func(s *sheet) {
			s.put("<iframe id=\"iframe\" src=\"/voice_pages.asp", sessionMark, c.session, "\"></iframe>\n")
		})
	case "/voice_pages.asp":
		s := c.voiceSheet()
		s.voicePages(c)
		return s.answer()
	case "/Network_Service.asp":
		return c.framed("Network_Service.asp", func(s *sheet) { s.oneTab(c, "Network Setup", "Network_Service") })
	case "/Management.asp":
		return c.framed("Management.asp", func(s *sheet) {
			s.oneTab(c, "Administration", "Management")
			s.tools(c)
		})
	case "/User_Level.asp":
		if !c.isAdmin() && !c.view.Unit.Row.Behaviour.Web.GuestExports {
			return c.refused(http.StatusForbidden, "the list of users, which is the administrator's")
		}
		return c.framed("Management.asp", func(s *sheet) { s.users(c) })
	}
	return c.failure(http.StatusNotFound)
}

// cgiSheet returns an empty page with the tabs that pick says.
func (c *cgi) cgiSheet(pick func(label string) bool) *sheet {
	s := newSheet(c.request)
	s.audience, s.router, s.pick = audience{admin: c.isAdmin(), advanced: true}, false, pick
	return s
}

func (c *cgi) voiceSheet() *sheet {
	return c.cgiSheet(func(label string) bool { return label != "Network Setup" && label != "Administration" })
}

// framed is a page with the menu around it.
func (c *cgi) framed(page string, contents func(*sheet)) answer {
	s := c.cgiSheet(func(string) bool { return false })
	s.head()
	account := c.account()
	s.put("<div class=\"banner\"><b>cisco</b><div>Small Business<br><big>", html.EscapeString(s.look.title), "</big></div><span>", html.EscapeString(account), "</span></div>\n<div class=\"menu\">")
	for _, m := range menus {
		class := ""
		if m.page == page {
			class = " class=\"chosen\""
		}
		s.put("<a id=\"trt_", m.page, "\"", class, " href=\"/", m.page, sessionMark, c.session, "\">", m.label, "</a>")
	}
	s.put("</div>\n<div class=\"contents\">\n")
	contents(s)
	s.put("</div>\n<div class=\"foot\">Emulated by spafleet</div>\n</body>\n</html>\n")
	return s.answer()
}

func (s *sheet) head() {
	s.put("<html>\n<head>\n<title>", html.EscapeString(s.look.title), "</title>\n<style>\n", s.look.css(), "</style>\n</head>\n<body>\n")
}

// applyForm opens a form of apply.cgi.
func (s *sheet) applyForm(c *cgi, button string, more ...string) {
	s.put("<form method=\"post\" action=\"/apply.cgi", sessionMark, c.session, "\">\n")
	if s.asksToken() {
		more = append(more, "csrftoken="+s.csrfToken())
	}
	for _, pair := range append([]string{"submit_button=" + button, "gui_action=Apply", "session_key=" + c.session}, more...) {
		name, value, _ := strings.Cut(pair, "=")
		s.put("<input type=\"hidden\" name=\"", name, "\" value=\"", html.EscapeString(value), "\">\n")
	}
}

// voicePages are the tabs inside the frame of the page Voice.
func (s *sheet) voicePages(c *cgi) {
	s.head()
	leaves := s.leaves()
	s.applyForm(c, "Voice")
	s.put("<div class=\"tabs\">")
	s.tab("Information")
	for _, l := range leaves {
		s.tab(l.label)
	}
	s.put("</div>\n")
	s.warning()
	s.page("Information", func() { s.information(c) })
	for _, l := range leaves {
		s.leaf(l)
	}
	s.buttons(len(leaves) > 0)
	s.put("</form>\n<script>\n", styles["tabs.js"], "</script>\n</body>\n</html>\n")
}

// oneTab is a page of the network half.
func (s *sheet) oneTab(c *cgi, label, button string) {
	s.pick = func(l string) bool { return l == label }
	s.applyForm(c, button)
	leaves := s.leaves()
	for _, l := range leaves {
		s.leaf(l)
	}
	s.buttons(len(leaves) > 0)
	s.put("</form>\n")
}

// tools are the forms of the page Administration that are no settings.
func (s *sheet) tools(c *cgi) {
	if !s.audience.admin {
		return
	}
	tool := func(title, button, text string, more ...string) {
		s.put("<h4>", title, "</h4>\n")
		s.applyForm(c, button, more...)
		s.put("<input type=\"submit\" value=\"", text, "\">\n</form>\n")
	}
	tool("Reboot", "Reboot", "Reboot", "need_reboot=1")
	tool("Factory Defaults", "Factory_Defaults", "Restore Factory Defaults", "FactoryDefaults=1", "VoiceDefaults=1")
	s.put("<h4>Firmware Upgrade</h4>\n<form method=\"post\" enctype=\"multipart/form-data\" action=\"/upgrade.cgi", sessionMark, c.session, "\">\n",
		"<input type=\"hidden\" name=\"submit_button\" value=\"Upgrade\">\n<input type=\"file\" name=\"file\">\n<input type=\"submit\" value=\"Upgrade\">\n</form>\n",
		"<p><a href=\"/User_Level.asp", sessionMark, c.session, "\">User List</a></p>\n")
}

// users has the accounts in lines of script, with the hashes of their passwords (field).
func (s *sheet) users(c *cgi) {
	s.put("<h4>User List</h4>\n<table class=\"stat\" id=\"users\"></table>\n<script>\nvar table = [];\nfunction AAA(name, hash, level) { this.name = name; this.hash = hash; this.level = level; }\n")
	for i, of := range []func() (string, string){c.view.AdminLogin, c.view.GuestLogin} {
		name, password := of()
		fmt.Fprintf(s, "table[%d]=new AAA(%s,\"%s\",\"%d\")\n", i, scriptText(name), Hashed(password), i)
	}
	s.put("for (var i = 0; i < table.length; i++) {\n  var row = document.getElementById(\"users\").insertRow();\n  row.insertCell().textContent = table[i].name;\n",
		"  row.insertCell().textContent = table[i].level == 0 ? \"Administrator\" : \"User\";\n}\n</script>\n")
}

// scriptText quotes a text for a script.
func scriptText(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < ' ' || strings.ContainsRune(`"\<>&'`, r) || r > '~' {
			fmt.Fprintf(&b, `\u%04x`, min(r, 0xffff))
		} else {
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}

// information is the table of the tab Information: the items of the status document, two
// a row, with a blank row and a title above each part. Scripts count its rows: the ninth
// has the elapsed time, line 1 begins with the 17th, line 2 with the 44th (field).
func (s *sheet) information(c *cgi) {
	items := statusItems(c.view.StatusXML())
	value := func(name string) string {
		for i := range items {
			if items[i].Label == name {
				v := items[i].Value
				items[i].Label = "" // names of lines repeat
				return v
			}
		}
		return ""
	}
	s.put("<table class=\"stat\">\n")
	title := func(text string) {
		s.put("<tr class=\"blank\"><td colspan=\"4\">&nbsp;</tr>\n<tr class=\"title\"><td colspan=\"4\">", text, "</tr>\n")
	}
	row := func(suffix string, names ...string) {
		s.put("<tr>")
		for _, name := range names {
			v := value(name + suffix)
			if name == "MAC_Address" {
				v = c.view.Unit.MAC.Upper()
			}
			s.put("<td>", html.EscapeString(blanks(name)), ":<td><font color=\"darkblue\">", html.EscapeString(v), "</font>")
		}
		s.put("</tr>\n")
	}
	title("Product Information")
	row("", "Product_Name", "Serial_Number")
	row("", "Software_Version", "Hardware_Version")
	row("", "MAC_Address", "Client_Certificate")
	row("", "Customization")
	title("System Status")
	row("", "Current_Time", "Elapsed_Time")
	for _, kind := range []string{"RTP_Packets_Sent RTP_Bytes_Sent", "RTP_Packets_Recv RTP_Bytes_Recv", "SIP_Messages_Sent SIP_Bytes_Sent", "SIP_Messages_Recv SIP_Bytes_Recv", "External_IP"} {
		row("", strings.Fields(kind)...)
	}
	for n := range c.view.Unit.Row.Model.Lines {
		tail := fmt.Sprintf("_%d_", n+1)
		title(fmt.Sprintf("Line %d Status", n+1))
		s.lineRows(row, value, tail)
	}
	s.put("</table>\n")
}

// lineRows are the rows of a line. Names without its number come in the order of lines.
func (s *sheet) lineRows(row func(string, ...string), value func(string) string, tail string) {
	pairs := func(labels ...string) {
		s.put("<tr>")
		for i := 0; i < len(labels); i += 2 {
			s.put("<td>", html.EscapeString(labels[i]), ":<td><font color=\"darkblue\">", html.EscapeString(value(labels[i+1])), "</font>")
		}
		s.put("</tr>\n")
	}
	pairs("Hook State", "Hook_State"+tail, "Registration State", "Registration_State")
	pairs("Last Registration At", "Last_Registration_At", "Next Registration In", "Next_Registration_In")
	pairs("Message Waiting", "Message_Waiting", "Call Back Active", "Call_Back_Active"+tail)
	pairs("Last Called Number", "Last_Called_Number"+tail, "Last Caller Number", "Last_Caller_Number"+tail)
	pairs("Mapped SIP Port", "Mapped_SIP_Port")
	for _, item := range callItems {
		row(tail, "Call_1_"+item, "Call_2_"+item)
	}
}

// callItems are what the status says of each call (field).
var callItems = strings.Fields(`State Tone Encoder Decoder FAX Type Remote_Hold Callback Peer_Name Peer_Phone Duration Packets_Sent Packets_Recv
	Bytes_Sent Bytes_Recv Decode_Latency Jitter Round_Trip_Delay Packets_Lost Packet_Error`)

type pair struct{ Label, Value string }

// statusItems reads the document of the status.
func statusItems(document []byte) []pair {
	var items []pair
	d := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := d.Token()
		if err != nil {
			return items
		}
		switch t := token.(type) {
		case xml.StartElement:
			items = append(items, pair{Label: t.Name.Local})
		case xml.CharData:
			if len(items) > 0 && items[len(items)-1].Value == "" {
				items[len(items)-1].Value = strings.TrimSpace(string(t))
			}
		}
	}
}
