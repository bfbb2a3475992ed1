package ssl

import "slices"

// The types of handshake messages.
const (
	msgHelloRequest       = 0
	msgClientHello        = 1
	msgServerHello        = 2
	msgCertificate        = 11
	msgServerKeyExchange  = 12
	msgCertificateRequest = 13
	msgServerHelloDone    = 14
	msgCertificateVerify  = 15
	msgClientKeyExchange  = 16
	msgFinished           = 20
)

// maxMessage is the longest handshake message taken: OpenSSL's limit for chains.
const maxMessage = 100 << 10

// A flight is the messages of a handshake: it reads those of the other side, makes
// its own, and notes both in the transcript.
type flight struct {
	c     *Conn
	early bool // data may still come between the messages

	in  []byte // messages that came, from at on not read yet
	at  int
	msg []byte // the message that is being made

	transcript transcript
}

// nextRecord returns the next record of the type that is due.
func (f *flight) nextRecord(want byte) ([]byte, error) {
	for {
		typ, body, err := f.c.readRecord()
		switch {
		case err != nil:
			return nil, err
		case typ == want:
			return body, nil
		case typ != typeData || !f.early:
			return nil, refuse(UnexpectedMessage, "a record of type %d came in the middle of the handshake", typ)
		case len(f.c.early)+len(body) > maxEarly:
			return nil, refuse(UnexpectedMessage, "more than %d bytes of data came before the second handshake", maxEarly)
		}
		f.c.early = append(f.c.early, body...)
	}
}

// next returns the next message with its header. It is valid until the following
// call, and not in the transcript yet.
func (f *flight) next() ([]byte, error) {
	for {
		if rest := f.in[f.at:]; len(rest) >= 4 {
			n := int(rest[1])<<16 | int(rest[2])<<8 | int(rest[3])
			switch {
			case n > maxMessage:
				return nil, refuse(IllegalParameter, "a message of %d bytes is too long", n)
			case rest[0] == msgHelloRequest && n == 0 && f.c.client != nil:
				f.at += 4
				if err := f.c.wasUseless("HelloRequests"); err != nil {
					return nil, err
				}
				continue
			case len(rest) >= 4+n:
				f.at += 4 + n
				return rest[:4+n], nil
			}
		}
		f.in, f.at = f.in[:copy(f.in, f.in[f.at:])], 0
		body, err := f.nextRecord(typeHandshake)
		if err != nil {
			return nil, err
		}
		f.in = append(f.in, body...)
	}
}

// nextIf returns the next message if it has the type; else nil, and the message
// remains the next one.
func (f *flight) nextIf(typ byte) ([]byte, error) {
	m, err := f.next()
	if err == nil && m[0] != typ {
		f.at -= len(m)
		m = nil
	}
	return m, err
}

// take adds a message to the transcript and returns its content.
func (f *flight) take(message []byte) *parser {
	f.transcript.write(message)
	return &parser{rest: message[4:]}
}

// expect returns the content of the next message, which must have the type.
func (f *flight) expect(typ byte) (*parser, error) {
	m, err := f.next()
	if err != nil {
		return nil, err
	}
	if m[0] != typ {
		return nil, unexpected(m[0], typ)
	}
	return f.take(m), nil
}

func unexpected(got, want byte) error {
	return refuse(UnexpectedMessage, "a handshake message of type %d came where one of type %d is due", got, want)
}

// start begins a message.
func (f *flight) start(typ byte) { f.msg = append(f.msg[:0], typ, 0, 0, 0) }

// add16 adds bytes with their length before them.
func (f *flight) add16(p []byte) {
	f.msg = append(append(f.msg, byte(len(p)>>8), byte(len(p))), p...)
}

func (f *flight) add24(p []byte) {
	f.msg = append(append(f.msg, byte(len(p)>>16), byte(len(p)>>8), byte(len(p))), p...)
}

// finish adds the message to the transcript and to what the next flush sends. Each
// message has a record of its own, as with OpenSSL.
func (f *flight) finish() {
	n := len(f.msg) - 4
	f.msg[1], f.msg[2], f.msg[3] = byte(n>>16), byte(n>>8), byte(n)
	f.transcript.write(f.msg)
	for part := range slices.Chunk(f.msg, maxPlain) {
		f.c.seal(typeHandshake, part)
	}
}

// A parser reads the fields of a message. Once the message was too short, all
// further fields are empty.
type parser struct {
	rest []byte
	bad  bool
}

func (p *parser) bytes(n int) []byte {
	if n > len(p.rest) {
		p.rest, p.bad = nil, true
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

// number reads a number of n bytes.
func (p *parser) number(n int) int {
	v := 0
	for _, b := range p.bytes(n) {
		v = v<<8 | int(b)
	}
	return v
}

// over reports whether the message was read to its end and was not too short.
func (p *parser) over() bool { return !p.bad && len(p.rest) == 0 }
