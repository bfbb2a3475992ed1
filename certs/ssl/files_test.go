package ssl

import (
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"testing"

	"spafleet/bench/extproc"
)

// dhFile returns a prime as openssl's -dhparam reads it.
func dhFile(p *big.Int) []byte {
	der, err := asn1.Marshal(struct{ P, G *big.Int }{p, big.NewInt(2)})
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: der})
}

// nssStore makes a certificate store of NSS with the authority and the server's key.
func nssStore(t *testing.T, dir string) string {
	t.Helper()
	certutil, pk12util, openssl := extproc.Need(t, "certutil", "libnss3-tools"), extproc.Need(t, "pk12util", "libnss3-tools"), extproc.Need(t, "openssl", "openssl")
	store := t.TempDir()
	bundle := filepath.Join(dir, "server.p12")
	run(t, openssl, "pkcs12", "-export", "-in", filepath.Join(dir, "server.crt"), "-inkey", filepath.Join(dir, "server.key"), "-name", "server", "-passout", "pass:x", "-out", bundle)
	run(t, certutil, "-N", "-d", "sql:"+store, "--empty-password")
	run(t, certutil, "-A", "-d", "sql:"+store, "-n", "ca", "-t", "CT,C,C", "-i", filepath.Join(dir, "ca.crt"))
	run(t, pk12util, "-i", bundle, "-d", "sql:"+store, "-W", "x", "-K", "")
	return store
}
