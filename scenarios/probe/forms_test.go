package probe

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/scenarios/probe/probetest"
)

// TestFactsSayWhatAPhoneDid: experiments that settle no switch note what an emulated phone does,
// and note something else of one that does something else.
func TestFactsSayWhatAPhoneDid(t *testing.T) {
	tests := []struct {
		experiment string
		model      string
		switches   map[string]string
		want       []string
	}{
		{"http-coding", "SPA942", nil, []string{"in chunks: taken", "packed, with Content-Encoding: taken", "packed, without Content-Encoding: taken"}},
		{"http-length", "SPA942", nil, []string{"Content-Length ten too long: not taken", "more than Content-Length: taken", "no Content-Length: taken"}},
		{"tftp-errors", "SPA942", nil, []string{"ERROR 0: a failure, after 1 request", "ERROR 1: a missing file, after 1 request",
			"ERROR 2: a failure, after 1 request", "ERROR 4: a failure, after 1 request"}},
		{"tftp-strays", "SPA942", nil, []string{`second block from another port: the phone says ERROR 5 "Unknown transfer ID"`,
			"second block from another port, then the right one: taken",
			"block 2 in place of block 1: the phone says nothing", "block 2 in place of block 1, then the right one: taken"}},
		{"tftp-strays", "SPA942", map[string]string{"tftp_wait": "1500ms", "tftp_tries": "20"}, []string{`second block from another port: the phone says ERROR 5 "Unknown transfer ID"`,
			"second block from another port, then the right one: taken",
			"block 2 in place of block 1: the phone says its request again", "block 2 in place of block 1, then the right one: taken"}},
		{"http-redirects", "SPA942", map[string]string{"redirects": "moved", "redirect_location": "absolute"}, twice(
			"answer 301 with a whole URL: followed", "answer 302 with a whole URL: followed", "answer 303 with a whole URL: not followed",
			"answer 307 with a whole URL: not followed", "answer 308 with a whole URL: not followed", "answer 301 with a path alone: not followed")},
		{"http-repeats", "SPA942", map[string]string{"get_repeats": "2"}, twice("after answer 403: asked again 2 times", "after a closed connection: asked again 2 times")},
		{"news", "SPA525G2", map[string]string{"rss": "boot"}, []string{"asked for news: at its start, and not again within 10m"}},
		{"profile-size", "SPA942", map[string]string{"profile_limit": "4000"}, []string{"longest profile that was taken: 4000 bytes", "one byte more, packed: not taken"}},
	}
	for _, tt := range tests {
		t.Run(tt.experiment+"/"+tt.model, func(t *testing.T) {
			probetest.Bubble(t, func(t *testing.T) {
				f := newLoop(t, tt.model, "", tt.switches, tt.experiment).ask(t)
				var got []string
				for _, one := range f.Facts {
					if one.Text != "" {
						got = append(got, one.What+": "+one.Text)
					}
				}
				if text, want := strings.Join(got, "\n"), strings.Join(tt.want, "\n"); text != want {
					t.Errorf("got\n%s\nwant\n%s", text, want)
				}
			})
		})
	}
}

func twice(lines ...string) []string { return slices.Concat(lines, lines) }

// TestTheRequestIsNotedAsItCame: a fact has the bytes of a request in hexadecimal digits.
func TestTheRequestIsNotedAsItCame(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		f := newLoop(t, "SPA942", "", map[string]string{"http_version": "1.0"}, "http-request").ask(t)
		i := slices.IndexFunc(f.Facts, func(one observed.Fact) bool { return one.What == "request" })
		if i < 0 {
			t.Fatalf("no request among the facts: %v", f.Facts)
		}
		head, err := hex.DecodeString(f.Facts[i].Hex)
		if err != nil {
			t.Fatal(err)
		}
		form := regexp.MustCompile(`^GET /p/[0-9a-f]+/x1/f1 HTTP/1\.0\r\nHost: [x.]+:[0-9]+\r\nUser-Agent: Linksys/SPA-942-[^\r]+\r\nConnection: close\r\n\r\n$`)
		if !form.Match(head) {
			t.Errorf("got %q, want the form %s", head, form)
		}
	})
}

// TestWhatAPhoneDoesNotShowIsNotSettled: a phone whose behaviour hides a switch, or outlasts the
// experiment, leaves it open, with the reason.
func TestWhatAPhoneDoesNotShowIsNotSettled(t *testing.T) {
	tests := []struct {
		experiment string
		switches   map[string]string
		name       string
		oneOf, why string
	}{
		{"http-redirects", map[string]string{"redirects": "fail"}, "redirect_location", "any absolute", "the experiment cannot tell these apart"},
		{"http-post", map[string]string{"redirects": "fail"}, "redirected_post", "post get", "the experiment cannot tell these apart"},
		{"http-login", map[string]string{"http_auth": "none"}, "digest_count", "rises one", "the experiment cannot tell these apart"},
		{"http-redirect-places", map[string]string{"redirects": "follow", "redirect_places": "1"}, "redirect_places", "", "what the phone did fits no value"},
		{"http-trickle", map[string]string{"http_whole_waits": "120"}, "http_whole_waits", "", "the phone still waited after 14m"},
		{"language", map[string]string{"dictionary": "never"}, "dictionary_slash", "skip keep", "the experiment cannot tell these apart"},
		{"language-tries", map[string]string{"dictionary_tries": "1"}, "dictionary_tries", "", "the phone asked once, and not again within 5m"},
		{"language-tries", map[string]string{"dictionary": "never"}, "dictionary_wait", "", "the phone does not ask for the file of its language"},
		{"language-form", map[string]string{"dictionary_tries": "1"}, "dictionary_check", "", "it rests on dictionary_wait, which is not known"},
		{"extra-files", map[string]string{"dictionary": "never", "picture": "never"}, "extra_files", "on off", "the experiment cannot tell these apart"},
	}
	for _, tt := range tests {
		t.Run(tt.experiment+"/"+tt.name, func(t *testing.T) {
			probetest.Bubble(t, func(t *testing.T) {
				found := findingOf(newLoop(t, "SPA942", "", tt.switches, tt.experiment).ask(t), tt.name)
				if got := strings.Join(found.OneOf, " "); found.Value != "" || got != tt.oneOf || found.Why != tt.why {
					t.Errorf("found %q of %q (%s), want none of %q (%s)", found.Value, got, found.Why, tt.oneOf, tt.why)
				}
			})
		})
	}
}

// TestTheWholeGroupsFindWhatTheTablesHave asks phones, one of 7.5.2b among them, all of these
// groups in one go: each finding is what the tables have, or is left open where that hides it.
func TestTheWholeGroupsFindWhatTheTablesHave(t *testing.T) {
	for _, r := range append(slices.Clone(loopRows), struct{ model, firmware string }{"SPA504G", "7.5.2b"}) {
		t.Run(r.model+" "+r.firmware, func(t *testing.T) {
			probetest.Bubble(t, func(t *testing.T) {
				l := newLoop(t, r.model, r.firmware, nil)
				l.question.Names, l.question.Only = nil, []string{"tftp", "http", "files"}
				f := l.ask(t)
				row := l.Phone.View().Unit.Row
				if len(f.Findings) < 19 {
					t.Errorf("only %d findings", len(f.Findings))
				}
				for _, found := range f.Findings {
					if want := row.Switch(found.Switch).Value; !agrees(found, want) && !hides(row, found.Switch) {
						t.Errorf("%s is %q of %q (%s), want %s", found.Switch, found.Value, found.OneOf, found.Why, want)
					}
				}
			})
		})
	}
}

// agrees reports whether a finding is a value, or leaves it open.
func agrees(found observed.Finding, want string) bool {
	if d, err := measure.Positive(want); err == nil {
		want = measure.Format(d)
	}
	return found.Value == want || slices.Contains(found.OneOf, want)
}

// hides reports whether a firmware shows nothing of a switch.
func hides(row *model.Row, name string) bool {
	switch name {
	case "redirect_places":
		return row.Switch("redirects").Value == "fail"
	case "http_whole_waits":
		return row.Behaviour.HTTPWhole() > aLongWait
	}
	return false
}
