package scenarios

import (
	"fmt"
	"strconv"
	"strings"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/prov"
	"spafleet/resync"
)

func (r *reader) server(n *node, path string) *Server {
	s := &Server{Files: map[string]prov.Entry{}}
	r.walk(n, path,
		key{"name", r.scalarAs(func(text string) error {
			s.Name = strings.ToLower(text)
			if s.Name == "" || strings.ContainsAny(text, " /:") {
				return fmt.Errorf("%q is not a host's name", text)
			}
			return nil
		})},
		key{"tftp", r.port(&s.TFTP)},
		key{"http", r.port(&s.HTTP)},
		key{"syslog", r.port(&s.Syslog)},
		key{"sip", r.coming("SIP")},
		key{"https", func(n *node, path string) { r.https(s, n, path) }},
		key{"auth", func(n *node, path string) { s.Auth = serverAuth(r.source, n, path) }},
		key{"latency", r.scalarAs(func(text string) (err error) {
			s.Latency, err = parseLatency(text)
			return err
		})},
		key{"workers", r.count(&s.Workers)},
		key{"files", func(n *node, path string) { r.files(s, n, path) }})
	return s
}

// port reads whether a listener is there, or its port.
func (r *reader) port(to *Port) func(*node, string) {
	return r.scalarAs(func(text string) error {
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
	known := r.walk(n, path,
		key{"body", r.text(&e.Body)},
		key{"from", func(n *node, path string) { bodyFrom(r.source, &e, n, path) }},
		key{"image", r.text(&image)},
		key{"status", r.count(&e.Status)},
		key{"location", r.text(&e.Location)},
		key{"key", r.text(&e.Key)},
		key{"gzip", r.boolean(&e.Gzip)},
		key{"bound", r.boolean(&e.Bound)},
		key{"ucs2", r.boolean(&e.UCS2)},
		key{"size", r.scalarAs(func(text string) (err error) {
			e.Size, err = measure.Size(text)
			return err
		})},
	)
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
	s.walk(n, path,
		key{"scheme", s.scalarAs(func(text string) error {
			a.Digest = text == "digest"
			return oneOf(a.Digest || text == "basic", text, "basic, digest")
		})},
		key{"user", s.text(&a.User)},
		key{"password", s.text(&a.Password)})
	if n.kind == mapping && (n.get("scheme") == nil || a.User == "" || a.Password == "") {
		s.mistake(n, path, "auth needs scheme, user and password")
	}
	return a
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
	r.walk(n, path,
		key{"port", r.number(&h.Port, 0, 65535)},
		key{"ca", r.scalarAs(func(text string) (err error) {
			h.CA, err = prov.ParseServerAuthority(text)
			return err
		})},
		key{"cn", func(n *node, path string) {
			h.CN = new(string)
			r.text(h.CN)(n, path)
		}},
		key{"san", func(n *node, path string) {
			r.texts(n, path, func(text string) error { h.SAN = append(h.SAN, text); return nil })
		}},
		key{"valid", r.scalarAs(func(text string) error { return h.valid(text) })},
		key{"bits", r.number(&h.Bits, 1024, 4096)},
		key{"hash", r.scalarAs(func(text string) error {
			hash, ok := hashes[text]
			h.Hash = hash
			return oneOf(ok, text, "md5, sha1, sha256")
		})},
		key{"versions", func(n *node, path string) { r.texts(n, path, h.addVersion) }},
		key{"ciphers", func(n *node, path string) { r.texts(n, path, h.addCipher) }},
		key{"dh", r.number(&h.DH, 0, 2048)},
		key{"client", r.scalarAs(func(text string) (err error) {
			h.Client, err = prov.ParseClient(text)
			return err
		})},
		key{"roots", func(n *node, path string) {
			r.texts(n, path, func(text string) error {
				root, err := prov.ParseClientAuthority(text)
				h.Roots = append(h.Roots, root)
				return err
			})
		}},
	)
	return h
}

func (r *reader) target(n *node, path string) *Target {
	t := &Target{}
	r.walk(n, path,
		key{"hosts", func(n *node, path string) {
			r.each(n, path, func(n *node, path string) {
				r.scalarAs(func(text string) error {
					h, err := parseHost(text)
					t.Hosts = append(t.Hosts, h)
					return err
				})(n, path)
			})
		}},
		key{"tftp", r.text(&t.TFTP)},
		key{"certs", r.text(&t.Certs)},
		key{"trust", r.text(&t.Trust)},
	)
	if n.kind == mapping && len(t.Hosts) == 0 {
		r.mistake(n, path, "hosts is needed: the only hosts that this fleet may contact")
	}
	return t
}
