package prov

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"spafleet/resync"
)

// A transfer is a request that came through a socket.
type transfer struct {
	server  *Server
	core    *Core
	x       *exchange
	started time.Time
	resync.Response
}

func (t *transfer) answer() { t.Response = t.core.answer(t.x) }

// content returns the body of the answer, and its size.
func (t *transfer) content() (io.Reader, int64) {
	if t.x.streams {
		size := t.x.file.info.Size()
		return &contentReader{from: t.x.file.disk, size: size}, size
	}
	return bytes.NewReader(t.Body), int64(len(t.Body))
}

func (t *transfer) fail(status int, err error) {
	t.Status, t.x.err = status, err
}

// done tells the log how it went: how many bytes were sent, and what stopped
// them.
func (t *transfer) done(sent int64, err error) {
	t.x.file.release()
	l := t.x.line(t.Response)
	l.Took = time.Since(t.started)
	if !isUpload(l.Method) {
		l.Bytes = int(sent)
	}
	if l.Err == nil {
		l.Err = err
	}
	t.core.log(l)
}

// unanswered logs a request whose turn did not come. A repeated one is no request
// of its own.
func (t *transfer) unanswered(err error) {
	if errors.Is(err, errAgain) {
		return
	}
	t.fail(http.StatusServiceUnavailable, err)
	t.done(0, nil)
}

// enter waits for the transfer's turn; false: it does not come, because the client
// or the server has gone.
func (t *transfer) enter(q *http.Request) bool {
	err := t.server.queue.enter(q.Context().Done())
	if err != nil {
		t.unanswered(err)
	}
	return err == nil
}

// foreign reports whether a path names a device, and the client's certificate
// another one or none.
func (t *transfer) foreign() bool {
	t.core.find(t.x)
	mac := t.x.asker.MAC
	return mac != "" && (t.x.subject == nil || t.x.subject.MAC != mac)
}
