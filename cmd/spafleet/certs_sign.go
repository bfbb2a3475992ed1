package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device/model"
)

// signFlags say what is signed, for which subject, and by which authority.
type signFlags struct {
	dir          dirFlag
	csr, out     string
	models       []string
	switches     switchFlags
	firmware, ca string
	hash         hashFlag
	force, json  bool
}

func certsSignCommand(s streams) *cobra.Command {
	f := &signFlags{}
	c := &cobra.Command{
		Use:   "sign",
		Short: "Sign a server's request by the authority that its devices trust",
		Long: `Signs a request made by 'openssl req -new'; the private key stays where it is. The
authority is chosen: the one that all given models trust. If no authority is trusted
by all of them, nothing is signed and the exit code is 3: devices send no server
name, so each certificate needs a port of its own, and the output lists them.

--switch ca_table=documented uses the makers' list of trusted authorities and not
what operators saw. The signature is SHA-1, which every firmware accepts, unless
--hash says otherwise.`,
		Example: `  openssl req -new -newkey rsa:2048 -nodes -keyout server.key \
      -subj /CN=prov.example.com -out server.csr
  spafleet certs sign --dir pki --csr server.csr --models SPA942,SPA504G \
      --out server.crt
  spafleet certs sign --dir pki --csr server.csr --models SPA508G \
      --firmware 7.5.6a --hash sha256 --out server.crt
  spafleet certs sign --dir pki --csr server.csr --ca linksys1 --out server.crt`,
		Args: noArgs,
	}
	flags := c.Flags()
	f.dir.register(c)
	flags.StringVar(&f.csr, "csr", "", "`FILE` of the request; - is the standard input")
	flags.StringSliceVar(&f.models, "models", nil, "`MODELS` that must trust the server, joined by commas")
	flags.StringVar(&f.firmware, "firmware", "", "firmware `VERSION` of these models (default: the newest known of each)")
	f.switches.register(flags)
	flags.StringVar(&f.ca, "ca", "", "`AUTHORITY` that signs; none is chosen then")
	flags.Var(&f.hash, "hash", "`HASH` of the signature: md5, sha1 or sha256 (default sha1; public: sha256)")
	flags.StringVar(&f.out, "out", "", "`FILE` to write, with the chain; - is the standard output")
	flags.BoolVar(&f.force, "force", false, "replace the file")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	c.RunE = func(c *cobra.Command, _ []string) error { return f.run(c, s) }
	return c
}

func (f *signFlags) run(c *cobra.Command, s streams) error {
	if err := f.check(c); err != nil {
		return err
	}
	p, err := f.dir.open(c)
	if err != nil {
		return err
	}
	request, err := f.request(s)
	if err != nil {
		return err
	}
	if request.CA, err = f.authority(s, p); err != nil {
		return err
	}
	request.Hash = f.hash.hash
	made, err := p.Server(request)
	if err != nil {
		return err
	}
	if f.out == "-" {
		_, err := s.out.Write(certs.EncodeCertificates(made.Chain))
		return err
	}
	if err := certs.WriteFile(f.out, certs.EncodeCertificates(made.Chain), 0o644, f.force); err != nil {
		return err
	}
	return tellCertificate(s, f.out, "", made.Chain, f.json)
}

func (f *signFlags) check(c *cobra.Command) error {
	switch {
	case f.csr == "":
		return fmt.Errorf("give --csr FILE, the signing request; see '%s -h'", c.CommandPath())
	case len(f.models) == 0 && f.ca == "":
		return errors.New("give --models A,B to choose the authority that they trust, or --ca to name one")
	case f.out == "":
		return errors.New("give --out FILE; - is the standard output")
	case f.out == "-" && f.json:
		return errors.New("certs sign --json needs --out FILE: the certificate itself goes to the standard output")
	}
	return nil
}

func (f *signFlags) request(s streams) (certs.ServerRequest, error) {
	data, err := readInput(s, f.csr)
	if err != nil {
		return certs.ServerRequest{}, err
	}
	request, err := certs.ReadRequest(data)
	if err != nil {
		return certs.ServerRequest{}, fmt.Errorf("%s: %w", f.csr, err)
	}
	return request, nil
}

// authority returns who signs. What of the models does not trust it is told.
func (f *signFlags) authority(s streams, p *certs.PKI) (certs.Name, error) {
	rows, err := f.rows()
	if err != nil {
		return "", err
	}
	if f.ca != "" {
		for _, r := range rows {
			if !trust.Serves(p, certs.Name(f.ca), r) {
				fmt.Fprintf(s.err, "note: %s firmware %s does not trust %s\n", r.Model.Name, r.Firmware.Version, f.ca)
			}
		}
		return certs.Name(f.ca), nil
	}
	services := trust.Services(p, rows)
	if len(services) == 1 {
		return services[0].CA, nil
	}
	if f.json {
		if err := writeJSON(s.out, struct {
			Services []trust.Service `json:"services"`
		}{services}); err != nil {
			return "", err
		}
	}
	fmt.Fprintf(s.err, "spafleet: no authority is trusted by all of these models; use %d ports, each with a certificate of its own:\n", len(services))
	for _, one := range services {
		fmt.Fprintf(s.err, "  port %d, --ca %s: %s\n", one.Port, one.CA, strings.Join(one.Models, ", "))
	}
	return "", exitWith(exitFailed)
}

// rows returns the models' firmware.
func (f *signFlags) rows() ([]*model.Row, error) {
	var rows []*model.Row
	for _, m := range f.models {
		r, err := model.NewRow(strings.TrimSpace(m), f.firmware, nil)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return f.switches.rows(rows, nil)
}
