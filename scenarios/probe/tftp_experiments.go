package probe

import (
	"fmt"
	"time"

	"spafleet/resync/tftp/packet"
)

var tftpExperiments = []*experiment{
	{
		name: "tftp-silence", question: "How long and how often does the phone ask a TFTP server that says nothing?",
		settles: []string{"tftp_wait", "tftp_tries", "tftp_options"}, takes: passesAnd(3, 20*time.Second), run: tftpSilence,
	},
}

// tftpSilence lets a request without an answer, and takes down when it is sent again.
func tftpSilence(t *trial) {
	name := t.serveTFTP(func(x *transfer) {})
	asked := t.ask(t.tftp(name))
	if len(asked) < 2 {
		return
	}
	t.factBytes("request", asked[0].packet)
	for i := 1; i < len(asked); i++ {
		t.factTime("asked again after", asked[i].at.Sub(asked[i-1].at))
	}
	t.settleTime("tftp_wait", asked[1].at.Sub(asked[0].at))
	t.settle("tftp_tries", fmt.Sprint(len(asked)))
	if packet.HasOption(asked[0].packet, "timeout") {
		t.settle("tftp_options", "timeout_tsize")
	} else {
		t.settle("tftp_options", "none")
	}
}
