package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"spafleet/scenarios/probe/settings"
)

// learn finds out what the phone must get back: from what the person gave, or from its web
// pages. Its report would need a NOTIFY, which most phones take from their proxy alone.
func (s *session) learn(ctx context.Context) error {
	own, how := s.q.Restore, "the file"
	if own == nil {
		own, how = s.readPages(ctx), "the phone's web server"
	}
	s.back = map[string]string{}
	if own == nil {
		return errors.New("the phone's settings could not be read, so that they could not be given back: give the login of its pages by --login, or a file with its settings by --restore")
	}
	for name, v := range own.All() {
		if v.Unknown == "" && s.phone.has(name) {
			s.back[name] = v.Text
		}
	}
	s.own = own
	if s.q.Restore == nil && strings.Contains(s.back["Profile_Rule"], homeForm) {
		return errors.New("the phone still has the settings of a probe that did not end: first give it its own, by --restore-only --restore FILE, with the FILE.restore of that probe")
	}
	if missing := s.missing(own); len(missing) > 0 {
		return fmt.Errorf("%s does not say what the phone's %s is, so that it could not be given back: give a file with it by --restore", how, strings.Join(missing, ", "))
	}
	s.say("read %d settings from %s", len(s.back), how)
	return nil
}

// missing are the parameters without which no experiment is possible.
func (s *session) missing(own *settings.Settings) (list []string) {
	l := s.phone.letters()
	for _, name := range []string{"Profile_Rule", "Profile_Rule_B", "Profile_Rule_C", "Resync_Periodic", "Resync_Error_Retry_Delay", "GPP_" + l.read, "GPP_" + l.rule, "GPP_" + l.want} {
		if _, ok := own.Known(name); !ok && s.phone.has(name) {
			list = append(list, name)
		}
	}
	return list
}

func (s *session) readPages(ctx context.Context) *settings.Settings {
	own, err := settings.Read(ctx, s.dial, s.web().Addr().String(), s.login())
	if err != nil {
		s.say("the phone's pages: %s", err)
	}
	return own
}

func (s *session) login() settings.Login {
	return settings.Login{User: s.q.User, Password: s.q.Password}
}
