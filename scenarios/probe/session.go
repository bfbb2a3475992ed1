package probe

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/resync/tftp/packet"
	"spafleet/scenarios/probe/settings"
)

// A session is one phone and its probe, from the first request to the last.
type session struct {
	q      Question
	server server
	began  time.Time

	mu      sync.Mutex
	phone   *phone            // nil until it has come
	came    chan struct{}     // closed when it has
	refused map[string]bool   // what was said of others
	wanted  map[string]string // what the phone is to have now
	once    map[string]string // likewise, in one answer alone
	gen     int               // counts changes of wanted
	home    answer            // instead of the profile; nil: the profile
	trial   *trial            // under way; nil: none
	mixed   bool              // another device came from the phone's address

	base    map[string]string  // what the phone has between experiments
	own     *settings.Settings // as the phone had them
	back    map[string]string  // those whose value is known, to be given back
	parting string             // the profile that gives them back; "": it is not time yet
	shut    bool               // the phone's web server takes no order
	changed map[string]bool    // parameters that experiments have set beside those of base
	away    absence

	gone     bool // the phone has not come back
	restless bool // it has restarted in the last trial, and may do so once more
	count    int  // of trials
	chosen   []*experiment
	results  []result
}

// absence says whether the phone must get its settings back.
type absence int

const (
	unaltered absence = iota // it has its own
	invited                  // it gets others when it comes
	altered                  // it has been given others
)

// gets returns what becomes of a phone's absence when it is answered.
func gets(a absence) absence {
	if a == invited {
		return altered
	}
	return a
}

func newSession(q Question) (*session, error) {
	if q.Pace <= 0 {
		q.Pace = 5 * time.Second
	}
	if q.Patience <= 0 {
		q.Patience = 3 * time.Minute
	}
	token := make([]byte, 5)
	_, _ = rand.Read(token)
	s := &session{q: q, came: make(chan struct{}), refused: map[string]bool{}, changed: map[string]bool{}, wanted: map[string]string{}, once: map[string]string{}, began: time.Now()}
	s.server = server{network: q.Network, token: hex.EncodeToString(token), admit: s.admit, ours: func(a netip.Addr) bool { return ours(s, a) }, find: s.find, first: s.first, stray: s.stray}
	return s, s.server.open(q.Port)
}

func (s *session) close() { s.server.close() }

// say shows the person a line.
func (s *session) say(format string, args ...any) { s.q.Person.Say(fmt.Sprintf(format, args...)) }

// at is the probe's port of a scheme.
func (s *session) at(scheme string) netip.AddrPort {
	if scheme == "tftp" {
		return addrOf(s.server.tftp.LocalAddr())
	}
	return addrOf(s.server.http.Addr())
}

// url returns the address of one of the probe's places.
func (s *session) url(scheme, place string) string {
	return s.root(scheme) + s.path(place)
}

// path returns the path of one of the probe's places.
func (s *session) path(place string) string { return "/p/" + s.server.token + "/" + place }

// door is the URL at which a phone introduces itself.
func (s *session) door() string { return s.root("http") + "/p/$MA" }

// root is the address of a scheme's port.
func (s *session) root(scheme string) string { return fmt.Sprintf("%s://%s", scheme, s.at(scheme)) }

// first answers a path that is none of the probe's own. Only the person's order leads there.
func (s *session) first(q *request) (string, error) {
	p, err := recognize(q.rest, q.agent)
	if err == nil && s.q.MAC != (model.MAC{}) && p.mac != s.q.MAC {
		err = fmt.Errorf("another device came: %s", p.agent.PN)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		return "", s.refuse(err)
	}
	p.addr = q.from.Addr()
	switch {
	case s.phone == nil:
		s.phone = p
		close(s.came)
	case s.phone.mac != p.mac:
		s.mixed = s.mixed || p.addr == s.phone.addr
		return "", s.refuse(errors.New("another device came, and was sent away: this run is for one phone"))
	case s.phone.addr != p.addr: // it may be anybody who knows the phone's MAC address
		return "", s.refuse(errors.New("the phone, or somebody who says so, came from another address, and was sent away"))
	}
	s.away = gets(s.away)
	if s.q.RestoreOnly {
		s.parting, _ = s.q.Restore.Profile(slices.DeleteFunc(p.row.ParameterNames(), func(name string) bool {
			_, known := s.q.Restore.Known(name)
			return !known
		})...)
	}
	q.place, q.gen = "order", s.gen
	return s.profile(nil), nil
}

// stray refuses what came by TFTP and is none of the probe's.
func (s *session) stray(q *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := model.ParseMAC(strings.TrimPrefix(q.rest, "/p/")); err != nil {
		return s.refuse(fmt.Errorf("this is no SPA that was ordered to come here: it asked for %.60q by TFTP", q.rest))
	}
	return s.refuse(fmt.Errorf("by TFTP a phone does not say which model it is: order %s", s.door()))
}

// mostRefusals bounds what is said of those who were sent away.
const mostRefusals = 20

// refuse tells once why a client was sent away, and returns it. Its caller holds the lock.
func (s *session) refuse(why error) error {
	if !s.refused[why.Error()] && len(s.refused) < mostRefusals {
		s.refused[why.Error()] = true
		s.say("%s", why)
	}
	return why
}

// admit reports whether a request is of the phone.
func (s *session) admit(q *request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.phone
	if p == nil {
		return false
	}
	mac, _, _ := strings.Cut(q.rest, "/")
	if q.place == "home" && mac == p.mac.String() && q.agent == p.agent.Text && q.from.Addr() != p.addr && len(p.moved) < mostMoves {
		p.moved = append(p.moved, p.addr) // only the phone knows where home is
		p.addr = q.from.Addr()
		s.say("the phone has another address now")
	}
	if q.from.Addr() != p.addr {
		return false
	}
	if q.place == "home" && mac != p.mac.String() || q.agent != "" && q.agent != p.agent.Text {
		s.mixed = true
		return false
	}
	return true
}

// mostMoves bounds how often the phone's address may change.
const mostMoves = 20

// ours reports whether an address is the phone's.
func ours(s *session, a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phone != nil && a == s.phone.addr
}

// phoneAddr returns where the phone is.
func phoneAddr(s *session) netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phone.addr
}

// find says how a request of the phone is answered.
func (s *session) find(q *request) (answer, reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = gets(s.away)
	if q.place == "home" && s.home != nil {
		q.gen = s.gen
		return s.home, nil
	}
	if q.place == "home" {
		q.gen = s.gen
		once := s.once
		s.once = map[string]string{}
		return given(s.profile(once)), nil
	}
	if t := s.trial; t != nil && t.place == q.place {
		if r, ok := t.routes[q.name]; ok {
			return r.http, r.tftp
		}
	}
	return given(nothing), givenTFTP(nothing)
}

// nothing is a right profile that changes nothing.
const nothing = "<flat-profile>\n</flat-profile>\n"

func given(body string) answer    { return func(x *exchange) { x.give(body) } }
func givenTFTP(body string) reply { return func(x *transfer) { x.give(body) } }

// missing answers that there is no such file.
func missing(x *exchange) { x.status(http.StatusNotFound, "") }

func missingTFTP(x *transfer) { x.send(packet.AppendError(nil, packet.NotFound, "not found")) }

// profile returns what the phone is to have as a profile, with what it gets once. The
// parameter that is read back is left to the files of an experiment.
func (s *session) profile(once map[string]string) string {
	if s.parting != "" {
		return s.parting
	}
	all := maps.Clone(s.wanted)
	if s.trial != nil {
		delete(all, "GPP_"+s.phone.letters().read)
	}
	maps.Copy(all, once)
	return profileOf(all)
}

// want changes what the phone is to have from its next visit on.
func (s *session) want(set, once map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.wanted, set)
	maps.Copy(s.once, once)
	s.gen++
}

// reset goes back to what the phone has between experiments.
func (s *session) reset() {
	s.server.hangUp()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.home, s.trial = nil, nil
	clear(s.once)
	if name := "GPP_" + s.phone.letters().read; s.base[name] == "" && s.base != nil {
		s.once[name] = "" // a file of an experiment has set it
	}
	if !maps.Equal(s.wanted, s.base) {
		s.wanted = maps.Clone(s.base)
		s.gen++
	}
}

// meet waits for the phone, reads its settings and sends it home.
func (s *session) meet(ctx context.Context) error {
	if err := s.order(ctx, s.door()); err != nil {
		return err
	}
	if err := s.wait(ctx); err != nil {
		return err
	}
	p := s.phone
	s.say("%s, firmware %s", p.row.Model.Name, p.row.Firmware.Version)
	if err := s.learn(ctx); err != nil {
		return err
	}
	s.base = s.homeSettings()
	return s.sendHome(ctx)
}

// wait waits for the phone's first request, and says each minute that it does.
func (s *session) wait(ctx context.Context) error {
	s.say("waiting for the phone at %s", s.root("http"))
	again := time.NewTicker(time.Minute)
	defer again.Stop()
	for {
		select {
		case <-s.came:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("no phone came: %w", ctx.Err())
		case <-again.C:
			s.say("still no phone at %s: see \"no phone comes\" in docs/probe.md; Ctrl-C ends this", s.root("http"))
		}
	}
}

// homeForm is what the phone's rule has behind the probe's address.
const homeForm = "home/$MA/$PRVST/$PRVTMR"

// homeSettings are what the phone has between experiments. What cannot be given back is
// left as it is, but for what brings the phone home.
func (s *session) homeSettings() map[string]string {
	l := s.phone.letters()
	pace := fmt.Sprint(int(s.q.Pace / time.Second))
	all := map[string]string{
		"Profile_Rule":             s.url("http", homeForm),
		"Profile_Rule_B":           fmt.Sprintf(`("$%s" eq "$%s")? %s | %s/$%s`, l.read, l.want, s.url("http", "same"), s.url("http", "read"), l.read),
		"Profile_Rule_C":           "$" + l.rule,
		"Profile_Rule_D":           "",
		"Provision_Enable":         "Yes",
		"Resync_On_Reset":          "Yes",
		"Resync_Random_Delay":      "0",
		"Resync_Periodic":          pace,
		"Resync_At__HHmm_":         "",
		"Resync_Error_Retry_Delay": pace,
		"Resync_Fails_On_FNF":      "Yes",
		"Forced_Resync_Delay":      "0",
		"Resync_Trigger_1":         "",
		"Resync_Trigger_2":         "",
		"Upgrade_Enable":           "No",
		"GPP_" + l.read:            "",
		"GPP_" + l.rule:            "",
		"GPP_" + l.want:            "",
		"GPP_" + l.more:            "",
	}
	maps.DeleteFunc(all, func(name, _ string) bool {
		_, known := s.back[name]
		return !s.phone.has(name) || !known
	})
	return all
}

// sendHome sends the phone home, and waits until it has come.
func (s *session) sendHome(ctx context.Context) error {
	chosen, err := s.plan(ctx)
	if err != nil {
		return err
	}
	s.chosen = chosen
	s.mu.Lock()
	s.wanted, s.gen, s.away = maps.Clone(s.base), s.gen+1, invited
	s.mu.Unlock()
	if err := s.keep(); err != nil {
		return err
	}
	if err := s.order(ctx, s.door()); err != nil {
		return err
	}
	if _, ok := s.server.until(ctx, 0, s.q.Patience, hasAny(func(q request) bool { return q.place == "home" })); !ok {
		return fmt.Errorf("the phone did not come back within %s: did it restart, and is %s the address by which it reaches this machine?", measure.Format(s.q.Patience), s.at("http").Addr())
	}
	return nil
}

// restore gives a phone that was left alone its settings.
func (s *session) restore(ctx context.Context) error {
	if err := s.order(ctx, s.door()); err != nil {
		return err
	}
	if _, ok := s.server.until(ctx, 0, s.q.Patience, hasAny(func(q request) bool { return q.place == "order" && !q.ended.IsZero() })); !ok {
		return errors.New("the phone did not come for its settings")
	}
	s.say("the phone has been given its settings")
	return nil
}

// giveBack gives the phone its settings, where it has been given others. A phone that does not
// come by itself is ordered to; one that comes home once more gets them once more.
func (s *session) giveBack(ctx context.Context) error {
	s.mu.Lock()
	if s.away == invited {
		s.away, s.wanted = unaltered, nil // it may come yet
	}
	away := s.away
	s.mu.Unlock()
	if away == unaltered {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	s.reset()
	mark := s.server.mark()
	s.mu.Lock()
	s.parting, _ = s.own.Profile(s.touched()...)
	s.gen++
	gen := s.gen
	s.mu.Unlock()
	s.say("giving the phone its settings back: please let the program end by itself")
	taken := func(q request) bool {
		return (q.place == "home" || q.place == "order") && q.gen == gen && !q.ended.IsZero()
	}
	for end := time.Now().Add(s.q.Patience); time.Now().Before(end); {
		list, ok := s.server.until(ctx, mark, min(nudgeAfter, time.Until(end)), hasAny(taken))
		if !ok {
			nudge(ctx, s)
			continue
		}
		mark += slices.IndexFunc(list, taken) + 1
		// Then it does not come home any more: some times the pace show it.
		if _, again := s.server.until(ctx, mark, 3*s.q.Pace, hasAny(func(q request) bool { return q.place == "home" })); !again {
			s.say("the phone has its settings again")
			return nil
		}
	}
	return ErrNotRestored
}

// nudgeAfter is how long a phone may stay away before it is ordered to come for its settings.
const nudgeAfter = 40 * time.Second

// nudge orders a resync by the phone's web server, if that takes one.
func nudge(ctx context.Context, s *session) {
	ctx, stop := context.WithTimeout(ctx, nudgeAfter/4)
	defer stop()
	if at := s.web(); at.IsValid() {
		_ = press(ctx, s, at.Addr().String(), "/admin/resync?"+s.door()) // it shows by coming
	}
}

// touched are the parameters that the phone may have other values of, in the order of their
// names.
func (s *session) touched() []string {
	all := maps.Clone(s.changed)
	for name := range s.base {
		all[name] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// value returns what was settled of a switch; "" for nothing.
func (s *session) value(name string) string {
	for _, r := range s.results {
		for _, f := range r.findings {
			if f.Switch == name && f.Value != "" {
				return f.Value
			}
		}
	}
	return ""
}

// mayBe returns the values of a switch that were not excluded; none where nothing is known.
func (s *session) mayBe(name string) []string {
	for _, r := range s.results {
		for _, f := range r.findings {
			switch {
			case f.Switch != name:
			case f.Value != "":
				return []string{f.Value}
			default:
				return f.OneOf
			}
		}
	}
	return nil
}

// file returns what was found until now.
func (s *session) file() *observed.File {
	f := &observed.File{Date: s.began, Took: time.Since(s.began)}
	s.mu.Lock()
	came := s.phone != nil
	s.mu.Unlock()
	if !came {
		return f
	}
	f.Model, f.Firmware = s.phone.row.Model.Name, s.phone.row.Firmware.Version
	for _, r := range s.results {
		f.Findings = append(f.Findings, r.findings...)
		f.Facts = append(f.Facts, r.facts...)
	}
	order := map[string]int{}
	for i, set := range s.phone.row.Switches {
		order[set.Name] = i
	}
	slices.SortStableFunc(f.Findings, func(a, b observed.Finding) int { return order[a.Switch] - order[b.Switch] })
	return f.Without(s.secrets())
}

// secrets are what the file does not tell.
func (s *session) secrets() observed.Secrets {
	p := s.phone
	all := observed.Secrets{MAC: p.mac, Serial: p.agent.Serial, Addresses: []netip.Addr{s.at("http").Addr()}}
	s.mu.Lock()
	all.Addresses = append(append(all.Addresses, p.addr), p.moved...)
	s.mu.Unlock()
	if s.q.Password != "admin" { // which each of these phones has from the factory
		all.Words = append(all.Words, s.q.Password)
	}
	for name, value := range s.back {
		if secretName.MatchString(name) && len(value) >= shortestSecret && value != "admin" {
			all.Words = append(all.Words, value)
		}
	}
	return all
}

// shortestSecret is how many letters a value has that is looked for: an extension has three.
const shortestSecret = 3

// secretName is what a parameter is called whose value is nobody's business.
var secretName = regexp.MustCompile(`(?i)passw|pin|key|gpp_|user_id|auth_id|display_name|proxy`)

func (s *session) keep() error {
	if s.q.Keep == nil {
		return nil
	}
	back, _ := s.own.Profile(s.touched()...)
	return s.q.Keep(s.file(), back)
}

// wantedValue returns what a parameter is to be now.
func (s *session) wantedValue(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wanted[name]
}
