package probe

import (
	"strconv"
	"time"

	"spafleet/resync/tftp/packet"
)

var tftpExperiments = []*experiment{
	{
		name: "tftp-silence", question: "How long and how often does the phone ask a TFTP server that says nothing?",
		settles: []string{"tftp_wait", "tftp_tries", "tftp_options"}, takes: passesAnd(3, 20*time.Second), run: tftpSilence,
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
	for i, q := range asked[1:] {
		t.factTime("sent again after", q.at.Sub(asked[i].at))
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
