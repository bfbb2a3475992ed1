package resync

import (
	"context"
	"strings"

	"spafleet/device"
)

// An Authority is what Custom_CA_Rule brought: authorities that the device trusts
// beside those of its firmware (7.6.2f: field).
type Authority struct {
	Rule string // the rule that named the file; "": a URL command brought it
	PEM  string
}

// authority gets the file that Custom_CA_Rule names, once, before the first fetch
// by https after the rule has changed. When the firmware really does so is
// inferred. A file that cannot be had, or holds no certificate, changes nothing:
// the fetch that follows shows it. An authority that a URL command brought stays
// until there is a rule (inferred).
func (p *pass) authority() *failure {
	text := p.lookup("Custom_CA_RULE")
	switch {
	case text == "":
		if p.ca != nil && p.ca.Rule != "" {
			p.ca = nil
		}
		return nil
	case p.ca != nil && p.ca.Rule == text:
		return nil
	}
	if f := p.getAuthority(line{letter: 'C'}, text, text); f == aborted {
		return f
	}
	return nil
}

// updateCA gets the authority that the command's URL names, else that of
// Custom_CA_Rule. It succeeds without a request where both are empty. A file
// without a certificate changes nothing.
func updateCA(ctx context.Context, env Env, in Input) Outcome {
	p := pass{attempt: begin(ctx, env, &in)}
	url, text, l := in.Command.Argument, "", commandLine[0]
	if url == "" {
		text = p.lookup("Custom_CA_RULE")
		url, l = text, line{letter: 'C'}
	}
	if url == "" {
		return p.outcome(nil)
	}
	return p.outcome(p.getAuthority(l, url, text))
}

func (p *pass) getAuthority(l line, url, text string) *failure {
	d, err := p.command(url)
	if err != nil {
		return p.malformed(err)
	}
	if !d.HasURL {
		return nil
	}
	t, f := p.locate(l, d)
	if f != nil {
		return f
	}
	x := transfer{attempt: p.attempt, target: t, what: "ca", message: "Log_Resync_Request_Msg", most: p.in.Unit.Row.Behaviour.Files.Limit}
	resp, f := x.fetch()
	switch {
	case f != nil:
		return f
	case resp.Status/100 != 2 || !strings.Contains(string(resp.Body), "-----BEGIN CERTIFICATE-----"):
		return nil
	}
	p.tell(device.Event{Kind: device.Fetched, File: p.file})
	p.ca = &Authority{Rule: text, PEM: string(resp.Body)}
	return nil
}
