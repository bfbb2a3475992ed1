package main

import (
	"crypto"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spafleet/certs"
)

// ended is the last second of certificates that shall have expired.
var ended = time.Date(2015, 12, 31, 23, 59, 59, 0, time.UTC)

// serverFlags are a server's certificate.
type serverFlags struct {
	dir     dirFlag
	ca, cn  string
	san     []string
	hash    hashFlag
	sha256  bool
	expired bool
	bits    int
	out     pair
}

func certsServerCommand(s streams) *cobra.Command {
	f := &serverFlags{}
	c := &cobra.Command{
		Use:   "server",
		Short: "Make a server's certificate and key",
		Long: `Makes a certificate with its chain, and a key, both PEM, as nginx, Apache and
HAProxy read them. The same flags make the same bytes.

Devices compare the CN with the host in their URL, letter by letter. Wildcards and
alternative names (--san) do not count. If the URL has an address, the CN must be
that address. A certificate without a CN (--cn '') is taken for every host. SHA-256
works with SPA5xx from 7.5.6 and SPA1xx from 1.3.3; older firmware refuses it.`,
		Example: `  spafleet certs server --dir pki --ca sipura1 \
      --cn prov.example.com --out server
  spafleet certs server --dir pki --ca ciscosb2 --cn 192.0.2.10 --sha256 \
      --out server
  spafleet certs server --dir pki --ca public --cn prov.example.com --expired \
      --out old`,
		Args: noArgs,
	}
	flags := c.Flags()
	f.dir.register(c)
	flags.StringVar(&f.ca, "ca", "", "`AUTHORITY` that signs: "+names(certs.Authorities()))
	flags.StringVar(&f.cn, "cn", "", "the CN: the `HOST` in the devices' URL, a name or an address")
	flags.StringSliceVar(&f.san, "san", nil, "alternative `NAME` for other clients; may be repeated")
	flags.Var(&f.hash, "hash", "`HASH` of the signature: md5, sha1 or sha256 (default sha1; public: sha256)")
	flags.BoolVar(&f.sha256, "sha256", false, "the same as --hash sha256")
	flags.BoolVar(&f.expired, "expired", false, "make one that expired on 2015-12-31")
	flags.IntVar(&f.bits, "key", 2048, "`LENGTH` of the key, 1024 or 2048")
	f.out.register(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := f.check(c); err != nil {
			return err
		}
		p, err := f.dir.open(c)
		if err != nil {
			return err
		}
		r := certs.ServerRequest{CA: certs.Name(f.ca), CN: f.cn, SAN: f.san, Hash: f.hash.hash, Bits: f.bits}
		if f.expired {
			r.To = ended
		}
		made, err := p.Server(r)
		if err != nil {
			return err
		}
		if strings.HasPrefix(f.cn, "*") {
			fmt.Fprintf(s.err, "note: devices do not know wildcards: %s fits no host\n", f.cn)
		}
		return f.out.write(s, made.Chain, made.Key)
	}
	return c
}

// check refuses what was left open.
func (f *serverFlags) check(c *cobra.Command) error {
	switch {
	case f.ca == "":
		return fmt.Errorf("give --ca, one of %s", names(certs.Authorities()))
	case !c.Flags().Changed("cn"):
		return errors.New("give --cn, the host in the devices' URL; --cn '' makes a certificate without a CN")
	case f.sha256 && f.hash.hash != 0 && f.hash.hash != crypto.SHA256:
		return fmt.Errorf("--sha256 and --hash %s exclude each other", &f.hash)
	case f.sha256:
		f.hash.hash = crypto.SHA256
	}
	return f.out.check(c)
}

// names joins authorities.
func names(list []certs.Name) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = string(n)
	}
	return strings.Join(words, ", ")
}
