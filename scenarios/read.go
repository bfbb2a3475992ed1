package scenarios

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/prov"
	"spafleet/resync"
)

// A reader turns a file into a story and gathers its mistakes.
type reader struct {
	name     string
	src      []byte
	tree     *node
	mistakes Mistakes
}

// Load reads a story and checks it against what exists. Name is what mistakes
// call the file; without its ending it is also the story's name where the file
// gives none. The error is [Mistakes]: everything wrong in the file, each with
// its line. A missing duration alone is left to [Run]: the caller may still set
// it.
func Load(name string, src []byte) (*Story, error) {
	r := &reader{name: name, src: []byte(yamlBreaks.Replace(string(src)))}
	s := &Story{Seed: 1, Name: strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), file: r}
	root := r.parse()
	if root == nil {
		return nil, r.sorted()
	}
	r.tree = root
	r.story(s, root)
	p := check(s, r)
	if len(r.mistakes) > 0 {
		p.ends()
		return nil, r.sorted()
	}
	sum := sha256.Sum256(src)
	s.SHA256 = hex.EncodeToString(sum[:])
	return s, nil
}

// root returns the whole file, nil for a story that no file holds.
func (r *reader) root() *node {
	if r == nil {
		return nil
	}
	return r.tree
}

// sorted returns the mistakes in the order of the file, each once.
func (r *reader) sorted() Mistakes {
	slices.SortStableFunc(r.mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.Compact(r.mistakes)
}

// is reports whether a node is of a kind, and notes where it is not.
func (r *reader) is(n *node, k kind, path, what string) bool {
	if n.kind != k && n.kind != refused {
		r.mistake(n, path, "this is %s, not %s", n.kind, what)
	}
	return n.kind == k
}

// A key reads the value of one key.
type key struct {
	name string
	read func(n *node, path string)
}

// walk reads a map by its keys. What is not among them is a mistake that names
// the nearest. It reports whether all were.
func (r *reader) walk(n *node, path string, keys ...key) bool {
	known := r.is(n, mapping, path, "a map")
	for i, k := range n.keys {
		if k.kind == refused {
			known = false
			continue
		}
		at := slices.IndexFunc(keys, func(c key) bool { return c.name == k.text })
		if at < 0 {
			r.mistake(k, path, "unknown key %q%s", k.text, model.DidYouMean(k.text, keyNames(keys)))
			known = false
			continue
		}
		keys[at].read(n.values[i], join(path, k.text))
	}
	return known
}

func keyNames(keys []key) []string {
	var names []string
	for _, k := range keys {
		names = append(names, k.name)
	}
	return names
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// each reads the items of a list.
func (r *reader) each(n *node, path string, read func(item *node, path string)) {
	if !r.is(n, list, path, "a list") {
		return
	}
	for i, item := range n.values {
		read(item, fmt.Sprintf("%s[%d]", path, i))
	}
}

// text reads a scalar.
func (r *reader) text(to *string) func(*node, string) {
	return func(n *node, path string) {
		if r.is(n, scalar, path, "a text") {
			*to = n.text
		}
	}
}

// scalarAs reads a scalar with a function that may refuse it.
func (r *reader) scalarAs(read func(text string) error) func(*node, string) {
	return func(n *node, path string) {
		if !r.is(n, scalar, path, "a text") {
			return
		}
		if err := read(strings.TrimSpace(n.text)); err != nil {
			r.mistake(n, path, "%s", err)
		}
	}
}

func (r *reader) boolean(to *bool) func(*node, string) {
	return r.scalarAs(func(text string) error {
		switch text {
		case "true", "false":
			*to = text == "true"
			return nil
		}
		return fmt.Errorf("%q is neither true nor false", text)
	})
}

func (r *reader) count(to *int) func(*node, string) {
	return r.scalarAs(func(text string) (err error) {
		*to, err = ParseCount(text)
		return err
	})
}

func (r *reader) duration(to *time.Duration) func(*node, string) {
	return r.scalarAs(func(text string) (err error) {
		*to, err = measure.Duration(text)
		return err
	})
}

func (r *reader) story(s *Story, root *node) {
	known := r.walk(root, "",
		key{"format", r.scalarAs(func(text string) error {
			if text != "1" {
				return fmt.Errorf("format %s is not known to this spafleet", text)
			}
			return nil
		})},
		key{"name", r.text(&s.Name)},
		key{"about", r.text(&s.About)},
		key{"seed", r.scalarAs(func(text string) (err error) {
			if s.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
				return fmt.Errorf("%q is not a whole number", text)
			}
			return nil
		})},
		key{"clock", func(n *node, path string) { r.clock(s, n, path) }},
		key{"duration", r.duration(&s.Duration)},
		key{"limits", func(n *node, path string) { r.limits(s, n, path) }},
		key{"fleet", func(n *node, path string) { r.fleet(s, n, path) }},
		key{"server", func(n *node, path string) { s.Server = r.server(n, path) }},
		key{"target", func(n *node, path string) { s.Target = r.target(n, path) }},
		key{"timeline", func(n *node, path string) {
			r.each(n, path, func(n *node, path string) { s.Timeline = append(s.Timeline, r.step(n, path)) })
		}},
		key{"expect", func(n *node, path string) {
			r.each(n, path, func(n *node, path string) { s.Expect = append(s.Expect, r.claim(n, path, false)) })
		}},
	)
	if s.Server != nil && s.Target != nil {
		r.mistake(root.key("target"), "", "a story has a server or a target, not both")
	}
	if known && (root.get("fleet") == nil || root.get("fleet").empty()) {
		r.mistake(root.key("fleet"), "", "no fleet: who acts?")
	}
	clock := root.get("clock")
	if s.Server != nil && (clock == nil || clock.kind == mapping && clock.get("mode") == nil) {
		s.Clock.Mode = fleet.Virtual
	}
	if s.Target != nil && s.Clock.Mode == fleet.Virtual {
		r.mistake(root.key("clock"), "clock", "in virtual time only the embedded server answers; a target needs real, mixed or a speed")
	}
}

func (r *reader) limits(s *Story, n *node, path string) {
	r.walk(n, path,
		key{"rate", r.scalarAs(func(text string) (err error) {
			s.Rate, err = ParseRate(text)
			return err
		})},
		key{"outstanding", r.count(&s.Most)},
		key{"lateness", r.duration(&s.Lateness)},
	)
}

func (r *reader) fleet(s *Story, n *node, path string) {
	if n.empty() || !r.is(n, mapping, path, "a map of groups") {
		return
	}
	for i, k := range n.keys {
		if k.kind == refused {
			continue
		}
		p := join(path, k.text)
		if !isGroupName(k.text) {
			r.mistake(k, p, "%q is not a group's name: lower-case letters, digits and hyphens, and not all", k.text)
			continue
		}
		s.Fleet = append(s.Fleet, r.group(k.text, n.values[i], p))
	}
}

func isGroupName(s string) bool {
	return s != "" && s != "all" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func (r *reader) group(name string, n *node, path string) Group {
	g := Group{Name: name, Count: 1, node: n}
	known := r.walk(n, path,
		key{"model", r.text(&g.Model)},
		key{"firmware", r.text(&g.Firmware)},
		key{"count", r.count(&g.Count)},
		key{"mix", func(n *node, path string) { g.Mix = r.mix(n, path) }},
		key{"set", func(n *node, path string) { g.Set = r.presets(n, path) }},
		key{"switches", func(n *node, path string) { r.switches(&g, n, path) }},
		key{"lease", func(n *node, path string) { r.lease(&g, n, path) }},
		key{"rc", r.text(&g.RC)},
		key{"cert", func(n *node, path string) { r.cert(&g, n, path) }},
		key{"powered", func(n *node, path string) {
			on := true
			r.boolean(&on)(n, path)
			g.Off = !on
		}},
	)
	mix := n.get("mix")
	if known && (n.get("model") == nil) == (mix == nil) {
		r.mistake(n, path, "a group has a model or a mix, one of them")
	}
	if len(g.Mix) > 0 && g.Mix[0].Percent == 0 && n.get("count") != nil {
		r.mistake(n.key("count"), path, "the mix has counts of its own: count goes with shares")
	}
	if mix != nil && n.get("firmware") != nil {
		r.mistake(n.key("firmware"), path, "a mix names its firmware: MODEL FIRMWARE")
	}
	return g
}

func (r *reader) mix(n *node, path string) []Share {
	if n.kind == refused {
		return nil
	}
	if n.kind != mapping || len(n.keys) == 0 {
		r.mistake(n, path, "a mix is a map such as {SPA2102 5.2.10: 60%%, PAP2T 5.1.6(LS): 40%%}")
		return nil
	}
	var shares []Share
	total, wrong := 0.0, false
	for i, k := range n.keys {
		share := Share{at: k}
		share.Model, share.Firmware, _ = strings.Cut(k.text, " ")
		var q quantity
		before := len(r.mistakes)
		r.scalarAs(func(text string) (err error) {
			q, err = parseQuantity(text)
			return err
		})(n.values[i], join(path, k.text))
		if len(r.mistakes) > before || n.values[i].kind == refused {
			wrong = true
			continue
		}
		if q.percent {
			share.Percent = q.n
			total += q.n
		} else {
			share.Count = int(q.n)
		}
		if len(shares) > 0 && (shares[0].Percent > 0) != q.percent {
			r.mistake(n.values[i], path, "a mix has all counts or all shares")
			wrong = true
		}
		shares = append(shares, share)
	}
	if !wrong && total > 0 && (total < 99.99 || total > 100.01) {
		r.mistake(n.values[len(n.values)-1], path, "the shares add up to %g%%, not 100%%", total)
	}
	return shares
}

func (r *reader) presets(n *node, path string) []Preset {
	if !r.is(n, mapping, path, "a map of device parameters") {
		return nil
	}
	var list []Preset
	for i, k := range n.keys {
		p := Preset{Name: k.text, at: k, value: n.values[i]}
		r.text(&p.Value)(n.values[i], join(path, k.text))
		list = append(list, p)
	}
	return list
}

func (r *reader) switches(g *Group, n *node, path string) {
	for _, p := range r.presets(n, path) {
		g.Turn(p.Name, p.Value)
	}
}

func (r *reader) lease(g *Group, n *node, path string) {
	if n.kind == scalar {
		g.NoLease = n.text == "none"
		if !g.NoLease {
			r.mistake(n, path, "%q is not none, nor a map of DHCP options", n.text)
		}
		return
	}
	if !r.is(n, mapping, path, "none, nor a map of DHCP options") {
		return
	}
	for i, k := range n.keys {
		option, err := strconv.ParseUint(k.text, 10, 8)
		switch {
		case k.kind == refused:
		case err != nil:
			r.mistake(k, path, "%q is not a DHCP option number", k.text)
		case option == 66:
			r.text(&g.TFTPServer)(n.values[i], join(path, k.text))
		default:
			r.mistake(k, path, "DHCP option %d is not in this spafleet yet; 66 is", option)
		}
	}
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
		key{"https", func(n *node, path string) { r.https(s, n, path) }},
		key{"latency", r.scalarAs(func(text string) (err error) {
			s.Latency, err = parseLatency(text)
			return err
		})},
		key{"workers", r.count(&s.Workers)},
		key{"files", func(n *node, path string) { r.files(s, n, path) }})
	return s
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
		key{"image", r.text(&image)},
		key{"status", r.count(&e.Status)},
		key{"location", r.text(&e.Location)},
		key{"key", r.text(&e.Key)},
		key{"gzip", r.boolean(&e.Gzip)},
		key{"bound", r.boolean(&e.Bound)},
		key{"size", r.scalarAs(func(text string) (err error) {
			e.Size, err = measure.Size(text)
			return err
		})},
	)
	contents := 0
	for _, name := range []string{"body", "image", "status"} {
		if n.get(name) != nil {
			contents++
		}
	}
	if known && contents != 1 {
		r.mistake(n, path, "needs exactly one of body, image and status")
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
