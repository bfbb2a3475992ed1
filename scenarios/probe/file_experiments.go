package probe

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"spafleet/device/measure"
	"spafleet/resync/tftp/packet"
)

// fileExperiments are about what phones ask for by themselves. What they ask for when a call
// rings or their user opens a menu is not in question.
var fileExperiments = []*experiment{
	{
		name: "language", question: "Does the phone ask for the file of its language once that has changed?",
		settles: []string{"dictionary", "dictionary_slash"}, needs: languageParams, takes: passes(8), run: languageFile,
	},
	{
		name: "language-tries", question: "How often does the phone ask for the file of its language where there is none?",
		settles: []string{"dictionary_tries", "dictionary_wait"}, needs: languageParams, after: []string{"language"},
		takes: passesAnd(3, 6*time.Minute), times: 1, run: languageTries,
	},
	{
		name: "language-form", question: "Does the phone take a file of its language that is not in UCS-2?",
		settles: []string{"dictionary_check"}, needs: languageParams, after: []string{"language-tries"}, takes: passesAnd(3, time.Minute), run: languageForm,
	},
	{
		name: "language-restart", question: "Does the phone restart once it has the file of another language?",
		settles: []string{"dictionary_reboot"}, needs: languageParams, after: []string{"language"}, takes: passes(8), run: languageRestart,
	},
	{
		name: "picture", question: "Does the phone ask for a picture whose URL has changed?",
		settles: []string{"picture"}, needs: []string{"BMP_Picture_Download_URL"}, takes: passes(14), run: picture,
	},
	{
		name: "ring-tone", question: "Does the phone ask for a ring tone's file before it rings?",
		settles: []string{"ring_tone"}, needs: []string{"Ring1"}, restarts: 1, takes: passes(8), times: 1, run: ringTone,
	},
	{
		name: "directory", question: "Does the phone ask for the XML directory before its user opens it?",
		settles: []string{"directory"}, needs: []string{"XML_Directory_Service_URL"}, restarts: 1, takes: passes(8), times: 1, run: directory,
	},
	{
		name: "news", question: "Does the phone ask for news before its user opens them, and how often?",
		settles: []string{"rss"}, needs: []string{"RSS_Feed_URL_1"}, restarts: 1, takes: passesAnd(8, time.Minute), times: 1, run: news,
	},
	{
		name: "extra-files", question: "Does the phone ask for any file by itself, beside profile and firmware?",
		settles: []string{"extra_files"}, needs: []string{"Ring1"}, after: []string{"language", "picture", "ring-tone", "directory", "news"},
		takes: passes(0), times: 1, run: extraFiles,
	},
}

var languageParams = []string{"Dictionary_Server_Script", "Language_Selection"}

// setLanguage names a file of a language that the phone does not know.
func setLanguage(t *trial, server string) {
	t.set("Dictionary_Server_Script", "serv="+server+";d0=English;d1=Probe;x1=probe.xml", "Language_Selection", "Probe")
	t.visit()
}

// comesFor waits for a request for a name of the experiment, some passes or half a minute long.
func comesFor(t *trial, name string) (request, bool) {
	return comesForWithin(t, name, max(6*t.s.q.Pace, 30*time.Second))
}

func comesForWithin(t *trial, name string, within time.Duration) (request, bool) {
	mine := func(q request) bool { return q.place == t.place && q.name == name }
	list, ok := t.await(within, func(list []request) bool { return slices.ContainsFunc(list, mine) })
	if !ok {
		return request{}, false
	}
	i := slices.IndexFunc(list, mine)
	t.mark += i + 1
	return list[i], true
}

// languageFile names the file by a TFTP URL, whose request shows the slash too.
func languageFile(t *trial) {
	name := t.serveTFTP(missingTFTP)
	setLanguage(t, t.tftp(name))
	q, asked := comesFor(t, name)
	if !asked {
		t.settle("dictionary", "never")
		t.settle("dictionary_slash", "skip", "keep")
		return
	}
	t.settle("dictionary", "change")
	t.factBytes("request", q.packet)
	if _, path, _ := packet.ParseRequest(q.packet); strings.HasPrefix(path, "/") {
		t.settle("dictionary_slash", "keep")
	} else {
		t.settle("dictionary_slash", "skip")
	}
}

// mostAgain is how long a phone is given until it asks the first time again.
const mostAgain = 5 * time.Minute

// languageTries has no file, until the phone has not asked for it for twice as long as before.
func languageTries(t *trial) {
	name := t.serve(missing)
	setLanguage(t, t.url(name))
	last, asked := comesFor(t, name)
	tries, wait, within := 0, time.Duration(0), mostAgain
	for ; asked && tries < 21; tries++ {
		var next request
		if next, asked = comesForWithin(t, name, within); asked {
			pause := next.at.Sub(last.at)
			t.factTime("asked again after", pause)
			if wait == 0 {
				wait, within = pause, 2*pause
			}
			last = next
		}
	}
	switch {
	case tries == 0:
		t.fail("the phone does not ask for the file of its language")
	case tries == 1:
		t.fail("the phone asked once, and not again within %s", measure.Format(mostAgain))
	case !asked:
		t.settle("dictionary_tries", strconv.Itoa(tries))
		t.settleTime("dictionary_wait", wait)
	}
}

// languageForm gives a file in ASCII: a phone that does not take it asks again.
func languageForm(t *trial) {
	wait, err := measure.Positive(t.s.value("dictionary_wait"))
	if err != nil {
		t.fail("it rests on dictionary_wait, which is not known")
		return
	}
	name := t.serve(given(dictionary))
	setLanguage(t, t.url(name))
	if _, asked := comesFor(t, name); !asked {
		return
	}
	if _, again := comesForWithin(t, name, wait+3*t.s.q.Pace); again {
		t.settle("dictionary_check", "ucs2")
	} else {
		t.settle("dictionary_check", "any")
	}
}

const dictionary = "<?xml version=\"1.0\"?>\n<dictionary>\n</dictionary>\n"

// wide writes a text in UCS-2, big endian, with its mark.
func wide(text string) string {
	b := []byte{0xfe, 0xff}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.BigEndian.AppendUint16(b, unit)
	}
	return string(b)
}

// languageRestart gives a file that any phone takes, and watches some visits.
func languageRestart(t *trial) {
	t.boots = true
	name := t.serve(given(wide(dictionary)))
	setLanguage(t, t.url(name))
	if _, asked := comesFor(t, name); !asked {
		return
	}
	last := t.comesHome()
	restarted := last.booted()
	for range 3 {
		next := t.comesHome()
		restarted = restarted || t.restarted(last, next)
		last = next
	}
	t.settle("dictionary_reboot", map[bool]string{true: "yes", false: "no"}[restarted])
}

// pictureChoices are the parameters that say what is shown, with what shows the picture.
var pictureChoices = []struct{ name, shown string }{
	{"Select_Background_Picture", "BMP Picture"}, {"Select_Logo", "BMP Picture"},
	{"Background_Picture_Type", "Download BMP Picture"}, {"Logo_Type", "Download BMP Picture"},
}

// picture names a picture while nothing shows it, and another one while something does.
func picture(t *trial) {
	var choices []string
	for _, c := range pictureChoices {
		if t.s.phone.has(c.name) {
			t.set(c.name, "None")
			choices = append(choices, c.name, c.shown)
		}
	}
	if asksForPicture(t) {
		t.settle("picture", "set")
		return
	}
	if len(choices) > 0 {
		t.set(choices[:2]...)
	}
	if asksForPicture(t) {
		t.settle("picture", "shown")
		return
	}
	t.settle("picture", "never")
}

// asksForPicture changes the picture's URL. There is no such picture.
func asksForPicture(t *trial) bool {
	name := t.serve(missing)
	t.set("BMP_Picture_Download_URL", t.url(name)+"/probe.bmp")
	t.visit()
	_, asked := comesFor(t, name)
	return asked
}

// ringTone gives the last of the ring tones a file, and restarts the phone.
func ringTone(t *trial) {
	tone := "Ring1"
	for n := 12; n > 1 && tone == "Ring1"; n-- {
		if last := fmt.Sprintf("Ring%d", n); t.s.phone.has(last) {
			tone = last
		}
	}
	name := t.serveTFTP(missingTFTP)
	t.set(tone, "n=Probe;w="+t.tftp(name)+";c=1")
	t.restart()
	settleBoot(t, "ring_tone", name)
}

// settleBoot settles a switch of files that a phone asks for at its start or never.
func settleBoot(t *trial, name, file string) {
	t.mark = 0
	value := "never"
	if q, asked := comesFor(t, file); asked {
		value = "boot"
		t.factBytes("request", slices.Concat(q.head, q.packet))
	}
	t.settle(name, value)
}

// directory names a directory, and restarts the phone.
func directory(t *trial) {
	name := t.serve(missing)
	t.set("XML_Directory_Service_URL", t.url(name))
	t.restart()
	settleBoot(t, "directory", name)
}

// mostNews is how long a phone is given until it asks for news again.
const mostNews = 10 * time.Minute

// news names a feed, restarts the phone, and waits until it asks a second time after its start.
func news(t *trial) {
	name := t.serve(func(x *exchange) {
		x.status(http.StatusOK, "<rss version=\"2.0\"><channel></channel></rss>\n", "Content-Type: text/xml")
	})
	t.set("RSS_Feed_URL_1", "name=Probe;url="+t.url(name))
	t.restart()
	t.mark = 0
	if _, asked := comesFor(t, name); !asked {
		t.settle("rss", "never")
		return
	}
	t.await(max(6*t.s.q.Pace, 30*time.Second), func([]request) bool { return false }) // what comes of the start alone
	last := lastBefore(slices.DeleteFunc(t.s.server.since(0), func(q request) bool { return q.name != name }), time.Now())
	t.mark = t.s.server.mark()
	next, again := comesForWithin(t, name, mostNews)
	if !again {
		t.fact("asked for news", "at its start, and not again within %s", measure.Format(mostNews))
		t.settle("rss", "boot", measure.Format(2*mostNews))
		return
	}
	t.factTime("asked for news again after", next.at.Sub(last.at))
	t.settleTime("rss", next.at.Sub(last.at))
}

// extraFiles looks at what the experiments before it have found.
func extraFiles(t *trial) {
	for _, name := range []string{"dictionary", "picture", "ring_tone", "directory", "rss"} {
		if v := t.s.value(name); v != "" && v != "never" {
			t.fact("asks for files by itself", "%s: %s", name, v)
			t.settle("extra_files", "on")
			return
		}
	}
	t.settle("extra_files", "on", "off")
}
