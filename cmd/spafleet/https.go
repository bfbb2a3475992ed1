package main

import (
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/host"
	"spafleet/prov"
	"spafleet/scenarios/run"
)

// certFlags say which authorities exist, and what the devices hold and trust.
type certFlags struct {
	certs, own, passphrase, trust string
	unique                        bool
	pool, keep                    int
}

func (f *certFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.certs, "certs", "", "`DIR` of 'spafleet certs init': the authorities that devices trust and that sign devices (default: a built-in set)")
}

// registerTrust adds what the devices hold and trust beside.
func (f *certFlags) registerTrust(flags *pflag.FlagSet) {
	f.register(flags)
	flags.StringVar(&f.own, "client-certs", "", "`DIR` with the devices' own certificates: MAC.pem, or MAC.crt with MAC.key, or MAC.p12")
	flags.StringVar(&f.passphrase, "client-certs-pass", "", "`FILE` with the pass phrase of the .p12 files")
	flags.StringVar(&f.trust, "trust", "", "PEM `FILE` with further authorities that the devices trust")
}

// registerDevices adds how many certificates of devices there are.
func (f *certFlags) registerDevices(flags *pflag.FlagSet) {
	f.registerTrust(flags)
	flags.IntVar(&f.pool, "key-pool", 64, "`NUMBER` of keys that the devices' certificates share")
	flags.IntVar(&f.keep, "keep-certs", certs.Kept, "about this `NUMBER` of device certificates stay in memory, 2 kB each; others are made again for each handshake")
	flags.BoolVar(&f.unique, "unique-keys", false, "a key for each device; making one takes about 20 ms")
}

// pki opens the folder; the built-in authorities without one.
func (f *certFlags) pki() (*certs.PKI, error) {
	if f.certs == "" {
		return certs.New(1), nil
	}
	p, err := certs.Open(f.certs)
	if err != nil {
		return nil, fmt.Errorf("--certs: %w", err)
	}
	return p, nil
}

// apply fills in what the flags say.
func (f *certFlags) apply(o *run.Options) (err error) {
	if f.pool < 1 {
		return fmt.Errorf("--key-pool %d: at least one key is needed", f.pool)
	}
	if f.keep < 1 {
		return fmt.Errorf("--keep-certs %d: at least one certificate is kept", f.keep)
	}
	o.KeyPool, o.UniqueKeys, o.KeepCerts = f.pool, f.unique, f.keep
	if f.certs != "" { // else the scenario may name a folder
		if o.PKI, err = f.pki(); err != nil {
			return err
		}
	}
	if o.Own, err = f.material(); err != nil {
		return err
	}
	o.Trust, err = f.further()
	return err
}

// further opens the authorities that devices trust beside; none without --trust.
func (f *certFlags) further() ([]*x509.Certificate, error) {
	if f.trust == "" {
		return nil, nil
	}
	list, err := trust.OpenAuthorities(f.trust)
	if err != nil {
		return nil, fmt.Errorf("--trust: %w", err)
	}
	return list, nil
}

// material reads the devices' own certificates.
func (f *certFlags) material() (*certs.Material, error) {
	passphrase := ""
	if f.passphrase != "" {
		text, err := host.ReadFile(f.passphrase, mostInput)
		if err != nil {
			return nil, fmt.Errorf("--client-certs-pass: %w", err)
		}
		passphrase = strings.TrimRight(string(text), "\r\n")
	}
	if f.own == "" {
		return &certs.Material{Passphrase: passphrase}, nil // for the files of a list of devices
	}
	m, err := certs.ReadMaterial(f.own, passphrase)
	if err != nil {
		return nil, fmt.Errorf("--client-certs: %w", err)
	}
	return m, nil
}

// secureFlags describe the listeners of 'serve --https'.
type secureFlags struct {
	at     []string
	name   string
	client string
	certs  certFlags
}

func (f *secureFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.at, "https", nil, "serve HTTPS at `[CA=]HOST:PORT`, with a certificate of that authority (default sipura1); may be repeated")
	flags.StringVar(&f.name, "https-name", "", "host `NAME` in the certificates: the one in the devices' URL (default: the host of --https)")
	flags.StringVar(&f.client, "https-client", "request", "client certificates, `MODE`: none, request, require, or match (request, and a path with a MAC address is only for that device)")
	f.certs.register(flags)
}

// listeners makes the servers.
func (f *secureFlags) listeners() ([]prov.HTTPS, error) {
	if len(f.at) == 0 {
		return nil, nil
	}
	p, err := f.certs.pki()
	if err != nil {
		return nil, err
	}
	var list []prov.HTTPS
	for _, text := range f.at {
		h, host, err := f.listener(text)
		if err != nil {
			return nil, fmt.Errorf("--https %s: %w", text, err)
		}
		name := f.name
		if name == "" {
			name = host
		}
		l, err := h.Listener(p, name, host, time.Now)
		if err != nil {
			return nil, fmt.Errorf("--https %s: %w", text, err)
		}
		list = append(list, l)
	}
	return list, nil
}

func (f *secureFlags) listener(text string) (*prov.HTTPSConfig, string, error) {
	h := &prov.HTTPSConfig{}
	ca, at, named := strings.Cut(text, "=")
	if !named {
		ca, at = "", text
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, "", fmt.Errorf("not HOST:PORT: %w", err)
	}
	if h.Port, err = strconv.Atoi(port); err != nil {
		return nil, "", fmt.Errorf("port %q is not a number", port)
	}
	if h.Client, err = prov.ParseClient(f.client); err != nil {
		return nil, "", fmt.Errorf("--https-client: %w", err)
	}
	if named {
		if h.CA, err = prov.ParseServerAuthority(ca); err != nil {
			return nil, "", err
		}
	}
	return h, host, nil
}
