package resync_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/host/golden"
	"spafleet/resync"
)

// Each script under testdata/attempts is a device and its server. Lines that
// begin with > are what the line above them brings about: what the world is
// asked, what is committed, the events (*), and what the attempt came to (=). Each body
// is overwritten at the next request, and when the attempt has ended. Among them
// are the forms of URL commands (device-surface.md §1.1).
// See device-surface.md §4.2, §5 and surface-2.md §4.7, §5.
//
//	model NAME FIRMWARE [SWITCH=VALUE]   the device; first
//	set NAME=VALUE                       an edit, as by a person
//	lease TEXT                           DHCP option 66
//	siaddr HOST                          the next server
//	option NUMBER VALUE                  another option; ␀ is a NUL, ␠ a blank
//	nolease                              nothing of it any more
//	name HOST ADDRESS...                 what DNS says
//	serve URL [MARK...] [BODY]           what the server says; see body
//	serveAuthorized URL [MARK...] [BODY] the same, to a request that answers a challenge
//	cut URL | cutname HOST               the context ends while that is asked
//	resync CAUSE [ARGUMENT]              an attempt; an argument comes from 192.0.2.200, ␠ is a blank
//	order resync|upgrade ARGUMENT        the same, from nobody on the network
//	upgrade ARGUMENT                     an upgrade, asked for by 192.0.2.200
func TestAttempts(t *testing.T) {
	files, err := filepath.Glob("testdata/attempts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden.File(t, file, []byte(play(t, string(text))))
		})
	}
}

// play runs a script and returns it with what happened.
func play(t *testing.T, text string) string {
	var out strings.Builder
	s := &stage{t: t, shelf: &resync.ProfileCache{},
		world: &mapWorld{now: noon, names: map[string][]netip.Addr{}, answers: map[string]answer{}}}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, ">") {
			continue
		}
		out.WriteString(line + "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		s.do(verb, rest)
		for _, l := range s.world.lines {
			out.WriteString("> " + l + "\n")
		}
		s.world.lines = nil
	}
	return out.String()
}

// A stage is a device between its attempts.
type stage struct {
	t       *testing.T
	world   *mapWorld
	shelf   *resync.ProfileCache
	unit    device.Unit
	params  device.Params
	life    device.Life
	lease   resync.Lease
	receipt resync.LastApplied
}

func (s *stage) do(verb, rest string) {
	words := strings.Fields(rest)
	switch verb {
	case "model":
		s.model(words)
	case "set":
		s.set(rest)
	case "lease":
		s.option("66", "66 "+rest)
	case "siaddr":
		s.lease.NextServer = rest
	case "option":
		s.option(words[0], rest)
	case "nolease":
		s.lease = resync.Lease{}
	case "name":
		for _, a := range words[1:] {
			s.world.names[words[0]] = append(s.world.names[words[0]], netip.MustParseAddr(a))
		}
	case "serve":
		url, spec, _ := strings.Cut(rest, " ")
		s.world.answers[url] = s.answer(spec)
	case "serveAuthorized":
		url, spec, _ := strings.Cut(rest, " ")
		s.world.answers[url+" authorized"] = s.answer(spec)
	case "cut":
		s.world.answers[rest] = answer{cut: true}
	case "cutname":
		s.world.cutName = rest
	case "resync":
		cause, argument, _ := strings.Cut(rest, " ")
		argument = strings.ReplaceAll(argument, "␠", " ")
		s.attempt(resync.Attempt, causes[cause], &device.Command{Order: device.Resync, Argument: argument, Requester: requester})
	case "upgrade":
		s.attempt(resync.Upgrade, model.ByWeb, &device.Command{Order: device.Upgrade, Argument: rest, Requester: requester})
	case "order":
		s.order(rest)
	default:
		s.t.Fatalf("unknown line: %s %s", verb, rest)
	}
}

// option puts an option into the lease.
func (s *stage) option(number, rest string) {
	n, err := strconv.ParseUint(number, 10, 8)
	_, value, _ := strings.Cut(rest, " ")
	if err = cmp.Or(err, s.lease.Set(uint8(n), strings.NewReplacer("␀", "\x00", "␠", " ").Replace(value))); err != nil {
		s.t.Fatal(err)
	}
}

var requester = netip.MustParseAddr("192.0.2.200")

var causes = map[string]model.Cause{"power_on": model.ByPowerOn, "periodic": model.ByPeriodic, "retry": model.ByRetry, "web": model.ByWeb}

func (s *stage) order(rest string) {
	verb, argument, _ := strings.Cut(rest, " ")
	attempt := map[string]func(context.Context, resync.Env, resync.Input) resync.Outcome{"resync": resync.Attempt, "upgrade": resync.Upgrade}[verb]
	s.attempt(attempt, model.ByStep, &device.Command{Argument: argument})
}

func (s *stage) model(words []string) {
	switches, err := model.ParseAssignments(words[2:])
	if err != nil {
		s.t.Fatal(err)
	}
	s.unit = unit(s.t, words[0], words[1], switches)
	s.params = device.Reset(s.unit.Row.Factory)
	s.world.params, s.life, s.receipt = s.params, device.Life{}, resync.LastApplied{}
}

func (s *stage) set(text string) {
	name, value, _ := strings.Cut(text, "=")
	param, ok := s.unit.Row.Factory.Lookup(name)
	if !ok {
		s.t.Fatalf("no parameter %q", name)
	}
	after, _ := s.params.With(&s.shelf.Layers, []device.Set{{ID: param.ID, Value: value, Has: true}})
	s.life, _ = s.life.Apply(device.Change{Unit: &s.unit, Before: s.params, After: after, Via: device.ViaEdit})
	s.params, s.world.params, s.receipt = after, after, resync.LastApplied{}
}

func (s *stage) attempt(run func(context.Context, resync.Env, resync.Input) resync.Outcome, cause model.Cause, c *device.Command) {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	s.world.cancel = cancel
	o := run(ctx, s.world, resync.Input{Unit: s.unit, Params: s.params, Life: s.life, Lease: s.lease, Cause: cause, Command: c,
		Booted: noon - 90e9, Lost: [2]int64{noon - 90e9, noon - 90e9}, Last: noon - 30e9, Applied: s.receipt, Profiles: s.shelf})
	s.world.spoil()
	s.world.tell(o.Events)
	s.world.say("%s", s.outcome(o))
	s.params, s.life, s.receipt = o.Params, o.Life, o.Applied
	s.world.params = o.Params
}

// outcome writes what an attempt came to, with the values that were never
// committed.
func (s *stage) outcome(o resync.Outcome) string {
	line := "= ok"
	switch {
	case o.Aborted:
		line = "= aborted"
	case !o.OK:
		line = fmt.Sprintf("= failed %q", o.Err)
	}
	line += " " + o.Life.State.String()
	if o.Life.Proven {
		line += " proven"
	}
	if o.Wait != 0 {
		line += " wait " + o.Wait.String()
	}
	if o.Version != "" {
		line += " version " + o.Version
	}
	if o.Reboot != model.NoReboot {
		line += fmt.Sprintf(" reboot %d", o.Reboot)
	}
	if d := differing(s.world.params, o.Params); d != "" {
		line += " not committed:" + d
	}
	return line
}

// answer reads marks, then a body: XML, or words.
//
//	status=N location=URL tls mutual challenge=HEADER (␠ is a blank)
//	error=NAME            the transfer fails with that result
//	key=K                 encrypted with openssl's form
//	target=MAC            in a container for that device
//	compiled=HEX          in a container, with that AES key if there is one
//	cutoff=N              only the first N bytes of what came of the marks before
//	fill=N                N bytes of a profile
//	image=MODEL,VERSION,N a firmware image
func (s *stage) answer(spec string) answer {
	a := answer{response: resync.Response{Status: 200}}
	var marks []string
	for spec != "" && spec[0] != '<' && spec[0] != '!' {
		mark, rest, _ := strings.Cut(spec, " ")
		marks, spec = append(marks, mark), rest
	}
	a.response.Body = []byte(strings.TrimPrefix(spec, "!"))
	for _, mark := range marks {
		s.mark(&a, mark)
	}
	return a
}

func (s *stage) mark(a *answer, mark string) {
	name, value, _ := strings.Cut(mark, "=")
	n, _ := strconv.Atoi(value)
	r := &a.response
	switch name {
	case "status":
		r.Status = n
	case "location":
		r.Location = value
	case "challenge":
		r.Challenges = append(r.Challenges, strings.ReplaceAll(value, "␠", " "))
	case "tls":
		r.TLS = true
	case "mutual":
		r.TLS, r.Mutual = true, true
	case "error":
		a.err = s.transferError(value)
	case "key":
		r.Body = profile.Encrypt(r.Body, value, [8]byte{1, 2, 3})
	case "compiled":
		r.Body = s.compiled(r.Body, value)
	case "target":
		r.Body = s.targeted(r.Body, value)
	case "cutoff":
		r.Body = r.Body[:n]
	case "fill":
		const head, tail = "<flat-profile><!-- ", " --></flat-profile>"
		r.Body = []byte(head + strings.Repeat("x", n-len(head)-len(tail)) + tail)
	case "image":
		r.Body = s.image(strings.Split(value, ","))
	default:
		s.t.Fatalf("unknown mark %q", mark)
	}
}

func (s *stage) transferError(name string) error {
	for r := device.OK; r <= device.Backoff; r++ {
		if r.String() == name {
			return &resync.Error{Result: r, Cause: errors.New("socket text that no event may hold")}
		}
	}
	return errors.New(name) // of no kind that the contract knows
}

func (s *stage) targeted(body []byte, mac string) []byte {
	file, err := profile.Scan(string(body), profile.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := profile.Compile(file.Params, profile.Container{MAC: mac})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *stage) compiled(body []byte, hex string) []byte {
	file, err := profile.Scan(string(body), profile.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	c := profile.Container{}
	if hex != "" {
		c.Cipher, c.HexKey = profile.AES, hex
	}
	out, err := profile.Compile(file.Params, c)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *stage) image(words []string) []byte {
	m, err := model.FindModel(words[0])
	if err != nil {
		s.t.Fatal(err)
	}
	size, _ := strconv.Atoi(words[2])
	image, err := resync.MakeImage(m, words[1], size)
	if err != nil {
		s.t.Fatal(err)
	}
	return image
}

// What Custom_CA_Rule brought stays trusted after an upgrade and a report: only a
// resync over https looks at the rule again.
func TestEveryAttemptKeepsTheAuthority(t *testing.T) {
	u := unit(t, "SPA504G", "7.6.2f", nil)
	ca := &resync.Authority{Rule: "http://192.0.2.5/ca.pem", PEM: "pem"}
	for what, attempt := range map[string]func(context.Context, resync.Env, resync.Input) resync.Outcome{
		"resync": resync.Attempt, "upgrade": resync.Upgrade, "report": resync.Report,
		"customization": func(ctx context.Context, env resync.Env, in resync.Input) resync.Outcome {
			return resync.Customize(ctx, env, in, "http://192.0.2.5/rc")
		},
	} {
		w := &mapWorld{now: noon, params: device.Reset(u.Row.Factory)}
		o := attempt(t.Context(), w, resync.Input{Unit: u, Params: w.params, Profiles: &resync.ProfileCache{}, CA: ca})
		if o.CA != ca {
			t.Errorf("after a %s the device trusts %+v", what, o.CA)
		}
	}
}
