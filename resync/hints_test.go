package resync_test

import (
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
)

// hintOf returns the hint of the file that failed last.
func hintOf(events []device.Event) string {
	hint := ""
	for _, e := range events {
		if e.Kind == device.FetchFailed || e.Kind == device.UpgradeFailed {
			hint = e.File.Hint
		}
	}
	return hint
}

// A refusal that rests on a switch names the switch, its other value and how the
// present one is known.
func TestHintsOfRefusals(t *testing.T) {
	const plain = "Profile_Rule=http://192.0.2.5/a"
	tests := []struct{ model, rule, serve, want string }{
		{"SPA942 6.1.5(a)", plain, "status=401 challenge=Basic", "SPA942 6.1.5(a) does not answer that (inferred; switch http_auth=basic_digest changes that)"},
		{"SPA504G 7.5.5", plain, "status=401 challenge=Basic", "write [--uid NAME --pwd WORD] before the URL"},
		{"SPA504G 7.5.5", "Profile_Rule=[--uid u --pwd p] http://192.0.2.5/a", "status=401 challenge=Basic", "the server refuses the user"},
		{"SPA942 6.1.5(a)", plain, "status=302 location=http://192.0.2.6/b", "redirects with 302 to http://192.0.2.6/b, which SPA942 6.1.5(a) does not follow (inferred; switch redirects=follow changes that)"},
		{"SPA504G 7.5.5", plain, "status=302 location=tftp://192.0.2.6/b", "is neither http nor https"},
		{"SPA504G 7.5.2b", plain, "status=302 location=/a", "which SPA504G 7.5.2b does not follow (image; switch redirect_location=any changes that)"},
		{"SPA504G 7.5.2b", plain, "status=303 location=http://192.0.2.6/b", "which SPA504G 7.5.2b does not follow (image; switch redirects=follow changes that)"},
		{"SPA504G 7.5.2b", plain, "status=502", "SPA504G 7.5.2b takes HTTP 502 for a missing file (image; switch http_missing=404 changes that)"},
		{"SPA504G 7.5.5", plain, "status=302 location=http://192.0.2.5/a", "does not follow after 5 places (inferred; switch redirect_places=10 changes that)"},
		{"SPA504G 7.5.5", "Profile_Rule=[--key k] http://192.0.2.5/a", "<flat-profile/>", "(field; switch plain_under_key=accept changes that)"},
		{"SPA504G 7.5.5 plain_under_key=refuse", "Profile_Rule=[--key k] http://192.0.2.5/a", "<flat-profile/>", "(set by a switch; switch plain_under_key=accept"},
	}
	for _, tt := range tests {
		w := &mapWorld{now: noon, answers: map[string]answer{}}
		s := &stage{t: t, shelf: &resync.ProfileCache{}, world: w}
		s.model(strings.Fields(tt.model))
		s.set(tt.rule)
		w.answers["http://192.0.2.5:80/a"] = s.answer(tt.serve)
		o := resync.Attempt(t.Context(), w, resync.Input{Unit: s.unit, Params: s.params, Cause: model.ByPeriodic, Profiles: s.shelf})
		if hint := hintOf(o.Events); !strings.Contains(hint, tt.want) {
			t.Errorf("%s, %s, %s: no %q in %q", tt.model, tt.rule, tt.serve, tt.want, hint)
		}
	}
}

func TestHintsOfUpgrades(t *testing.T) {
	tests := []struct{ model, rule, image, want string }{
		{"SPA2102 5.2.10", "($SWVER ne 5.2.13)? http://192.0.2.5/f.bin", "image=SPA2102,5.2.12,256", "is still true at 5.2.12, the version in the image, so the device would upgrade without end"},
		{"SPA2102 5.2.10", "($SWVER ne 5.2.12)? http://192.0.2.5/f.bin", "image=SPA2102,5.2.12(a),256", "(inferred; switch version_suffix=ignore changes that)"},
		{"SPA2102 5.2.10", "http://192.0.2.5/f.bin", "fill=300", "(inferred; switch image_check=lax changes that)"},
		{"SPA2102 5.2.10", "https://192.0.2.5/f.bin", "fill=300", "takes no images by https (documented; switch https_upgrade=accept changes that)"},
	}
	for _, tt := range tests {
		w := &mapWorld{now: noon, answers: map[string]answer{}}
		s := &stage{t: t, shelf: &resync.ProfileCache{}, world: w}
		s.model(strings.Fields(tt.model))
		s.set("Upgrade_Rule=" + tt.rule)
		w.answers["http://192.0.2.5:80/f.bin"] = s.answer(tt.image)
		o := resync.Upgrade(t.Context(), w, resync.Input{Unit: s.unit, Params: s.params, Cause: model.ByPeriodic, Profiles: s.shelf})
		if hint := hintOf(o.Events); !strings.Contains(hint, tt.want) {
			t.Errorf("%s, %s: no %q in %q (%s)", tt.model, tt.rule, tt.want, hint, o.Err)
		}
	}
}
