package scenarios

import (
	"fmt"
	"strconv"
	"strings"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/prov"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

// mostReplicas is how many addresses a server's name has at most.
const mostReplicas = 16

func (r *reader) server(n *node, path string) *Server {
	s := &Server{Files: map[string]prov.Entry{}}
	r.walk(n, path, serverKeys(r, s)...)
	return s
}

// About the three listeners of a server that need no certificate.
const aboutListeners = "listeners: `true`, `false`, or a port (`true`: in virtual time the usual port, over sockets a free one). `syslog` takes the devices' log lines, where `${server.syslog}` names it, and keeps none"

// serverKeys are those of the built-in server.
func serverKeys(r *reader, s *Server) []key {
	return []key{
		{"name", "the host name that devices use and that the certificates contain (`prov.test`)", r.scalarAs(measure.Form{Pattern: "[^ /:]+"}, func(text string) error {
			s.Name = strings.ToLower(text)
			if s.Name == "" || strings.ContainsAny(text, " /:") {
				return fmt.Errorf("%q is not a host's name", text)
			}
			return nil
		})},
		{"replicas", "how many addresses that name has, from 127.0.0.1 on (1). At each the same answers; `${server.…}` then have the name, all but `${server.syslog}`, and a device asks one address after the other until a server answers (switch `dns_addresses`)", r.number(&s.Replicas, 1, mostReplicas)},
		{"tftp", aboutListeners, r.port(&s.TFTP)},
		{"http", aboutListeners, r.port(&s.HTTP)},
		{"syslog", aboutListeners, r.port(&s.Syslog)},
		{"sip", "a registrar, with which lines then register and from which `notify` comes: `true`, `false`, a port, or a map (`false`; `true`: port 5060 in virtual time, over sockets a free one). `${server.sip}` is where it is", value{registrarForm, func(n *node, path string) { r.registrar(s, n, path) }}},
		{"https", "`true`, one HTTPS listener or a list of them, each with one certificate (none)", value{listenersForm, func(n *node, path string) { r.https(s, n, path) }}},
		{"auth", "what HTTP and HTTPS ask of clients (nothing)", value{authForm, func(n *node, path string) { s.Auth = serverAuth(r.source, n, path) }}},
		{"latency", "how long the server takes for a request in virtual time: `20ms` or `20ms..2s` (0)", r.scalarAs(measure.SpanForm, func(text string) (err error) {
			s.Latency, err = parseLatency(text)
			return err
		})},
		{"workers", "how many requests it handles at once in virtual time; others wait in order (no limit)", r.count(&s.Workers)},
		{"files", "what it serves: a map of paths to a text, or to a map with `body`, `from`, `image` or `status`. Everything else is not found", value{filesForm, func(n *node, path string) { r.files(s, n, path) }}},
	}
}

// registrar reads whether there is a registrar, its port, or all about it.
func (r *reader) registrar(s *Server, n *node, path string) {
	g := &registrar{node: n}
	if n.kind == mapping {
		r.walk(n, path, registrarKeys(r, g)...)
	} else {
		r.port(&g.Port).read(n, path)
	}
	if s.SIP = g; g.Port.Off {
		s.SIP = nil
	}
}

// Register gives a server a registrar, unless it has one.
func (s *Server) Register() {
	if s.SIP == nil {
		s.SIP = &registrar{}
	}
}

// registrarKeys are those of a registrar.
func registrarKeys(r *reader, g *registrar) []key {
	return []key{
		{"port", "its port (5060 in virtual time, else a free one)", r.number(&g.Port.Number, 1, 65535)},
		{"password", "what each user is asked for by Digest, with `{{ }}` for the device that asks; a device that knows another stays unregistered (nobody is asked)", r.text(&g.Password)},
	}
}

// portText is that of port.
var portText = measure.BoolForm.Or(measure.Form{Pattern: "[0-9]+", Least: 1, Most: 65535})

// port reads whether a listener is there, or its port.
func (r *reader) port(to *Port) value {
	return r.scalarAs(portText, func(text string) error {
		if text == "true" || text == "false" {
			to.Off = text == "false"
			return nil
		}
		n, err := strconv.ParseUint(text, 10, 16)
		if to.Number = int(n); err != nil || n == 0 {
			return fmt.Errorf("%q is neither true, false nor a port", text)
		}
		return nil
	})
}

func (r *reader) files(s *Server, n *node, path string) {
	if !r.is(n, mapping, path, "a map of paths") {
		return
	}
	s.node = n
	for i, k := range n.keys {
		if k.kind == refused {
			continue
		}
		if !strings.HasPrefix(k.text, "/") {
			r.mistake(k, path, "a path begins with /")
			continue
		}
		s.Files[k.text] = r.entry(n.values[i], join(path, k.text))
	}
}

func (r *reader) entry(n *node, path string) prov.Entry {
	var e prov.Entry
	image := ""
	if n.kind == scalar {
		e.Body = n.text
		return e
	}
	known := r.walk(n, path, entryKeys(r, &e, &image)...)
	contents := 0
	for _, name := range []string{"body", "from", "image", "status"} {
		if n.get(name) != nil {
			contents++
		}
	}
	if known && contents != 1 {
		r.mistake(n, path, "needs exactly one of body, from, image and status")
	}
	if image != "" {
		r.image(&e, image, n.at("image"), path)
	}
	return e
}

// entryKeys are those of a file that is more than its text.
func entryKeys(r *reader, e *prov.Entry, image *string) []key {
	return []key{
		{"body", "the text", r.text(&e.Body)},
		{"from", "a file below the folder of the scenario; what is no text, or larger than 1 MB, is sent as it is", value{anyText, func(n *node, path string) { bodyFrom(r.source, e, n, path) }}},
		{"image", "`MODEL VERSION`: a firmware image that devices accept", r.text(image)},
		{"status", "an HTTP status without a file", r.scalarAs(measure.Form{Pattern: "[0-9]+", Least: 200, Most: 599}, func(text string) (err error) {
			e.Status, err = measure.Count(text)
			return err
		})},
		{"location", "where a `status` of 300 to 399 leads", r.text(&e.Location)},
		{"key", "encrypt as openssl does, with this pass phrase", r.text(&e.Key)},
		{"gzip", "`true`: compress, before it is encrypted", r.boolean(&e.Gzip)},
		{"bound", "`true`: only the device with the MAC address in the path can open it", r.boolean(&e.Bound)},
		{"ucs2", "`true`: the text in UCS-2 big endian, as phones want a dictionary", r.boolean(&e.UCS2)},
		{"size", "pad to this size: `16KB`", r.scalarAs(measure.SizeForm, func(text string) (err error) {
			e.Size, err = measure.Size(text)
			return err
		})},
	}
}

// imageSize is how large an image is that no size was given for.
const imageSize = 64 << 10

// image makes the firmware image MODEL VERSION.
func (r *reader) image(e *prov.Entry, text string, n *node, path string) {
	name, version, _ := strings.Cut(strings.TrimSpace(text), " ")
	m, err := model.FindModel(name)
	if err != nil {
		r.mistake(n, join(path, "image"), "%s", err)
		return
	}
	size := imageSize
	if e.Size > 0 {
		size = e.Size
	}
	body, err := resync.MakeImage(m, strings.TrimSpace(version), size)
	if err != nil {
		r.mistake(n, join(path, "image"), "%s; write MODEL VERSION", err)
		return
	}
	e.Body, e.Size = string(body), 0
}

// serverAuth reads what the server asks of clients by HTTP and HTTPS.
func serverAuth(s *source, n *node, path string) *prov.Auth {
	a := &prov.Auth{}
	s.walk(n, path, authKeys(s, a)...)
	if n.kind == mapping && (n.get("scheme") == nil || a.User == "" || a.Password == "") {
		s.mistake(n, path, "auth needs scheme, user and password")
	}
	return a
}

// authKeys are those of what a server asks of clients.
func authKeys(s *source, a *prov.Auth) []key {
	return []key{
		{"scheme", "`basic` or `digest`", s.word([]string{"basic", "digest"}, func(word string) { a.Digest = word == "digest" })},
		{"user", "the user's name", s.text(&a.User)},
		{"password", "the user's password", s.text(&a.Password)},
	}
}

// https reads a listener, or a list of them.
func (r *reader) https(s *Server, n *node, path string) {
	if n.kind == list {
		r.each(n, path, func(n *node, path string) { s.HTTPS = append(s.HTTPS, r.secureListener(n, path)) })
		return
	}
	s.HTTPS = append(s.HTTPS, r.secureListener(n, path))
}

func (r *reader) secureListener(n *node, path string) HTTPS {
	h := HTTPS{node: n}
	if n.kind == scalar && n.text == "true" {
		return h
	}
	r.walk(n, path, listenerKeys(r, &h)...)
	return h
}

// listenerKeys are those of an HTTPS listener.
func listenerKeys(r *reader, h *HTTPS) []key {
	return []key{
		{"port", "the port (a free one)", r.number(&h.Port, 0, 65535)},
		{"ca", "authority of the certificate (`sipura1`): `linksys1` (expired on 2015-06-30), `ciscosb1`, `ciscosb2`, `verisign-server`, `public` (no device trusts it)", r.scalarAs(measure.Form{Words: prov.ServerAuthorities()}, func(text string) (err error) {
			h.CA, err = prov.ParseServerAuthority(text)
			return err
		})},
		{"cn", "name in the certificate; it may be empty (the server's name)", value{anyText, func(n *node, path string) {
			h.CN = new(string)
			r.text(h.CN).read(n, path)
		}}},
		{"san", "further names in the certificate (none)", r.texts(measure.Form{}, func(text string) error { h.SAN = append(h.SAN, text); return nil })},
		{"valid", "the days on which the certificate is valid: `2008-01-01..2015-06-30`; either may be left out (always)", r.scalarAs(validForm, func(text string) error { return h.valid(text) })},
		{"bits", "length of the certificate's key (2048)", r.number(&h.Bits, 1024, 4096)},
		{"hash", "hash of the certificate's signature (sha1)", r.word(hashNames, func(word string) { h.Hash = hashes[word] })},
		{"versions", "from ssl3 to tls1.2 (`[tls1.0]`)", r.texts(measure.Form{Words: versionNames}, h.addVersion)},
		{"ciphers", "cipher suites by OpenSSL's names (all)", r.texts(measure.Form{Words: cipherNames()}, h.addCipher)},
		{"dh", "bits of the DH prime (none)", r.number(&h.DH, 0, 2048)},
		{"hello", "`strict`: hang up on a hello in the format of SSL 2.0, as some load balancers and firewalls do (`any`)", r.word([]string{"any", "strict"}, func(word string) { h.Strict = word == "strict" })},
		{"client", "client certificates: `none` (the default), `request`, `require`, `match` (a path with a MAC address is only for that device), `renegotiate` (ask after the request)", r.scalarAs(measure.Form{Words: prov.ClientRequests()}, func(text string) (err error) {
			h.Client, err = prov.ParseClient(text)
			return err
		})},
		{"client_hash", "weakest signature of a client certificate that is taken: `md5`, `sha1`, `sha256` (`md5`)", r.word(hashNames, func(word string) { h.Weakest = hashes[word] })},
		{"roots", "authorities of client certificates: `sipura-client-1`, `linksys-client-1`, `ciscosb-client-1`, `ciscosb-client-2` (all)", r.texts(measure.Form{Words: prov.ClientAuthorities()}, func(text string) error {
			root, err := prov.ParseClientAuthority(text)
			h.Roots = append(h.Roots, root)
			return err
		})},
	}
}

func (r *reader) target(n *node, path string) *Target {
	t := &Target{}
	r.walk(n, path, targetKeys(r, t)...)
	if n.kind == mapping && len(t.Hosts) == 0 {
		r.mistake(n, path, "hosts is needed: the only hosts that this fleet may contact")
	}
	return t
}

// targetKeys are those of the server under test.
func targetKeys(r *reader, t *Target) []key {
	host := r.scalarAs(measure.Form{}, func(text string) error {
		h, err := parseHost(text)
		t.Hosts = append(t.Hosts, h)
		return err
	})
	return []key{
		{"hosts", "the only hosts that devices may contact, whatever profiles say: NAME, ADDRESS or NAME=ADDRESS,…", value{form{list: &host.form}, func(n *node, path string) { r.each(n, path, host.read) }}},
		{"tftp", "HOST:PORT for DHCP option 66", r.text(&t.TFTP)},
		{"certs", "folder of `spafleet certs init`; its authorities sign server and devices", r.text(&t.Certs)},
		{"dhcp", "the DHCP server that gives the devices their addresses: `relay:ADDRESS[:PORT]` or `client:INTERFACE`; the flag `--dhcp` goes first, see [DHCP](dhcp.md#ask-a-real-server)", r.scalarAs(dhcpForm, t.DHCP.Set)},
		{"sip", "`true`: lines that have an account register, where their parameters say (`false`)", r.boolean(&t.SIP)},
		{"proxy_protocol", "`v1` or `v2`: each connection of HTTP and HTTPS begins with a PROXY header that has the device's own address, as behind HAProxy or another load balancer (none)", r.scalarAs(measure.Form{Words: fetch.ProxyProtocols}, t.Balancer.SetProxyProtocol)},
		{"forwarded_for", "`true`: each request of HTTP has the device's own address in `X-Forwarded-For` (`false`)", r.boolean(&t.Balancer.ForwardedFor)},
		{"trust", "PEM file with further authorities that devices trust", r.text(&t.Trust)},
	}
}
