package certs

import (
	"crypto"
	"crypto/md5"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ReadRequest reads a server's signing request, PEM or DER, checks its signature,
// and returns what it asks for: the name, the alternative names, and the key.
// Everything else in it is ignored.
func ReadRequest(data []byte) (ServerRequest, error) {
	if block := requestBlock(data); block != nil {
		data = block.Bytes
	}
	csr, err := x509.ParseCertificateRequest(data)
	if err != nil {
		return ServerRequest{}, errors.New("no signing request in it: want PEM with BEGIN CERTIFICATE REQUEST, as of 'openssl req -new'")
	}
	key, ok := csr.PublicKey.(*rsa.PublicKey)
	if !ok {
		return ServerRequest{}, fmt.Errorf("the key of the signing request is %s; the devices know RSA alone", csr.PublicKeyAlgorithm)
	}
	if err := checkRequest(csr, key); err != nil {
		return ServerRequest{}, fmt.Errorf("signature of the signing request: %w", err)
	}
	r := ServerRequest{CN: csr.Subject.CommonName, Subject: csr.RawSubject, Key: key, SAN: csr.DNSNames}
	for _, ip := range csr.IPAddresses {
		r.SAN = append(r.SAN, ip.String())
	}
	return r, nil
}

func requestBlock(data []byte) *pem.Block {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE REQUEST" || block.Type == "NEW CERTIFICATE REQUEST" {
			return block
		}
	}
	return nil
}

// checkRequest takes MD5 too, which crypto/x509 does not.
func checkRequest(csr *x509.CertificateRequest, key *rsa.PublicKey) error {
	if csr.SignatureAlgorithm != x509.MD5WithRSA {
		return csr.CheckSignature()
	}
	sum := md5.Sum(csr.RawTBSCertificateRequest)
	return rsa.VerifyPKCS1v15(key, crypto.MD5, sum[:], csr.Signature)
}
