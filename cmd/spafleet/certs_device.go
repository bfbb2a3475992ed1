package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/model"
)

// deviceCertFlags are a device's certificate.
type deviceCertFlags struct {
	dir                          dirFlag
	model, firmware, mac, serial string
	switches                     switchFlags
	generic                      bool
	bits                         int
	hash                         hashFlag
	out                          pair
}

func certsDeviceCommand(s streams) *cobra.Command {
	f := &deviceCertFlags{}
	c := &cobra.Command{
		Use:   "device",
		Short: "Make a device's certificate and key",
		Long: `Makes the certificate that a device of this model, MAC address and serial number
shows to a server, and its key, both PEM. The same device in 'spafleet run --certs
DIR' shows the same certificate, unless that run sets --key-pool or --unique-keys.
Some SPA2102, SPA3102 and SPA9000 of early 2006 have defective certificates: which
ones follows from the serial number, here as in a run.

The serial number tells when the unit was made. For Cisco models this decides the
authority: from mid 2013 on, it is the second one. --switch changes what 'spafleet
models show' lists, such as client_certificate=bad_signature.`,
		Example: `  spafleet certs device --dir pki --model SPA2102 --mac 000e08012345 \
      --serial FM500H100001 --out phone
  spafleet certs device --dir pki --model SPA508G --mac 0002fd012345 \
      --serial CBT182306EA --out late
  spafleet certs device --dir pki --model SPA504G --generic --out generic`,
		Args: noArgs,
	}
	flags := c.Flags()
	f.dir.register(c)
	flags.StringVar(&f.model, "model", "", "`MODEL`, such as SPA2102")
	flags.StringVar(&f.firmware, "firmware", "", "firmware `VERSION` (default: the newest known)")
	flags.StringVar(&f.mac, "mac", "", "`MAC` address, 12 hexadecimal digits")
	flags.StringVar(&f.serial, "serial", "", "serial `NUMBER`")
	f.switches.register(flags)
	flags.BoolVar(&f.generic, "generic", false, "make the generic certificate, which is the same in every device")
	flags.IntVar(&f.bits, "bits", 0, "`LENGTH` of the key, 1024 or 2048 (default: as the maker did)")
	flags.Var(&f.hash, "hash", "`HASH` of the signature: md5, sha1 or sha256 (default: as the maker did)")
	f.out.register(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		u, err := f.unit()
		if err != nil {
			return err
		}
		if err := f.out.check(c); err != nil {
			return err
		}
		p, err := f.dir.open(c)
		if err != nil {
			return err
		}
		holder := certs.Holder{PKI: p, Bits: f.bits, Hash: f.hash.hash}
		made, kind, err := holder.Certificate(u)
		if err != nil {
			return err
		}
		if kind == certs.NoCertificate {
			return errors.New("such a device has no certificate; change the switch client_certificate")
		}
		if kind == certs.DefectiveCertificate && u.Row.Behaviour.TLS.Certificate == "auto" {
			fmt.Fprintf(s.err, "note: this unit is one of those with a defective certificate; --switch defect_share=0 makes a sound one\n")
		}
		return f.out.write(s, made.Chain, made.Key)
	}
	return c
}

// last are the switches that another flag changes.
func (f *deviceCertFlags) last() map[string]string {
	if !f.generic {
		return nil
	}
	return map[string]string{"client_certificate": "generic"}
}

// unit returns the device that the flags describe.
func (f *deviceCertFlags) unit() (*device.Unit, error) {
	switch {
	case f.model == "":
		return nil, errors.New("give --model; 'spafleet models list' shows all")
	case f.generic && f.mac+f.serial != "":
		return nil, errors.New("--generic takes no --mac and no --serial: the generic certificate is the same in every device")
	case !f.generic && (f.mac == "" || f.serial == ""):
		return nil, errors.New("give --mac and --serial, or --generic for the certificate that every device has")
	}
	row, err := f.switches.row(f.model, f.firmware, f.last())
	if err != nil {
		return nil, err
	}
	u := &device.Unit{Row: row, Serial: f.serial}
	if f.generic {
		return u, nil
	}
	u.MAC, err = model.ParseMAC(f.mac)
	return u, err
}
