package model

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// An ExtraFile is a row of the table of files that phones ask for beside profile
// and image, always with GET. A model without a row for a kind never asks for one.
type ExtraFile struct {
	What     string   // the kind, as events and metrics name it
	Models   []string // that ask for it, at all their firmware that has one of the parameters
	Params   []string // that it comes from
	Made     string   // how its URL is made, in words
	Failed   string   // when one that cannot be had is asked for again, in words
	Evidence Evidence // that these models ask for it
	Source   string
	Stored   bool // in flash: it is asked for again only when what it comes from has changed
	Macros   bool // in its URL
	Unserved bool // asked for only without DHCP option 66, of another server that the lease names

	when func(*Behaviour) bool                                     // whether they ask by themselves
	urls func(v []string, b *Behaviour, yield func(namedURL) bool) // of the parameters' values
}

// A namedURL is a file that parameters ask for.
type namedURL struct {
	param int    // its place in Params
	url   string // as the parameter has it; "" asks for nothing
	from  string // what makes it another file
}

// An Extra is one file that a device wants beside profile and image.
type Extra struct {
	File  *ExtraFile
	Param string // that names it
	URL   string // without a scheme: TFTP; of several with | between them, one is asked for where those before it are missing
	Key   uint64 // of the parameter, and of what it comes from
}

// Replaces reports whether a file with a key is an earlier one of the same
// parameter, which this one takes the place of.
func (x *Extra) Replaces(key uint64) bool { return x.Key>>slotShift == key>>slotShift }

const slotShift = 48

// ExtraKey returns the key of an extra file: it joins 16 bits of a parameter's name
// and 48 of what its file comes from.
func ExtraKey(param, from string) uint64 {
	return fnv64(param)<<slotShift | fnv64(from)&(1<<slotShift-1)
}

func fnv64(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

// ExtraAgain returns how long after the end of a transfer a file is asked for
// again, which failed so many times in a row; false where that is not before the
// next boot, or a change.
func (b *Behaviour) ExtraAgain(x *ExtraFile, failed int) (wait time.Duration, again bool) {
	switch {
	case x.What == "rss" && b.Extras.Feeds > 0:
		return b.Extras.Feeds, true
	case x.What == "dictionary" && failed > 0 && failed < b.Extras.DictionaryTries:
		return b.Extras.DictionaryWait, true
	}
	return 0, false
}

// The models of the phones, by what is known of their extra files.
var (
	phones9x2  = []string{"SPA942", "SPA962"}
	phones50x  = []string{"SPA303", "SPA502G", "SPA504G", "SPA508G", "SPA509G"}
	phones51x  = []string{"SPA512G", "SPA514G"}
	phones525  = []string{"SPA525G", "SPA525G2"}
	pictures   = []string{"BMP_Picture_Download_URL", "Select_Background_Picture", "Select_Logo", "Background_Picture_Type", "Logo_Type"}
	languages  = []string{"Dictionary_Server_Script", "Language_Selection"}
	ringScript = numbered("Ring%d", 12)
	feeds      = numbered("RSS_Feed_URL_%d", 5)
)

// extraFiles is the table of extra files. Their order is that in which a phone
// asks for them (provisioning first, then dictionary, picture, ring tones,
// directory: inferred from threads of a late firmware).
var extraFiles = []ExtraFile{
	{What: "sccp", Models: slices.Concat([]string{"SPA301", "SPA501G"}, phones50x, phones51x), Params: []string{"SPCP_Auto-detect"}, Evidence: Field, Macros: true, Unserved: true,
		Source: "the manual of a provisioning project", Made: sccpMade, Failed: "at the next boot",
		when: func(b *Behaviour) bool { return b.Extras.SCCP }, urls: sccpURL},
	{What: "sccp", Models: phones525, Params: []string{"SPA525-auto-detect-sccp"}, Evidence: Field, Macros: true, Unserved: true,
		Source: "the manual of a provisioning project", Made: sccpMade, Failed: "at the next boot",
		when: func(b *Behaviour) bool { return b.Extras.SCCP }, urls: sccpURL},
	{What: "dictionary", Models: slices.Concat([]string{"SPA922"}, phones9x2, phones50x, phones51x, phones525), Params: languages, Evidence: Field, Stored: true,
		Source: "templates of two provisioning projects; texts of 7.6.2f", Made: "`serv` of the script, then the `xN` whose `dN` is the language; English has none",
		Failed: "`dictionary_tries` in all, `dictionary_wait` apart; then at the next boot",
		when:   func(b *Behaviour) bool { return b.Extras.Dictionary }, urls: dictionaryURL},
	{What: "picture", Models: slices.Concat(phones9x2, phones50x, phones525), Params: pictures, Evidence: Field, Stored: true,
		Source: "a program that changes pictures of both families; an operator's page; a template for the SPA525G2", Made: "the parameter",
		Failed: "at the next boot",
		when:   func(b *Behaviour) bool { return b.Extras.Picture }, urls: pictureURL},
	{What: "picture", Models: slices.Concat([]string{"SPA922"}, phones51x), Params: pictures, Evidence: Inferred, Stored: true,
		Source: "their firmware is that of the SPA942, or of the SPA50x line", Made: "the parameter",
		Failed: "at the next boot",
		when:   func(b *Behaviour) bool { return b.Extras.Picture }, urls: pictureURL},
	{What: "ring_tone", Models: slices.Concat([]string{"SPA921", "SPA922", "SPA941", "SPA301", "SPA501G"}, phones9x2, phones50x, phones51x, phones525), Params: ringScript,
		Evidence: Documented, Source: "the guides of both families: a tone's file is got on the fly", Made: "`w` of the tone, where it is a path",
		Failed: "at the next boot",
		when:   func(b *Behaviour) bool { return b.Extras.RingTones }, urls: ringURLs},
	{What: "directory", Models: slices.Concat(phones50x, phones51x, phones525), Params: []string{"XML_Directory_Service_URL"}, Evidence: Documented, Macros: true,
		Source: "the guide of the SPA300 and SPA500: a service that the user opens", Made: "the parameter, with macros",
		Failed: "at the next boot",
		when:   func(b *Behaviour) bool { return b.Extras.Directory }, urls: firstURL},
	{What: "rss", Models: slices.Concat([]string{"SPA962"}, phones525), Params: feeds, Evidence: Documented,
		Source: "the guide of the SPA900: news that the user opens", Made: "`url` of the feed",
		Failed: "at the next boot, or when it is asked for again anyhow",
		when:   func(b *Behaviour) bool { return b.Extras.Feeds != 0 }, urls: feedURLs},
}

// xmlService is what a phone fetches that is told to open an XML application. It asks for none
// by itself.
var xmlService = ExtraFile{What: "xml_service", Evidence: Documented, Source: "the guide of the SPA300 and SPA500"}

const sccpMade = "`SEP$MAU.cnf.xml`, else `XMLDefault.cnf.xml`, else `XMLDefault$PN.cnf.xml`, of the lease's `siaddr` by TFTP, only where it has no option 66"

// sccpNames are what phones ask for that look for an SCCP server (the manual of a
// provisioning project; their order is inferred from a late firmware's texts).
const sccpNames = "tftp:///SEP$MAU.cnf.xml|tftp:///XMLDefault.cnf.xml|tftp:///XMLDefault$PN.cnf.xml"

func sccpURL(v []string, _ *Behaviour, yield func(namedURL) bool) {
	if on, ok := ParseBool(v[0]); on && ok {
		yield(namedURL{0, sccpNames, sccpNames})
	}
}

func numbered(format string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i+1)
	}
	return list
}

// ExtraFiles yields the rows of the table of extra files. They must not be
// changed.
func ExtraFiles() iter.Seq[*ExtraFile] {
	return func(yield func(*ExtraFile) bool) {
		for i := range extraFiles {
			if !yield(&extraFiles[i]) {
				return
			}
		}
	}
}

// extraFile returns the row of a kind for a model, nil where there is none.
func extraFile(what, model string) *ExtraFile {
	for x := range ExtraFiles() {
		if x.What == what && slices.Contains(x.Models, model) {
			return x
		}
	}
	return nil
}

// An extraSource is an extra file's row with its parameters in a model's set.
type extraSource struct {
	file *ExtraFile
	ids  []ID // of its parameters
	has  []bool
}

// extraSources returns what a row of models asks for by itself.
func extraSources(r *Row) (list []extraSource) {
	if r.Behaviour.Extras.Off {
		return nil
	}
	for x := range ExtraFiles() {
		if !slices.Contains(x.Models, r.Model.Name) || !x.when(&r.Behaviour) {
			continue
		}
		s := extraSource{file: x, ids: make([]ID, len(x.Params)), has: make([]bool, len(x.Params))}
		for i, name := range x.Params {
			if p, ok := r.Lookup(name); ok {
				s.ids[i], s.has[i] = p.ID, true
			}
		}
		if slices.Contains(s.has, true) {
			list = append(list, s)
		}
	}
	return list
}

// values returns the values of a file's parameters, "" for those that the model
// lacks.
func (s *extraSource) values(get func(ID) string) []string {
	v := make([]string, len(s.ids))
	for i, id := range s.ids {
		if s.has[i] {
			v[i] = strings.TrimSpace(get(id))
		}
	}
	return v
}

// dictionaryURL reads serv=URL;d0=NAME;x0=FILE;… . English is built in (texts of
// 7.6.2f: field), and so is no language at all. That a slash is put between URL
// and file where there is none is inferred.
func dictionaryURL(v []string, _ *Behaviour, yield func(namedURL) bool) {
	script, language := v[0], v[1]
	if script == "" || language == "" || strings.HasPrefix(strings.ToLower(language), "english") {
		return
	}
	serv, number := scriptField(script, "serv"), ""
	for field := range strings.SplitSeq(script, ";") {
		name, value, _ := strings.Cut(field, "=")
		if n, ok := strings.CutPrefix(strings.TrimSpace(name), "d"); ok && strings.EqualFold(strings.TrimSpace(value), language) {
			number = n
			break
		}
	}
	file := scriptField(script, "x"+number)
	if serv == "" || number == "" || file == "" {
		return
	}
	yield(namedURL{0, strings.TrimSuffix(serv, "/") + "/" + strings.TrimPrefix(file, "/"), script + "\x00" + language})
}

// scriptField returns the value of a name in name=value;name=value.
func scriptField(script, name string) string {
	for field := range strings.SplitSeq(script, ";") {
		n, value, _ := strings.Cut(field, "=")
		if strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// pictureURL is the picture's own, where logo or background show it.
func pictureURL(v []string, b *Behaviour, yield func(namedURL) bool) {
	shown := slices.ContainsFunc(v[1:], func(choice string) bool { return strings.HasSuffix(choice, "BMP Picture") })
	if v[0] != "" && (shown || b.Extras.HiddenPicture) {
		yield(namedURL{0, v[0], v[0]})
	}
}

func firstURL(v []string, _ *Behaviour, yield func(namedURL) bool) {
	if v[0] != "" {
		yield(namedURL{0, v[0], v[0]})
	}
}

// ringURLs reads n=NAME;w=WAVE;c=CADENCE, where the wave is the number of one that
// is built in, [tftp://]host[:port]/path (documented), or a file:// of the SPA525.
func ringURLs(v []string, _ *Behaviour, yield func(namedURL) bool) {
	for i, script := range v {
		wave := scriptField(script, "w")
		if !strings.Contains(wave, "/") || strings.HasPrefix(wave, "file:") {
			continue
		}
		if !yield(namedURL{i, wave, wave}) {
			return
		}
	}
}

// feedURLs reads name=NAME;url=URL.
func feedURLs(v []string, _ *Behaviour, yield func(namedURL) bool) {
	for i, script := range v {
		if url := scriptField(script, "url"); url != "" && !yield(namedURL{i, url, url}) {
			return
		}
	}
}
