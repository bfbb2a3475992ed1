package prov

import (
	"fmt"
	"io/fs"
	"iter"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"spafleet/device"
	"spafleet/resync/path"
)

// DirOptions is what [Dir] may be given beside the directory.
type DirOptions struct {
	Name       string // what {{server}} says; "": the name or address that the device asked
	Who        func(addr netip.Addr) (*device.Unit, bool)
	MaxUploads int        // most bytes of uploads kept; 0: 16 MiB
	Log        func(Line) // is told of every request that was answered
}

// Dir returns a server of the files below a directory, each under its path.
// Files are read at each request, so an edit shows at once; what is new shows
// within a second. A file whose path holds $MA, $MAU, $MAC, $SN, $PSN or $PN
// answers each path that results for some device, unless a file of the very
// name is there. Nothing outside of the directory is served, nor anything but
// regular files.
//
// In text files {{ma}}, {{mau}}, {{sn}}, {{psn}}, {{pn}} say which device asks,
// {{ip}} its address, {{server}} the server's name or address, {{tftp}} and
// {{http}} the same with the port. What is not known is left as it is, as is any
// other {{ }}; so is $MA, which is for the device.
func Dir(root string, o DirOptions) (*Core, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("serve directory %s: %w", root, err)
	}
	c := newCore(Options{Who: o.Who, MaxUploads: o.MaxUploads, Log: o.Log})
	c.files.root = r
	c.expand = func(text string, x *exchange) (string, error) {
		return fillIn(&c.ports, text, x, o.Name), nil
	}
	c.serve(&directory{files: &c.files})
	return c, nil
}

// A directory is routes on disk.
type directory struct {
	files *files

	mu       sync.Mutex
	patterns []*route // best first
	scanned  int64    // when, 0 for never
}

// rescan is the longest, in nanoseconds, that a new pattern goes unseen.
const rescan = 1e9

func (d *directory) find(at int64, t target) iter.Seq2[*route, reading] {
	var plain []*route
	if t.asks {
		plain = appendRoute(plain, d.file(t.whole()))
	}
	plain = appendRoute(plain, d.file(t.path))
	if len(plain) > 0 && !t.asks {
		return inOrder(plain, nil, t) // no pattern could be better
	}
	return inOrder(plain, d.scan(at), t)
}

// file returns the route of a file of that very name, nil if there is none. A
// template's own name is no file.
func (d *directory) file(path string) *route {
	r := fileRoute(path[1:])
	if r == nil || len(r.Slots) > 0 {
		return nil
	}
	if _, err := d.files.stat(r.entry.File); err != nil {
		return nil
	}
	return r
}

// fileRoute returns the route of a file. A name that only looks like a pattern
// stands for itself.
func fileRoute(name string) *route {
	p, err := parsePattern("/" + name)
	if err != nil || p.expressions() || len(p.Slots) == 0 {
		p = &pattern{path.Literal("/" + name)}
	}
	return &route{pattern: p, entry: Entry{File: name}}
}

// scan returns the files whose names are patterns.
func (d *directory) scan(at int64) []*route {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.scanned != 0 && at >= d.scanned && at-d.scanned < rescan {
		return d.patterns
	}
	d.scanned = max(at, 1)
	d.patterns = nil
	// What cannot be read is not served; its own request says why.
	_ = fs.WalkDir(d.files.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(name, "$") {
			return nil
		}
		if r := fileRoute(name); len(r.Slots) > 0 {
			d.patterns = append(d.patterns, r)
		}
		return nil
	})
	slices.SortFunc(d.patterns, byPrecedence)
	return d.patterns
}

var placeholder = regexp.MustCompile(`\{\{[ \t]*([a-z]+)[ \t]*\}\}`)

// fillIn replaces the placeholders of a directory's texts.
func fillIn(at *ports, text string, x *exchange, name string) string {
	server := serverName(x, name)
	values := map[string]string{
		"ma": x.asker.MAC, "mau": strings.ToUpper(x.asker.MAC), "sn": x.asker.Serial,
		"psn": x.asker.PSN, "pn": x.asker.PN, "server": server,
		"tftp": withPort(server, at.tftp.Load()), "http": withPort(server, at.http.Load()),
	}
	if x.asker.Addr.IsValid() {
		values["ip"] = x.asker.Addr.String()
	}
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		if v := values[placeholder.FindStringSubmatch(found)[1]]; v != "" {
			return v
		}
		return found
	})
}

// hostName is what a Host header may put into a file.
var hostName = regexp.MustCompile(`\A[0-9A-Za-z][0-9A-Za-z.-]*\z`)

// serverName returns how the device reaches this server: as it just did.
func serverName(x *exchange, name string) string {
	switch addr := x.request.Server.Addr(); {
	case name != "":
		return name
	case hostName.MatchString(x.request.Host):
		return x.request.Host
	case addr.IsValid() && !addr.IsUnspecified():
		return addr.String()
	}
	return ""
}

// withPort returns host:port, or nothing where one of them is not known.
func withPort(host string, port uint32) string {
	if host == "" || port == 0 {
		return ""
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
