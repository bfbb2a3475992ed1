package sip

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"spafleet/device/chance"
)

// registers reports whether a line keeps up a registration: it is turned on, has an account
// and a server, and line 1 has one that Restricted_Access_Domains lets it ask (documented for
// line 1).
func (p *Phone) registers(line uint8) bool {
	server := p.server(line)
	return p.is("Register_", line, true) && p.setting("User_ID_", line) != "" && server != "" && p.mayAsk(line, server)
}

// mayAsk reports whether a line may ask a server.
func (p *Phone) mayAsk(line uint8, server string) bool {
	return line != 1 || p.Params.MayAsk(hostOf(server), p.Unit.Row.Behaviour.ExactDomains)
}

// server returns where a line sends its requests: host[:port].
func (p *Phone) server(line uint8) string {
	if p.is("Use_Outbound_Proxy_", line, false) {
		if proxy := p.setting("Outbound_Proxy_", line); proxy != "" {
			return bare(proxy)
		}
	}
	return bare(p.setting("Proxy_", line))
}

// bare returns a proxy as it is set without scheme and parameters.
func bare(proxy string) string {
	proxy = strings.TrimPrefix(strings.TrimPrefix(proxy, "sip:"), "sips:")
	proxy, _, _ = strings.Cut(proxy, ";")
	return oneLine(strings.TrimSpace(proxy))
}

func hostOf(server string) string {
	if at, err := netip.ParseAddrPort(server); err == nil {
		return at.Addr().String()
	}
	if _, err := netip.ParseAddr(server); err == nil {
		return server
	}
	host, _, _ := strings.Cut(server, ":")
	return host
}

// seconds reads a parameter that is a number of seconds, fallback where there is none.
func (p *Phone) seconds(name string, fallback float64) time.Duration {
	text, _ := p.Params.Lookup(name)
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(v >= 0 && v <= 1<<31) {
		v = fallback
	}
	return time.Duration(v * float64(time.Second))
}

// lifetime is how long a line asks to be registered, in seconds.
func (p *Phone) lifetime(line uint8) uint32 {
	n, err := strconv.ParseUint(p.setting("Register_Expires_", line), 10, 31)
	if err != nil || n == 0 {
		n = 3600
	}
	return p.bounded(uint32(n))
}

// bounded keeps a lifetime within Reg_Min_Expires and Reg_Max_Expires: the names are
// documented, that they bound what a server grants too is inferred.
func (p *Phone) bounded(n uint32) uint32 {
	low, high := p.seconds("Reg_Min_Expires", 1), p.seconds("Reg_Max_Expires", 7200)
	if high > 0 {
		n = min(n, uint32(high/time.Second))
	}
	return max(n, uint32(low/time.Second), 1)
}

// registeredFor returns for how many seconds an answer registers a line.
func (d dialog) registeredFor(k *packet) uint32 {
	own := "<" + d.contact(d.l.number) + ">"
	for _, f := range k.fields {
		if f.name != "contact" {
			continue
		}
		for one := range strings.SplitSeq(f.value, ",") {
			address, params, ok := strings.Cut(one, own)
			if !ok || strings.Contains(address, ">") {
				continue
			}
			for param := range strings.SplitSeq(params, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
				if n, err := strconv.ParseUint(value, 10, 31); strings.EqualFold(name, "expires") && err == nil {
					return uint32(n)
				}
			}
		}
	}
	return expiresOf(k, d.l.tx.expires)
}

// retry returns the wait after a REGISTER that failed, 0 for none until the next boot. The
// parameters and their defaults are documented, what they do is inferred from their names: after Reg_Retry_Intvl, which doubles up to Reg_Retry_Intvl_Cap, where no answer came or
// Retry_Reg_RSC has its status; else after Reg_Retry_Long_Intvl.
func (d dialog) retry(status int) time.Duration {
	if status != 0 && !listsStatus(d.param("Retry_Reg_RSC"), status) {
		wait := d.seconds("Reg_Retry_Long_Intvl", 1200)
		if wait == 0 {
			return 0
		}
		return max(wait+d.part("Reg_Retry_Long_Random_Delay"), time.Second)
	}
	wait := max(d.seconds("Reg_Retry_Intvl", 30), time.Second)
	if most := d.seconds("Reg_Retry_Intvl_Cap", 0); most > 0 {
		wait = max(min(wait<<min(d.l.fails, 20), most), time.Second)
	}
	return wait + d.part("Reg_Retry_Random_Delay")
}

// part returns a random part of a delay, in whole seconds.
func (d dialog) part(name string) time.Duration {
	most := d.seconds(name, 0)
	return time.Duration(chance.Share(d.chance(chance.SIPRetry, uint64(d.l.seq))) * float64(most)).Truncate(time.Second)
}

// listsStatus reports whether a list of statuses, as "403, 5??", has one.
func listsStatus(list string, status int) bool {
	text := strconv.Itoa(status)
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		if len(word) != len(text) {
			continue
		}
		fits := true
		for i := range word {
			fits = fits && (word[i] == '?' || word[i] == text[i])
		}
		if fits {
			return true
		}
	}
	return false
}

func (p *Phone) param(name string) string {
	value, _ := p.Params.Lookup(name)
	return value
}

// register returns a REGISTER: its header fields are in the order of traces, it has no
// Expires (surface-2.md §6.1 a: field).
func (d dialog) register(l *Line, credentials field) []byte {
	n := l.number
	a, domain := d.account(n), d.domain(n)
	who := d.displayed(n) + "<sip:" + a.user + "@" + domain + ">"
	b := make([]byte, 0, 768)
	b = append(b, "REGISTER sip:"+domain+" SIP/2.0\r\n"...)
	b = appendField(b, "Via", d.via())
	b = appendField(b, "From", who+";tag="+d.tag()+"o"+strconv.Itoa(int(n)-1))
	b = appendField(b, "To", who)
	b = appendField(b, "Call-ID", d.callID())
	b = appendField(b, "CSeq", strconv.FormatUint(uint64(l.seq), 10)+" REGISTER")
	b = appendField(b, "Max-Forwards", d.maxForwards())
	b = appendField(b, credentials.name, credentials.value)
	if l.kind == registration { // one that keeps a way through NAT open has none (documented)
		b = appendField(b, "Contact", d.displayed(n)+"<"+d.contact(n)+">;expires="+strconv.FormatUint(uint64(l.tx.expires), 10))
	}
	agent := d.name("SIP_User_Agent_Name")
	if d.param("SIP_Reg_User_Agent_Name") != "" {
		agent = d.name("SIP_Reg_User_Agent_Name")
	}
	b = appendField(b, "User-Agent", agent)
	b = appendField(b, "Content-Length", "0")
	b = appendField(b, "Allow", allow(d.Unit.Row))
	b = appendField(b, "Supported", supported(d.Unit.Row))
	return append(b, "\r\n"...)
}

// via is the Via of the next request: each number has a branch of its own.
func (d dialog) via() string {
	return "SIP/2.0/UDP " + d.at(d.l.number) + ";branch=z9hG4bK-" + d.number(d.chance(chance.SIPBranch, uint64(d.l.seq)))
}

// tag is the device's tag, another one after each boot.
func (d dialog) tag() string {
	tag := d.chance(chance.SIPTag, uint64(d.Booted))
	return d.number(tag>>32) + d.number(tag)
}

func (d dialog) maxForwards() string {
	return cmp.Or(strings.TrimSpace(d.param("Max_Forward")), "70")
}

// domain is what stands behind the @ of a line's address: its Proxy.
func (p *Phone) domain(line uint8) string {
	return cmp.Or(bare(p.setting("Proxy_", line)), p.server(line))
}

// port is the port that a line is reached at: that of its parameter, moved as far as the
// fleet's port is from 5060.
func (p *Phone) port(line uint8) uint16 {
	port := Port(p.Params, line)
	if p.Base != 0 {
		port += p.Base - 5060
	}
	return port
}

func (p *Phone) at(line uint8) string { return netip.AddrPortFrom(p.Unit.IP, p.port(line)).String() }

func (p *Phone) contact(line uint8) string {
	return "sip:" + oneLine(p.account(line).user) + "@" + p.at(line)
}

// displayed returns a display name and a blank, "" where the line has none. Quotation marks
// are a matter of firmware (surface-2.md §6.1, K59: field) and of Escape_Display_Name
// (its meaning: inferred).
func (p *Phone) displayed(line uint8) string {
	name := oneLine(p.setting("Display_Name_", line))
	switch escape := p.Params.Bool("Escape_Display_Name", false); {
	case name == "":
		return ""
	case escape:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `" `
	case p.Unit.Row.Behaviour.SIP.PlainNames:
		return name + " "
	}
	return `"` + name + `" `
}
