package probe

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"spafleet/device/measure"
	"spafleet/resync/tftp/packet"
)

var tftpExperiments = []*experiment{
	{
		name: "tftp-silence", question: "How long and how often does the phone ask a TFTP server that says nothing?",
		settles: []string{"tftp_wait", "tftp_tries", "tftp_options"}, takes: passesAnd(3, 20*time.Second), run: tftpSilence,
	},
	{
		name: "tftp-errors", question: "Which ERROR of a TFTP server means to the phone that there is no such file?",
		needs: []string{"Resync_Fails_On_FNF"}, takes: passes(9), times: 1, run: tftpErrors,
	},
	{
		name: "tftp-strays", question: "What does the phone say to a block from another port, and to one with a wrong number?",
		takes: passesAnd(6, 20*time.Second), times: 1, run: tftpStrays,
	},
}

// tftpSilence leaves requests without an answer, and takes down when they are sent again. After
// the last wait the resync has failed, and the phone comes home once its retry delay is over.
func tftpSilence(t *trial) {
	name := t.serveTFTP(func(*transfer) {})
	asked := t.ask(t.tftp(name))
	if len(asked) == 0 {
		return
	}
	t.factBytes("request", asked[0].packet)
	if packet.HasOption(asked[0].packet, "blksize") {
		t.fact("block size", "it asks for one of its own")
	} else {
		t.fact("block size", "it asks for none")
	}
	for i, q := range asked[1:] {
		t.factTime("sent again after", q.at.Sub(asked[i].at))
	}
	if lost(t, asked) {
		t.disturbed = "the waits differ: the network may have lost requests"
		return
	}
	t.settle("tftp_tries", strconv.Itoa(len(asked)))
	if len(asked) > 1 {
		t.settleTime("tftp_wait", asked[1].at.Sub(asked[0].at))
	} else {
		t.settleTime("tftp_wait", t.homeAfter(asked[0]).Sub(asked[0].at)-t.s.q.Pace)
	}
	if packet.HasOption(asked[0].packet, "timeout") {
		t.settle("tftp_options", "timeout_tsize")
	} else {
		t.settle("tftp_options", "none")
	}
}

// lost reports whether there may have been more requests than came: between two, in front of the
// first or behind the last there is time for another.
func lost(t *trial, asked []request) bool {
	last := asked[len(asked)-1]
	wait := t.homeAfter(last).Sub(last.at) - t.s.q.Pace
	for i, q := range asked[1:] {
		wait = min(wait, q.at.Sub(asked[i].at))
	}
	const slack = 500 * time.Millisecond
	least, most := wait*4/5, wait*3/2+slack
	for i, q := range asked[1:] {
		if q.at.Sub(asked[i].at) > most {
			return true
		}
	}
	var before time.Time
	for _, q := range t.s.server.since(0) {
		if q.scheme != "tftp" && !q.at.After(asked[0].at) {
			before = q.at
		}
	}
	return len(asked) > 1 && t.homeAfter(last).Sub(last.at)-t.s.q.Pace > most || asked[0].at.Sub(before) >= least
}

// tftpErrors answers with ERROR of some codes while a missing file counts as a success.
func tftpErrors(t *trial) {
	t.set("Resync_Fails_On_FNF", "No")
	for _, code := range []uint16{0, packet.NotFound, 2, 4} {
		name := t.serveTFTP(func(x *transfer) { x.send(packet.AppendError(nil, code, "no")) })
		asked := t.ask(t.tftp(name))
		if len(asked) == 0 {
			return
		}
		absent, seen := tookForAbsent(t, asked[0])
		if !seen {
			return
		}
		t.fact(fmt.Sprintf("ERROR %d", code), "%s, after %s", absentWords[absent], measure.Counted(len(asked), "request"))
	}
}

// mostStrays bounds what is taken down of a transfer.
const mostStrays = 20

// A talk is what the phone said in a transfer, in words.
type talk struct {
	mu   sync.Mutex
	said []string
}

func (k *talk) add(text string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.said) < mostStrays {
		k.said = append(k.said, text)
	}
}

func (k *talk) text() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.said) == 0 {
		return "nothing"
	}
	return strings.Join(k.said, ", ")
}

// words says what a packet is.
func (p heard) words() string {
	_, _, request := packet.ParseRequest(p.raw)
	switch {
	case request:
		return "its request again"
	case p.Op == packet.Ack:
		return fmt.Sprintf("ACK %d", p.Number)
	case p.Op == packet.Error:
		return fmt.Sprintf("ERROR %d %q", p.Number, p.Text())
	}
	return fmt.Sprintf("%d bytes of another kind", len(p.raw))
}

// tftpStrays sends the second block of a file from another port first, and in another transfer
// the second block in place of the first.
func tftpStrays(t *trial) {
	const listen = 2 * time.Second
	file := t.profile("after", strings.Repeat("\n", packet.BlockSize))
	first := packet.Append(nil, packet.Data, 1, []byte(file[:packet.BlockSize]))
	second := packet.Append(nil, packet.Data, 2, []byte(file[packet.BlockSize:]))
	port, number := &talk{}, &talk{}
	strays(t, "second block from another port", port, func(x *transfer) {
		if conn, err := x.other(); err == nil && x.deliver(first, 1) {
			defer conn.Close()
			x.sendBy(conn, second)
			stranger := *x
			stranger.conn = conn
			stranger.hear(listen, port)
		}
		x.deliver(second, 2)
	})
	strays(t, "block 2 in place of block 1", number, func(x *transfer) {
		x.send(second)
		x.hear(listen, number)
		if x.deliver(first, 1) {
			x.deliver(second, 2)
		}
	})
}

// hear takes down what the phone says within a time.
func (x *transfer) hear(within time.Duration, k *talk) {
	for end := time.Now().Add(within); time.Now().Before(end); {
		if p, ok := x.next(time.Until(end)); ok {
			k.add(p.words())
		}
	}
}

// strays notes what the phone says in a transfer, and whether it has the file in the end.
func strays(t *trial, what string, k *talk, r reply) {
	t.once("GPP_"+t.letters.read, "before")
	var done atomic.Bool
	asked := t.ask(t.tftp(t.serveTFTP(func(x *transfer) {
		if done.Swap(true) { // the next pass
			x.give(nothing)
			return
		}
		r(x)
	})))
	value, _ := t.read()
	t.fact(what, "the phone says %s", k.text())
	tookFact(t, what+", then the right one", value, len(asked) > 0)
}
