package state

import (
	"encoding/binary"

	"spafleet/device/sip"
)

// lines writes what there is of SIP lines.
func (w *recordWriter) lines(list []sip.LineRecord) {
	if len(list) == 0 {
		return
	}
	w.uint(uint64(len(list)))
	for i := range list {
		l := &list[i]
		for _, v := range [...]uint64{uint64(l.Number), uint64(l.Fails), uint64(l.Flags), uint64(l.Lost), uint64(l.Last), uint64(l.Seq), uint64(l.Server), uint64(l.Heard)} {
			w.uint(v)
		}
		w.moment(l.Due)
		w.bool(l.Exchange != nil)
		if x := l.Exchange; x != nil {
			w.string(x.Server)
			w.string(x.Text)
			w.moment(x.Began)
			w.moment(x.End)
			w.uint(uint64(x.Wait))
			w.uint(uint64(x.Expires))
			w.uint(uint64(x.Tries))
			if l.Flags&sip.RecordRemains != 0 {
				w.string(x.Peer)
				w.string(x.Nonce)
				w.uint(uint64(x.Used))
			}
		}
	}
}

// moment writes a fleet time, or that there is none.
func (w *recordWriter) moment(at int64) {
	if w.bool(at != 0); at != 0 {
		w.b = binary.AppendVarint(w.b, at-w.base)
	}
}

func (r *recordReader) moment() int64 {
	if !r.bool() {
		return 0
	}
	return r.base + r.int()
}

// lines reads what there is of SIP lines.
func (r *recordReader) lines() (list []sip.LineRecord) {
	small := func() uint8 { return uint8(r.upTo(1<<8 - 1)) }
	large := func() uint32 { return uint32(r.upTo(1<<32 - 1)) }
	for n := r.upTo(sip.RecordLines); n > 0 && r.err == nil; n-- {
		l := sip.LineRecord{Number: small(), Fails: small(), Flags: small(), Lost: large(), Last: large(), Seq: large(), Server: large(), Heard: large()}
		if l.Flags&^sip.RecordFlags != 0 {
			r.fail(errRecord)
		}
		l.Due = r.moment()
		if r.bool() {
			x := &sip.ExchangeRecord{Server: r.string(), Text: r.string(), Began: r.moment(), End: r.moment()}
			x.Wait, x.Expires, x.Tries = int64(r.upTo(1<<62)), large(), small()
			if l.Flags&sip.RecordRemains != 0 { // no line of older versions
				x.Peer, x.Nonce, x.Used = r.string(), r.string(), large()
			}
			if len(x.Text)+len(x.Peer)+len(x.Nonce) > sip.MostText {
				r.fail(errRecord)
			}
			l.Exchange = x
		}
		list = append(list, l)
	}
	return list
}
