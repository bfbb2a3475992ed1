package prov

import (
	"bytes"
	"fmt"
	"net/http"
	"unicode/utf8"

	"spafleet/resync"
)

// make makes the answer of a route.
func (c *Core) make(r *route, x *exchange) (resync.Response, error) {
	if r.entry.Status != 0 {
		location, err := c.expanded(r.entry.Location, x)
		return resync.Response{Status: r.entry.Status, Location: location}, err
	}
	if r.fixed != nil {
		return resync.Response{Status: http.StatusOK, Body: bytes.Clone(r.fixed)}, nil
	}
	body, err := c.body(r, x)
	return resync.Response{Status: http.StatusOK, Body: body}, err
}

func (c *Core) body(r *route, x *exchange) ([]byte, error) {
	text, err := c.text(r, x)
	if err != nil {
		return nil, err
	}
	key, err := c.expanded(r.entry.Key, x)
	if err != nil {
		return nil, err
	}
	return r.entry.encode(text, sealing{path: x.target().whole(), key: key, mac: x.asker.MAC})
}

// text returns what is to be encoded.
func (c *Core) text(r *route, x *exchange) ([]byte, error) {
	text := []byte(r.entry.Body)
	if r.entry.File != "" {
		var err error
		if text, err = readRegular(c.root, r.entry.File); err != nil {
			return nil, err
		}
	}
	if !bytes.Contains(text, []byte("{{")) || !utf8.Valid(text) {
		return text, nil
	}
	expanded, err := c.expanded(string(text), x)
	return []byte(expanded), err
}

// expanded returns a text with its {{ }} replaced.
func (c *Core) expanded(text string, x *exchange) (string, error) {
	if c.expand == nil || !isTemplate(text) {
		return text, nil
	}
	out, err := c.expand(text, x)
	if err != nil {
		return "", fmt.Errorf("expand %s: %w", x.request.Path, err)
	}
	return out, nil
}

// take keeps an upload.
func (c *Core) take(x *exchange) {
	r := x.request
	c.uploads.take(Upload{
		At: x.at, Asker: x.asker, Scheme: r.Scheme, Method: r.Method, Path: r.Path,
		Body: bytes.Clone(r.Body),
	})
}
