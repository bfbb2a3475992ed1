package probe

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/scenarios/probe/probetest"
	"spafleet/scenarios/probe/settings"
)

// silence is an experiment that takes 15 s of the phone each time.
const silence = "tftp-silence"

// asked has a phone asked about TFTP, while something happens to it.
func asked(t *testing.T, prepare func(*loop)) (f *observed.File, l *loop, err error) {
	t.Helper()
	l = newLoop(t, "SPA942", "6.1.5(a)", nil, silence)
	prepare(l)
	f, err = Ask(context.Background(), l.question)
	return f, l, err
}

// atQuestion calls a function with each question to the phone.
type atQuestion struct {
	*probetest.Person
	do func(n int)
	n  int
}

func (p *atQuestion) Say(text string) {
	p.Person.Say(text)
	if strings.HasSuffix(text, "?") && strings.Contains(text, " of ") {
		p.n++
		p.do(p.n)
	}
}

func TestAPhoneThatVanishesIsNotGuessed(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		f, l, err := asked(t, func(l *loop) {
			l.question.Person = &atQuestion{Person: l.Person, do: func(int) { l.Phone.Outage(10*time.Second, 24*time.Hour) }}
		})
		if !errors.Is(err, ErrNotRestored) || !strings.Contains(err.Error(), "has not come back within 3m") {
			t.Errorf("the end is %v", err)
		}
		if found := findingOf(f, "tftp_tries"); found.Value != "" || !strings.Contains(found.Why, "did not come back") {
			t.Errorf("found %+v\n%s", found, strings.Join(l.Person.Said(), "\n"))
		}
	})
}

// Who does not unplug the phone is asked the rest, and what was learnt can be written.
func TestAPhoneThatIsNotUnpluggedIsAskedTheRest(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		l := newLoop(t, "SPA942", "6.1.5(a)", nil, "cold-start")
		l.question.Names = []string{"cold-start", "http-interim"}
		l.Person.Unplugged = -1
		l.question.Keep = func(f *observed.File, _ string) error { return f.Write(io.Discard, observed.Secrets{}) }
		f, err := Ask(context.Background(), l.question)
		if err != nil {
			t.Error(err)
		}
		if found := findingOf(f, "boot_time"); found.Value != "" || found.Why != "the phone was not unplugged" {
			t.Errorf("found %+v", found)
		}
		if found := findingOf(f, "interim_answers"); found.Value == "" {
			t.Errorf("found %+v", found)
		}
	})
}

// What a probe that was killed left behind is not taken for the phone's own settings.
func TestThePhoneOfAProbeThatDidNotEndIsRefused(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		l := newLoopWith(t, "SPA942", "6.1.5(a)", nil, map[string]string{"Profile_Rule": "http://192.168.1.10:1/p/0/" + homeForm}, silence)
		l.question.Keep = func(*observed.File, string) error { t.Error("the file of the settings is written over"); return nil }
		if _, err := Ask(context.Background(), l.question); err == nil || !strings.Contains(err.Error(), "--restore-only") {
			t.Errorf("the end is %v", err)
		}
	})
}

// A phone that restarts in an experiment is asked once more; one that always does is not
// settled.
func TestAPhoneThatRestartsInTheMiddle(t *testing.T) {
	for _, r := range []struct {
		name  string
		times int
		value string
	}{{"once", 1, "5"}, {"always", 100, ""}} {
		t.Run(r.name, func(t *testing.T) {
			probetest.Bubble(t, func(t *testing.T) {
				f, l, err := asked(t, func(l *loop) {
					l.question.Person = &atQuestion{Person: l.Person, do: func(int) {
						for i := range r.times {
							l.Phone.Outage(10*time.Second+time.Duration(i)*45*time.Second, time.Second)
						}
					}}
				})
				found := findingOf(f, "tftp_tries")
				if found.Value != r.value || r.value == "" && !strings.Contains(found.Why, "restarted in the middle") {
					t.Errorf("found %+v (%v)\n%s", found, err, strings.Join(l.Person.Said(), "\n"))
				}
			})
		})
	}
}

// Another device behind the phone's address spoils what is seen while it asks.
func TestTwoDevicesBehindOneAddress(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		f, l, err := asked(t, func(l *loop) {
			other := l.Behind(t, probetest.Options{Model: "SPA942", Seed: 7, Presets: map[string]string{"Profile_Rule": ""}})
			ctx, stop := context.WithCancel(context.Background())
			t.Cleanup(stop)
			l.question.Person = &atQuestion{Person: l.Person, do: func(int) {
				door := "http://" + orderedAt(l) + "/p/$MA"
				go func() {
					for ctx.Err() == nil {
						_ = other.Do(ctx, device.Command{Order: device.Resync, Cause: model.ByWeb, Argument: door})
						select {
						case <-ctx.Done():
						case <-time.After(4 * time.Second):
						}
					}
				}()
			}}
		})
		if err != nil {
			t.Error(err)
		}
		found := findingOf(f, "tftp_tries")
		if found.Value != "" || !strings.Contains(found.Why, "another device") {
			t.Errorf("found %+v\n%s", found, strings.Join(l.Person.Said(), "\n"))
		}
	})
}

// orderedAt returns the probe's address, from the rule that brings the phone home.
func orderedAt(l *loop) string {
	rule := strings.TrimPrefix(l.Phone.Get("Profile_Rule"), "http://")
	at, _, _ := strings.Cut(rule, "/")
	return at
}

// A network that loses packets does not make the phone's tries fewer, or its waits longer.
func TestLostPacketsSettleNothing(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		f, l, _ := asked(t, func(l *loop) {
			n := 0
			l.Memory.Lossy(func() bool { n++; return n%4 == 2 })
		})
		for _, name := range []string{"tftp_tries", "tftp_wait"} {
			found := findingOf(f, name)
			if found.Value != "" && found.Value != l.Phone.View().Unit.Row.Switch(name).Value {
				t.Errorf("%s: found %+v\n%s", name, found, factsOf(f))
			}
		}
	})
}

// Who interrupts gets the phone back as it was, and what was learnt until then.
func TestAnInterruptedProbeGivesTheSettingsBack(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		l := newLoop(t, "SPA942", "6.1.5(a)", nil, silence, "gpp-restart")
		ctx, stop := context.WithCancel(context.Background())
		l.question.Person = &atQuestion{Person: l.Person, do: func(n int) {
			if n == 2 {
				time.AfterFunc(4*time.Second, stop)
			}
		}}
		f, err := Ask(ctx, l.question)
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrNotRestored) {
			t.Errorf("the end is %v\n%s", err, strings.Join(l.Person.Said(), "\n"))
		}
		time.Sleep(3 * time.Minute)
		if rule := l.Phone.Get("Profile_Rule"); rule != l.back["Profile_Rule"] {
			t.Errorf("Profile_Rule is %q", rule)
		}
		if findingOf(f, "any_change_reboots").Value == "" {
			t.Error("what was learnt before is lost")
		}
	})
}

// Who says no has a phone that nothing was done to.
func TestADeclinedProbeChangesNothing(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		l := newLoop(t, "SPA942", "6.1.5(a)", nil, silence)
		l.Person.Answer = func(string) bool { return false }
		if _, err := Ask(context.Background(), l.question); !errors.Is(err, ErrDeclined) {
			t.Errorf("the end is %v", err)
		}
		time.Sleep(time.Minute)
		for name, was := range l.back {
			if now := l.Phone.Get(name); now != was {
				t.Errorf("%s is %q, and was %q", name, now, was)
			}
		}
	})
}

// A phone that was left with the probe's settings gets its own from a file.
func TestAPhoneIsGivenTheSettingsOfAFile(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		l := newLoop(t, "SPA942", "6.1.5(a)", nil, silence)
		var back string
		l.question.Keep = func(_ *observed.File, text string) error { back = text; return nil }
		l.question.Person = &atQuestion{Person: l.Person, do: func(int) { _ = l.Phone.PowerOff(context.Background()) }}
		if _, err := Ask(context.Background(), l.question); !errors.Is(err, ErrNotRestored) {
			t.Fatalf("the end is %v", err)
		}
		if err := l.Phone.PowerOn(context.Background()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // it starts
		own, err := settings.FromFile(back)
		if err != nil {
			t.Fatal(err)
		}
		l.question.Person, l.question.RestoreOnly, l.question.Restore = l.Person, true, own
		if _, err := Ask(context.Background(), l.question); err != nil {
			t.Errorf("%v\n%s", err, strings.Join(l.Person.Said(), "\n"))
		}
		time.Sleep(3 * time.Minute)
		for name, was := range l.back {
			if now := l.Phone.Get(name); now != was {
				t.Errorf("%s is %q, and was %q", name, now, was)
			}
		}
	})
}

// Clients that are no SPA are told so, and nothing else.
func TestOtherClientsAreToldThatTheyAreNoSPA(t *testing.T) {
	s, err := newSession(Question{Network: Sockets{At: netip.MustParseAddr("127.0.0.1")}, Person: &probetest.Person{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	dir := t.TempDir()
	for _, c := range []struct{ name, says string }{
		{"curl -s --max-time 10 http://HTTP/p/$MA", "this is no SPA"},
		{"curl -s --max-time 10 http://HTTP/p/000e08010203", `this is no SPA: it calls itself "curl/`},
		{"curl -s --max-time 10 -A Linksys/SPA942-6.1.5(a) http://HTTP/p/", "this is no SPA"},
		{"curl -s --max-time 10 -A Linksys/SPA9999-6.1.5 http://HTTP/p/000e08010203", "is a model that is not known here"},
		{"curl -s --max-time 10 http://HTTP/", "this is no SPA"},
		{"curl -s --max-time 10 -o " + filepath.Join(dir, "x") + " -v tftp://TFTP/p/000e08010203", "by TFTP a phone does not say which model it is"},
		{"curl -s --max-time 10 -o " + filepath.Join(dir, "x") + " -v tftp://TFTP/spa942.cfg", "this is no SPA"},
	} {
		words := strings.Fields(strings.NewReplacer("HTTP", s.at("http").String(), "TFTP", s.at("tftp").String()).Replace(c.name))
		out, _ := exec.Command(words[0], words[1:]...).CombinedOutput()
		if !strings.Contains(strings.ToLower(string(out)), strings.ToLower(c.says)) {
			t.Errorf("%s: %q, want %q in it", c.name, out, c.says)
		}
	}
	if s.phone != nil {
		t.Errorf("%+v was taken for a phone", s.phone)
	}
	if body, err := os.ReadFile(filepath.Join(dir, "x")); err == nil && len(body) > 0 {
		t.Errorf("curl got %q", body)
	}
}
