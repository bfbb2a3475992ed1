package probe

import (
	"strconv"
	"strings"
	"time"
)

var syslogExperiments = []*experiment{
	{
		name: "log-lines", question: "What does the phone send to Syslog_Server and Debug_Server, and in which form?",
		settles: []string{"syslog_priority", "syslog_end", "log_lines"},
		needs:   []string{"Syslog_Server", "Debug_Server", "Debug_Level", "Log_Resync_Request_Msg", "Log_Resync_Success_Msg"},
		takes:   passes(5), run: logLines,
	},
}

// ownLine is what the templates of the experiment say: it is known again among others.
const ownLine = "a line of the probe"

// mostLinesTold bounds how many lines of each server are noted.
const mostLinesTold = 40

// logLines has both servers take down one whole visit. Lines of the templates show the form;
// others are those of firmware that logs more.
func logLines(t *trial) {
	t.boots = true // it may be that the phone restarts for another server
	syslog, debug := logs(t), logs(t)
	t.set("Syslog_Server", syslog.addr, "Debug_Server", debug.addr, "Debug_Level", "3",
		"Log_Resync_Request_Msg", ownLine, "Log_Resync_Success_Msg", ownLine)
	t.visit()
	from, to := t.comesHome(), t.comesHome()
	if t.failed != nil {
		return
	}
	mine := linesBetween(syslog, from.at, to.at)
	all := linesBetween(debug, from.at, to.at)
	noteLines(t, "line to Syslog_Server", mine)
	noteLines(t, "line to Debug_Server", all)
	form, others, ok := formOf(mine)
	if !ok {
		return
	}
	t.settle("syslog_priority", strconv.Itoa(form.number))
	t.settle("syslog_end", map[bool]string{true: "line_feed", false: "none"}[form.feed])
	_, more, _ := formOf(all)
	t.settle("log_lines", map[bool]string{true: "all", false: "few"}[others+more > 0])
}

// linesBetween returns what came to a server from one moment until another.
func linesBetween(s *logServer, from, to time.Time) (list []string) {
	for _, d := range s.datagrams() {
		if !d.at.Before(from) && d.at.Before(to) {
			list = append(list, d.text)
		}
	}
	return list
}

func noteLines(t *trial, what string, lines []string) {
	if len(lines) == 0 {
		t.fact(what, "none came")
	}
	for _, text := range lines[:min(len(lines), mostLinesTold)] {
		t.fact(what, "%q", withoutMAC(t, text))
	}
}

// A lineForm is what stands around a line.
type lineForm struct {
	number int // in angle brackets; -1: none
	feed   bool
}

// formOf returns the form of the lines that are the templates', and how many others there are;
// false where there are none, or of several forms.
func formOf(lines []string) (form lineForm, others int, ok bool) {
	same := true
	for _, text := range lines {
		f, body := lineForm{number: -1}, text
		if rest, found := strings.CutPrefix(text, "<"); found {
			number, after, _ := strings.Cut(rest, ">")
			if n, err := strconv.Atoi(number); err == nil {
				f.number, body = n, after
			}
		}
		body, f.feed = strings.CutSuffix(body, "\n")
		switch {
		case body != ownLine:
			others++
		case ok && f != form:
			same = false
		default:
			form, ok = f, true
		}
	}
	return form, others, ok && same
}
