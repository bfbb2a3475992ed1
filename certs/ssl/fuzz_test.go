package ssl

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
)

// dialects are clients that hear a server's bytes, and servers that hear those
// of such clients.
func dialects() (clients []*Client, servers []*Server) {
	add := func(c Client, s Server) {
		c.Rand, s.Rand = zeros{}, zeros{}
		s.Suites, s.Certificate = allSuites, certificate("server")
		clients, servers = append(clients, &c), append(servers, &s)
	}
	add(Client{Suites: []Suite{AES256SHA, AES128SHA}, EmptyFragments: true}, Server{})
	add(Client{Max: SSL30, Suites: []Suite{RC4MD5}, Certificate: certificate("device")}, Server{Ask: AskFirst, Names: [][]byte{{0x30, 0}}})
	add(Client{Max: SSL30, Suites: []Suite{DES3SHA}}, Server{Ask: AskFirst})
	add(Client{Max: TLS11, Suites: []Suite{DHEAES128SHA}, MostDHBits: 1024}, Server{Max: TLS11, DHBits: 512, Ask: AskFirst})
	add(Client{Suites: []Suite{AES128SHA}, SSL2Hello: true, Certificate: certificate("device")}, Server{Ask: AskLater})
	add(Client{Suites: []Suite{RC4SHA}, OnHelloRequest: FailCertified}, Server{Ask: AskLater})
	return clients, servers
}

// survives uses a connection until it ends. What ends it must be one of the
// errors that it is said to be.
func survives(t *testing.T, c *Conn, talk func(*Conn) error) {
	err := c.Handshake()
	var e *Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("the handshake ended with the %T %v", err, err)
	}
	if err == nil {
		err = talk(c)
	}
	if err != nil && !errors.As(err, &e) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("the connection ended with the %T %v", err, err)
	}
	if e != nil && e.Error() == "" {
		t.Fatal("an error without a text")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if len(c.early) > maxEarly || len(c.raw) > largeLen {
		t.Fatalf("%d bytes early, a buffer of %d", len(c.early), len(c.raw))
	}
}

func FuzzClientFlight(f *testing.F) {
	clients, servers := dialects()
	for i := range clients {
		says, _, err := converse(f, clients[i], servers[i])
		if err != nil && clients[i].OnHelloRequest != FailCertified {
			f.Fatal(err)
		}
		f.Add(byte(i), says)
	}
	f.Add(byte(3), bytes.Join([][]byte{serverHello(TLS11, DHEAES128SHA, 0), certificates(material()["server"].cert.Raw), keyExchange(groups[512], groups[512], groups[512])}, nil))
	f.Fuzz(func(t *testing.T, which byte, says []byte) {
		line := newTape(says)
		survives(t, Connect(line, clients[int(which)%len(clients)]), func(c *Conn) error {
			_, err := io.WriteString(c, question)
			_, e := io.Copy(io.Discard, c)
			return errors.Join(err, e)
		})
	})
}

func FuzzServerFlight(f *testing.F) {
	clients, servers := dialects()
	for i := range clients {
		_, says, err := converse(f, clients[i], servers[i])
		if err != nil && clients[i].OnHelloRequest != FailCertified {
			f.Fatal(err)
		}
		f.Add(byte(i), says)
	}
	f.Fuzz(func(t *testing.T, which byte, says []byte) {
		survives(t, Accept(newTape(says), servers[int(which)%len(servers)]), func(c *Conn) error {
			_, err := io.Copy(io.Discard, c)
			_, e := io.WriteString(c, reply)
			return errors.Join(err, e)
		})
	})
}

// The seeds are worth something only if they lead through the whole handshake.
func TestSeedsAreSpokenToTheEnd(t *testing.T) {
	clients, servers := dialects()
	for i := range clients {
		if clients[i].OnHelloRequest == FailCertified {
			continue
		}
		toClient, toServer, err := converse(t, clients[i], servers[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := askOnce(Connect(newTape(toClient), clients[i])); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
		if err := answerOnce(Accept(newTape(toServer), servers[i])); err != nil {
			t.Errorf("server %d: %v", i, err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	fixedHalf := func(suite Suite, v Version, seals bool) *half {
		s := specs[suite]
		return newHalf(s, v, keys{make([]byte, s.macLen), make([]byte, s.keyLen), make([]byte, s.ivLen)}, seals)
	}
	chance := make([]byte, 16)
	for i, suite := range allSuites {
		for _, v := range allVersions {
			h := fixedHalf(suite, v, true)
			for _, data := range []string{"", "x", question} {
				sealed := h.seal(nil, typeData, v, chance[:h.overhead()], []byte(data))
				f.Add(byte(i), byte(v), sealed[headerLen:])
			}
		}
	}
	f.Fuzz(func(t *testing.T, suite, version byte, body []byte) {
		v := SSL30 + Version(version%3)
		s := allSuites[int(suite)%len(allSuites)]
		h := fixedHalf(s, v, false)
		for range 2 { // the second time under the next number
			if data, bad := h.open(typeData, v, slices.Clone(body)); bad == nil && len(data) > len(body) {
				t.Fatalf("%d bytes came out of %d", len(data), len(body))
			}
		}
		w, r := fixedHalf(s, v, true), fixedHalf(s, v, false)
		sealed := w.seal([]byte("before"), typeAlert, v, chance[:w.overhead()], body)
		if len(sealed)-len("before")-len(body) > sealedMore {
			t.Fatalf("sealing added %d bytes", len(sealed)-len(body))
		}
		data, bad := r.open(typeAlert, v, sealed[len("before")+headerLen:])
		if bad != nil || !bytes.Equal(data, body) {
			t.Fatalf("%x was sealed, %x opened: %v", body, data, bad)
		}
	})
}
