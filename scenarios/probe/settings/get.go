package settings

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
)

// Get asks a phone's web server for one path as Read does, and returns the status and the
// body of its answer. Where it asks for a login that is missing or wrong, the error is a
// *[LoginError].
func Get(ctx context.Context, dial func(context.Context) (net.Conn, error), host, path string, login Login) (status int, body []byte, err error) {
	return ask(ctx, &reader{dial: dial, host: host, login: login}, path)
}

// Post sends a body to one path, of a form as a browser encodes it. Answer and error are as
// those of [Get].
func Post(ctx context.Context, dial func(context.Context) (net.Conn, error), host, path, form string, login Login) (status int, body []byte, err error) {
	return ask(ctx, &reader{dial: dial, host: host, login: login, form: &form}, path)
}

func ask(ctx context.Context, r *reader, path string) (status int, body []byte, err error) {
	if err := r.login.check(); err != nil {
		return 0, nil, err
	}
	if strings.ContainsAny(path, " \r\n") {
		return 0, nil, errors.New("a path of a web server has no blanks and no line ends")
	}
	r.Settings = &Settings{}
	a, err := r.get(ctx, path)
	return a.status, a.body, err
}

// method is that of the reader's requests.
func (r *reader) method() string {
	if r.form != nil {
		return http.MethodPost
	}
	return http.MethodGet
}
