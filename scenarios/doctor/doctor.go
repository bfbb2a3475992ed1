// Package doctor asks a provisioning server what its devices would ask, and says which
// models it would not provision, and why. [Ask] is where to begin.
//
// One device of each model and firmware asks, with the factory's parameters, over real
// sockets. Each makes at most three requests for a file: for its own, for one that
// nobody has, and for its own again; more only where the server redirects, asks for a
// password, or has several addresses, as the devices themselves do. A firmware image that
// profiles name is fetched once for all devices. By HTTPS there is one handshake beside for
// each different hello, and where a hello is refused, three more for the whole server.
// Nothing but GET is sent.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/resync"
	"spafleet/resync/fetch"
	"spafleet/scenarios/doctor/finding"
)

// A Question is what a server is asked, and by which devices.
type Question struct {
	// URL is read as devices read the one of a resync command: [options]
	// [scheme://]host[:port][/path], with macros. What is left out is as on the
	// device: TFTP, the scheme's port, the path of its factory Profile_Rule. So a host
	// alone is asked as by DHCP option 66.
	URL         string
	Devices     []Device
	Certs       *trust.Devices // what devices trust and show
	Guard       *fetch.Guard   // which servers may be contacted; nil: this machine and private networks
	Hosts       map[string][]netip.Addr
	NameServers *fetch.NameServers
	Seed        uint64        // of the devices' identities
	Fleet       int           // how many devices will ask the server; 0: those that Devices stand for
	Patience    time.Duration // for the next thing that the server says; 0: 5 s
	Limit       time.Duration // for everything; 0: a minute
	// Told is called when a device is done, by one goroutine at a time; nil: nobody.
	Told func(done, all int)
}

// A Device asks for all devices of its model and firmware.
type Device struct {
	Row    *model.Row
	MAC    model.MAC // zero: computed from Question.Seed
	Serial string    // "": likewise
	Stands int       // how many it stands for; 0: no list says it
}

const (
	defaultPatience = 5 * time.Second
	defaultLimit    = time.Minute
	// mostAtOnce is how many devices ask at the same time, each over one connection.
	mostAtOnce = 16
	// mostDevices bounds a question: all models with all firmwares known are fewer.
	mostDevices = 2000
)

// Ask asks. The error is about the question alone: what goes wrong with the server is in
// the report, and so is what could not be asked because ctx or the time ended.
func Ask(ctx context.Context, q Question) (*finding.Report, error) {
	in, err := begin(q)
	if err != nil {
		return nil, err
	}
	whole, stop := context.WithTimeout(ctx, in.limit)
	defer stop()
	in.ctx = whole
	in.all(whole)
	return in.report(ctx), nil
}

// An inquiry is one question on its way.
type inquiry struct {
	Question
	ctx      context.Context // of everything
	began    time.Time
	patience time.Duration
	limit    time.Duration
	net      *fetch.Sockets
	profiles resync.ProfileCache
	visits   []*visit

	mu        sync.Mutex
	greetings map[greetingKey]*greeting
	others    map[netip.AddrPort]*others
	images    *simplelru.LRU[imageKey, *image]
	done      int
}

// begin checks a question and prepares the devices.
func begin(q Question) (*inquiry, error) {
	switch {
	case len(q.Devices) == 0:
		return nil, errors.New("no device to ask the server")
	case len(q.Devices) > mostDevices:
		return nil, fmt.Errorf("%d devices are too many: one of each model and firmware is enough, and %d are the most", len(q.Devices), mostDevices)
	case q.Certs == nil:
		q.Certs = &trust.Devices{}
	}
	q.Certs = withFewKeys(q.Certs)
	in := &inquiry{Question: q, began: time.Now(), patience: q.Patience, limit: q.Limit,
		greetings: map[greetingKey]*greeting{}, others: map[netip.AddrPort]*others{}}
	if in.patience <= 0 {
		in.patience = defaultPatience
	}
	if in.limit <= 0 {
		in.limit = defaultLimit
	}
	in.images, _ = simplelru.NewLRU[imageKey, *image](mostImages, nil) // it refuses no positive size
	in.profiles.Secrets = true
	in.net = &fetch.Sockets{Certs: q.Certs, Guard: q.Guard, Hosts: q.Hosts, NameServers: q.NameServers, Inside: lookOn}
	for i, d := range q.Devices {
		v, err := in.visit(device.Index(i), d)
		if err != nil {
			return nil, err
		}
		in.visits = append(in.visits, v)
	}
	return in, nil
}

// timeUp is why something was not asked that nobody had time for.
const timeUp = "the time was up before"

// withFewKeys returns devices that share one key of each length, unless the user chose
// otherwise: it takes a while to make one.
func withFewKeys(d *trust.Devices) *trust.Devices {
	h := d.Holder
	if h == nil || h.Pool != 0 || h.Unique {
		return d
	}
	return &trust.Devices{PKI: d.PKI, Extra: d.Extra, Holder: &certs.Holder{PKI: h.PKI, Pool: 1, Bits: h.Bits, Hash: h.Hash, Own: h.Own}}
}

// all sends the devices to the server, so many at once, and waits for all of them.
func (in *inquiry) all(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	free := make(chan struct{}, mostAtOnce)
	for _, v := range in.visits {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			v.unasked = timeUp
			continue
		}
		wg.Go(func() {
			defer func() { <-free }()
			v.run(ctx)
			in.tell()
		})
	}
}

func (in *inquiry) tell() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.done++; in.Told != nil {
		in.Told(in.done, len(in.visits))
	}
}

// fleet returns how many devices will ask the server.
func (in *inquiry) fleet() int {
	n := in.Fleet
	if n == 0 {
		for _, d := range in.Devices {
			n += max(d.Stands, 1)
		}
	}
	return n
}

// visit prepares a device.
func (in *inquiry) visit(i device.Index, d Device) (*visit, error) {
	v := &visit{inquiry: in, notes: notes{of: d.Row}, whole: d.Row, row: in.hurried(d.Row), stands: d.Stands}
	v.params = device.Reset(v.row.Factory)
	v.unit = in.unit(i, d, v.row)
	asked, err := rule.Command(in.URL, device.Env{Unit: &v.unit, Params: v.params, Situation: &device.Situation{}}, v.row.Dialect())
	switch {
	case err != nil:
		return nil, fmt.Errorf("URL %.200q: %w", in.shown(), err)
	case asked.URL.Host == "":
		return nil, fmt.Errorf("URL %.200q names no server", in.shown())
	}
	v.asked = asked
	return v, nil
}

// mostDefective is how many devices of a model in a row are looked at for one with a
// sound certificate.
const mostDefective = 100

// unit returns who a device is. Some units of some models have a defective certificate;
// one that nobody chose is none of them.
func (in *inquiry) unit(i device.Index, d Device, row *model.Row) (u device.Unit) {
	for range mostDefective {
		u = device.NewUnit(row, in.Seed, i, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
		if d.MAC != (model.MAC{}) {
			u.MAC = d.MAC
		}
		if d.Serial != "" {
			u.Serial = d.Serial
		}
		h := in.Certs.Holder
		if h == nil {
			return u
		}
		u.CCERT = h.Status(&u)
		if d.Serial != "" || h.Kind(&u) != certs.DefectiveCertificate {
			return u
		}
		i += device.Index(len(in.Devices))
	}
	return u
}

// shown returns the URL of the question without its options, which may be secrets.
func (in *inquiry) shown() string {
	_, url, found := strings.Cut(in.URL, "]")
	if strings.HasPrefix(strings.TrimSpace(in.URL), "[") && found {
		return "[…] " + strings.TrimSpace(url)
	}
	return in.URL
}

// hurried returns a row that waits no longer than the question.
func (in *inquiry) hurried(r *model.Row) *model.Row {
	row := *r
	b := &row.Behaviour
	b.HTTPConnect, b.HTTPRead = min(b.HTTPConnect, in.patience), min(b.HTTPRead, in.patience)
	b.HTTPWaits = min(b.HTTPWaits, 3)
	b.DNS.Wait, b.DNS.Tries = min(b.DNS.Wait, in.patience/2), min(b.DNS.Tries, 2)
	b.TFTP.Wait = min(b.TFTP.Wait, in.patience/2)
	b.TFTP.Tries = min(b.TFTP.Tries, max(int(in.patience/b.TFTP.Wait), 1))
	b.HTTP.Repeats = 0
	return &row
}
