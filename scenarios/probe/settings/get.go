package settings

import (
	"context"
	"net"
)

// Get asks a phone's web server for one path as Read does, and returns the status and the
// body of its answer. Where it asks for a login that is missing or wrong, the error is a
// *[LoginError].
func Get(ctx context.Context, dial func(context.Context) (net.Conn, error), host, path string, login Login) (status int, body []byte, err error) {
	if err := login.check(); err != nil {
		return 0, nil, err
	}
	r := &reader{dial: dial, host: host, login: login, Settings: &Settings{}}
	a, err := r.get(ctx, path)
	return a.status, a.body, err
}
