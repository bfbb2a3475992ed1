package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spafleet/certs"
)

func certsCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "certs",
		Short: "Make test certificates: authorities, servers, devices",
		Long: `Makes certificates for tests of HTTPS provisioning, with the layout that the makers
used. A folder holds a PKI: authorities that sign servers (sipura1, linksys1,
ciscosb1, ciscosb2, verisign, verisign-server, public) and authorities that sign
devices (sipura-client-1, linksys-client-1, ciscosb-client-1, ciscosb-client-2).
All names contain TEST, and no real device trusts them.

The server that you test needs two things: a certificate of an authority that its
devices trust, and client-ca-bundle.pem from the folder to check the devices.`,
		Example: `  spafleet certs init --dir pki
  spafleet certs server --dir pki --ca sipura1 \
      --cn prov.example.com --out server
  spafleet certs device --dir pki --model SPA2102 --mac 000e08012345 \
      --serial FM500H100001 --out phone
  spafleet certs show server.crt`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(certsInitCommand(s), certsServerCommand(s), certsDeviceCommand(s), certsSignCommand(s), certsBundleCommand(s), certsShowCommand(s))
	return c
}

// dirFlag is the folder of the PKI.
type dirFlag struct{ dir string }

func (f *dirFlag) register(c *cobra.Command) {
	c.Flags().StringVar(&f.dir, "dir", "", "`DIR` of the PKI")
	_ = c.MarkFlagDirname("dir")
}

func (f *dirFlag) check(c *cobra.Command) error {
	if f.dir == "" {
		return fmt.Errorf("give --dir, the folder of a PKI; 'spafleet certs init --dir DIR' makes one; see '%s -h'", c.CommandPath())
	}
	return nil
}

func (f *dirFlag) open(c *cobra.Command) (*certs.PKI, error) {
	if err := f.check(c); err != nil {
		return nil, err
	}
	return certs.Open(f.dir)
}

func certsInitCommand(s streams) *cobra.Command {
	var dir dirFlag
	var o certs.InitOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "init",
		Short: "Make a PKI in a folder",
		Long: `Makes all authorities. Writes NAME.crt and NAME.key for each, and
client-ca-bundle.pem, with which a server checks the devices.

All keys follow from a seed: anyone who knows the seed can make the keys again. So
the seed is random unless you give --seed. The Linksys authority for servers expired
in June 2015, as in real devices; firmware 7.6.2 and later refuses its certificates.`,
		Example: `  spafleet certs init --dir pki
  spafleet certs init --dir pki --seed 1 --linksys-valid --force`,
		Args: noArgs,
	}
	dir.register(c)
	c.Flags().Uint64Var(&o.Seed, "seed", 0, "make the keys from this `NUMBER`: the same keys each time")
	c.Flags().BoolVar(&o.LinksysValid, "linksys-valid", false, "make a Linksys authority that has not expired")
	c.Flags().BoolVar(&o.Force, "force", false, "replace a PKI that exists")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := dir.check(c); err != nil {
			return err
		}
		if !c.Flags().Changed("seed") {
			var b [8]byte
			if _, err := io.ReadFull(rand.Reader, b[:]); err != nil {
				return fmt.Errorf("draw seed: %w", err)
			}
			o.Seed = binary.BigEndian.Uint64(b[:])
		}
		p, err := certs.Init(dir.dir, o)
		if err != nil {
			return err
		}
		return tellPKI(s, p, dir.dir, asJSON)
	}
	return c
}

// tellPKI says what authorities there are.
func tellPKI(s streams, p *certs.PKI, dir string, asJSON bool) error {
	type row struct {
		Name    certs.Name `json:"name"`
		Devices bool       `json:"signs_devices"`
		Ends    time.Time  `json:"ends"`
	}
	var rows []row
	for _, n := range certs.Authorities() {
		a, err := p.Authority(n)
		if err != nil {
			return err
		}
		rows = append(rows, row{n, n.SignsDevices(), a.Cert.NotAfter})
	}
	if asJSON {
		return writeJSON(s.out, struct {
			Dir         string `json:"dir"`
			Authorities []row  `json:"authorities"`
		}{dir, rows})
	}
	for _, r := range rows {
		signs := "servers"
		if r.Devices {
			signs = "devices"
		}
		fmt.Fprintf(s.out, "%-17s signs %s until %s\n", r.Name, signs, r.Ends.Format(time.DateOnly))
	}
	fmt.Fprintf(s.out, "written to %s, with client-ca-bundle.pem for the server under test\n", dir)
	fmt.Fprintf(s.out, "next: spafleet certs server --dir %s --ca sipura1 --cn HOST --out server\n", dir)
	return nil
}

func certsBundleCommand(s streams) *cobra.Command {
	var dir dirFlag
	var out string
	var force bool
	c := &cobra.Command{
		Use:   "bundle",
		Short: "Print the authorities that sign devices",
		Long: `Prints the certificates of the four authorities that sign devices, as PEM, for a
server that checks client certificates. The two Cisco authorities have the same
serial number, as the real ones do: tell them apart by name and key identifier.`,
		Example: `  spafleet certs bundle --dir pki
  spafleet certs bundle --dir pki --out /etc/nginx/client-ca-bundle.pem`,
		Args: noArgs,
	}
	dir.register(c)
	c.Flags().StringVar(&out, "out", "-", "`FILE` to write; - is the standard output")
	c.Flags().BoolVar(&force, "force", false, "replace the file")
	c.RunE = func(c *cobra.Command, _ []string) error {
		p, err := dir.open(c)
		if err != nil {
			return err
		}
		bundle, err := p.Bundle()
		if err != nil {
			return err
		}
		if out == "-" {
			_, err := s.out.Write(bundle)
			return err
		}
		return certs.WriteFile(out, bundle, 0o644, force)
	}
	return c
}

func certsShowCommand(s streams) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "show FILE...",
		Short: "Show the certificates in files",
		Long: `Shows the certificates in PEM or DER files; - is the standard input. It prints names
as nginx has them in $ssl_client_s_dn, serial number, hash, key, dates, extensions,
and for a device's certificate the device. Private keys are counted, not shown.`,
		Example: `  spafleet certs show pki/client-ca-bundle.pem
  openssl s_client -connect prov.example.com:443 </dev/null |
      spafleet certs show - --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("give one or more files; - is the standard input")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each file")
	c.RunE = func(_ *cobra.Command, args []string) error {
		for _, name := range args {
			if err := showCertificates(s, name, asJSON); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

func showCertificates(s streams, name string, asJSON bool) error {
	data, err := readInput(s, name)
	if err != nil {
		return err
	}
	list, keys, err := certs.DescribeFile(data)
	if err != nil && isRequest(data) {
		return fmt.Errorf("%s is a signing request, not a certificate; 'spafleet certs sign' signs it", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if asJSON {
		return writeJSON(s.out, struct {
			File         string              `json:"file"`
			Certificates []certs.Description `json:"certificates"`
			Keys         int                 `json:"keys"`
		}{name, list, keys})
	}
	for i := range list {
		fmt.Fprintf(s.out, "%s, certificate %d of %d\n%s\n", name, i+1, len(list), &list[i])
	}
	if keys > 0 {
		fmt.Fprintf(s.out, "%s, private keys: %d\n", name, keys)
	}
	return nil
}

// A pair is a certificate and its key in two files.
type pair struct {
	prefix string
	force  bool
	json   bool
}

func (p *pair) register(c *cobra.Command) {
	c.Flags().StringVar(&p.prefix, "out", "", "write `PREFIX`.crt and PREFIX.key")
	c.Flags().BoolVar(&p.force, "force", false, "replace the files")
	c.Flags().BoolVar(&p.json, "json", false, "print one JSON object")
}

func (p *pair) check(c *cobra.Command) error {
	if p.prefix == "" {
		return fmt.Errorf("give --out PREFIX, which writes PREFIX.crt and PREFIX.key; see '%s -h'", c.CommandPath())
	}
	return nil
}

// write writes both files, the key first and for its owner alone, and says what
// they are.
func (p *pair) write(s streams, chain [][]byte, key crypto.Signer) error {
	text, err := certs.EncodeKey(key)
	if err != nil {
		return err
	}
	for _, extension := range []string{".crt", ".key"} {
		if _, err := os.Lstat(p.prefix + extension); !p.force && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s%s exists; replace it with --force", p.prefix, extension)
		}
	}
	if err := certs.WriteFile(p.prefix+".key", text, 0o600, p.force); err != nil {
		return err
	}
	if err := certs.WriteFile(p.prefix+".crt", certs.EncodeCertificates(chain), 0o644, p.force); err != nil {
		return err
	}
	return tellCertificate(s, p.prefix+".crt", p.prefix+".key", chain, p.json)
}

// tellCertificate says what was written.
func tellCertificate(s streams, file, key string, chain [][]byte, asJSON bool) error {
	d, err := certs.Describe(chain[0])
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(s.out, struct {
			File        string             `json:"file"`
			Key         string             `json:"key,omitempty"`
			Chain       int                `json:"chain"` // certificates in the file
			Certificate *certs.Description `json:"certificate"`
		}{file, key, len(chain), d})
	}
	if key != "" {
		file += " and " + key
	}
	fmt.Fprintf(s.out, "%s: %s\n", file, d.Subject)
	fmt.Fprintf(s.out, "issued by %s\n", d.Issuer)
	fmt.Fprintf(s.out, "%s, %d bits, %s to %s\n", d.Signature, d.Bits, d.NotBefore.Format(time.DateOnly), d.NotAfter.Format(time.DateOnly))
	return nil
}

// hashFlag reads the hash of a signature.
type hashFlag struct{ hash crypto.Hash }

var hashNames = []string{"md5", "sha1", "sha256"}

var hashes = map[string]crypto.Hash{"md5": crypto.MD5, "sha1": crypto.SHA1, "sha256": crypto.SHA256}

func (f *hashFlag) String() string {
	for name, hash := range hashes {
		if hash == f.hash {
			return name
		}
	}
	return ""
}

func (f *hashFlag) Set(text string) error {
	hash, ok := hashes[strings.ReplaceAll(strings.ToLower(text), "-", "")]
	if !ok {
		return fmt.Errorf("%q is not one of %s", text, strings.Join(hashNames, ", "))
	}
	f.hash = hash
	return nil
}

func (f *hashFlag) Type() string { return "hash" }

// isRequest tells a signing request from a certificate, for a hint.
func isRequest(data []byte) bool { return bytes.Contains(data, []byte("CERTIFICATE REQUEST-----")) }
