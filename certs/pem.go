package certs

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"spafleet/certs/ssl"
)

// readPair reads a certificate, with its chain, and the key to it.
func readPair(certFile, keyFile string) (*ssl.Certificate, error) {
	certText, err := readFile(certFile)
	if err != nil {
		return nil, err
	}
	keyText, err := readFile(keyFile)
	if err != nil {
		return nil, err
	}
	chain, err := DecodeCertificates(certText)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	key, err := DecodeKey(keyText)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	if err := belong(chain[0], key); err != nil {
		return nil, fmt.Errorf("%s and %s: %w", certFile, keyFile, err)
	}
	return &ssl.Certificate{Chain: chain, Key: key}, nil
}

// belong checks that a key is that of a certificate.
func belong(raw []byte, key crypto.Signer) error {
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	public, err := rsaOf(key)
	if err != nil {
		return err
	}
	if !public.Equal(cert.PublicKey) {
		return errors.New("the key is not that of the certificate")
	}
	return nil
}

// DecodeCertificates returns the certificates of a PEM text, DER, of which there
// is at least one. Other blocks are passed over.
func DecodeCertificates(text []byte) ([][]byte, error) {
	var chain [][]byte
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" && block.Type != "X509 CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Errorf("read certificate %d: %w", len(chain)+1, err)
		}
		chain = append(chain, block.Bytes)
	}
	if len(chain) == 0 {
		return nil, errors.New("no certificate in it: want PEM with BEGIN CERTIFICATE")
	}
	return chain, nil
}

// DecodeKey returns the RSA key of a PEM text, of PKCS #1 or PKCS #8. Nothing of
// the text is in the error.
func DecodeKey(text []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "RSA PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, errLocked
			}
			key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
			if err != nil {
				return nil, errDamaged
			}
			return fast(key), nil
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, errDamaged
			}
			return signerOf(key)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errLocked
		case "EC PRIVATE KEY", "DSA PRIVATE KEY":
			return nil, errNotRSA
		}
	}
	return nil, errors.New("no key in it: want PEM with BEGIN RSA PRIVATE KEY or BEGIN PRIVATE KEY")
}

// signerOf returns the signer of a key that was read.
func signerOf(key any) (crypto.Signer, error) {
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errNotRSA
	}
	return fast(private), nil
}

var (
	errNotRSA  = errors.New("not an RSA key; the devices know no other")
	errLocked  = errors.New("the key has a passphrase; take it off (openssl rsa -in FILE -out FILE), or use PKCS #12")
	errDamaged = errors.New("the key is damaged")
)

// EncodeKey returns a key that was made or read here as PEM, PKCS #1, which every
// server reads.
func EncodeKey(key crypto.Signer) ([]byte, error) {
	k, ok := key.(*rsa.PrivateKey)
	if s, ours := key.(*signer); ours {
		k, ok = s.private, true
	}
	if !ok {
		return nil, errors.New("the key cannot be taken out of what holds it")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}), nil
}
