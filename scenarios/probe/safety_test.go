package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device/observed"
	"spafleet/scenarios/probe/probetest"
	"spafleet/scenarios/probe/settings"
)

// hasAll fails the test where a phone has not all its settings.
func (l *loop) hasAll(t *testing.T) {
	t.Helper()
	for name, was := range l.back {
		if now := l.Phone.Get(name); now != was {
			t.Errorf("%s is %q, and was %q", name, now, was)
		}
	}
}

// Whenever the program is killed, the file has all that the phone has otherwise.
func TestTheFileOfSettingsIsWholeAtEachMoment(t *testing.T) {
	for _, r := range []int{0, 3} {
		t.Run(loopRows[r].model, func(t *testing.T) {
			probetest.Bubble(t, func(t *testing.T) {
				l := newLoop(t, loopRows[r].model, loopRows[r].firmware, nil)
				l.question.Names = nil
				kept := make(chan *settings.Settings, 1)
				l.question.Keep = func(_ *observed.File, text string) error {
					own, err := settings.FromFile(text)
					if err != nil {
						t.Error(err)
					}
					select {
					case <-kept:
					default:
					}
					kept <- own
					return nil
				}
				ctx, stop := context.WithCancel(context.Background())
				t.Cleanup(stop)
				go watchSettings(ctx, t, l, kept)
				if _, err := Ask(ctx, l.question); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// watchSettings compares the phone with the newest file each half second.
func watchSettings(ctx context.Context, t *testing.T, l *loop, kept <-chan *settings.Settings) {
	own, said := &settings.Settings{}, map[string]bool{}
	for ctx.Err() == nil {
		v := l.Phone.View()
		select {
		case own = <-kept:
		default:
		}
		for name, was := range l.back {
			now, _ := v.Params.Lookup(name)
			if text, known := own.Known(name); now != was && (!known || text != was) && !said[name] {
				said[name] = true
				t.Errorf("%s is %q, was %q, and the file has %q", name, now, was, text)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// Who interrupts at any moment gets the phone back.
func TestAnInterruptAtAnyMomentGivesTheSettingsBack(t *testing.T) {
	for _, names := range [][]string{{"gpp-restart", silence}, {"trigger"}, {"restart"}, {"http-waits"}, {"tls-hello", "web-forms"}} {
		for at := time.Duration(0); at < 3*time.Minute; at += 5100 * time.Millisecond {
			t.Run(names[0]+"/"+at.String(), func(t *testing.T) {
				probetest.Bubble(t, func(t *testing.T) {
					l := newLoop(t, "SPA942", "6.1.5(a)", nil, names...)
					ctx, stop := context.WithTimeout(context.Background(), at)
					defer stop()
					if _, err := Ask(ctx, l.question); errors.Is(err, ErrNotRestored) {
						t.Errorf("%v\n%s", err, strings.Join(l.Person.Said(), "\n"))
					}
					time.Sleep(3 * time.Minute)
					l.hasAll(t)
				})
			})
		}
	}
}

// What cannot be kept is not done, and the phone gets back what it had.
func TestAFullDiskGivesTheSettingsBack(t *testing.T) {
	full := errors.New("no space left")
	for n := range 6 {
		probetest.Bubble(t, func(t *testing.T) {
			l := newLoop(t, "SPA942", "6.1.5(a)", nil, "gpp-restart", "trigger")
			calls, began := 0, time.Now()
			l.question.Keep = func(*observed.File, string) error {
				if calls++; calls > n {
					return full
				}
				return nil
			}
			_, err := Ask(context.Background(), l.question)
			if !errors.Is(err, full) && calls > n || errors.Is(err, ErrNotRestored) {
				t.Errorf("after %d: %v", n, err)
			}
			if n == 0 && time.Since(began) > time.Minute {
				t.Errorf("a phone that nothing was done to was waited for %v", time.Since(began))
			}
			time.Sleep(3 * time.Minute)
			l.hasAll(t)
		})
	}
}

// Strangers hold a thousand connections, and the phone is asked all the same.
func TestAThousandStrangersDoNotDisturb(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		f, l, err := asked(t, func(l *loop) {
			stranger := l.Memory.Host(netip.MustParseAddr("192.168.1.66"))
			var held []net.Conn
			t.Cleanup(func() {
				for _, c := range held {
					c.Close()
				}
			})
			l.question.Person = &atQuestion{Person: l.Person, do: func(int) {
				to := netip.MustParseAddrPort(orderedAt(l))
				for range 1000 {
					if c, err := stranger.Dial(context.Background(), to); err == nil {
						held = append(held, c)
					}
				}
			}}
		})
		if found := findingOf(f, "tftp_tries"); err != nil || found.Value != "5" {
			t.Errorf("%v, found %+v\n%s", err, found, strings.Join(l.Person.Said(), "\n"))
		}
		l.hasAll(t)
	})
}

// Somebody who says that he is the phone gets nothing of its settings.
func TestSomebodyElseWithThePhonesMACIsSentAway(t *testing.T) {
	s := &session{refused: map[string]bool{}, q: Question{Person: &probetest.Person{}}, came: make(chan struct{})}
	agent := "Linksys/SPA942-6.1.5(a) (000e08010203)(88010B123456)"
	ask := func(from string) error {
		_, err := s.first(&request{rest: "/p/000e08010203", agent: agent, from: netip.MustParseAddrPort(from)})
		return err
	}
	if err := ask("192.168.1.77:1024"); err != nil {
		t.Fatal(err)
	}
	s.parting = "<flat-profile><GPP_A>mine</GPP_A></flat-profile>"
	if err := ask("192.168.1.66:1024"); err == nil {
		t.Error("it was answered")
	}
	q := &request{place: "home", rest: "000e08010203/1/5", agent: agent, from: netip.MustParseAddrPort("192.168.1.78:1024")}
	if !s.admit(q) || phoneAddr(s) != q.from.Addr() || !slices.Contains(s.phone.moved, netip.MustParseAddr("192.168.1.77")) {
		t.Error("the phone has a new address, and is not known")
	}
}
