package sip

import (
	"testing"
	"time"

	"spafleet/device/devicetest"
)

// A refresh: a REGISTER, a challenge, a REGISTER with credentials and its answer.
func BenchmarkRefresh(b *testing.B) {
	row := devicetest.Row(b, "SPA942", "6.1.5(a)")
	unit := devicetest.Known(row, 3)
	p := Phone{Unit: &unit, Params: devicetest.Params(b, row.Factory, accountOf()...), Lines: &Lines{}, Seed: 1, Booted: 1e18, Now: 1e18, Registers: true}
	o := p.Consider()
	b.ReportAllocs()
	for b.Loop() {
		o = p.Hear(1, registrar, []byte(answer(string(o.Send[0].Text), 401, `WWW-Authenticate: Digest realm="example", nonce="abcdef"`)))
		p.Hear(1, registrar, []byte(answer(string(o.Send[0].Text), 200, "Expires: 3600")))
		p.Now += int64(time.Hour)
		if o = p.Due(); len(o.Send) != 1 {
			b.Fatal("it does not register")
		}
	}
}
