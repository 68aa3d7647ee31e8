package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// licenceKeyFile holds the seed of the key that signs licences, in hex. Its public half is compiled into
// the program; who has this file can make licences.
const licenceKeyFile = "licence.key"

// initialise lays down what a new server needs: its configuration, the key that signs licences, and
// a certificate for localhost to try it with. What is there already stays.
func initialise(dir string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails
	certificate, key, err := selfSigned(now)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		configFile: []byte(template), licenceKeyFile: []byte(hex.EncodeToString(seed) + "\n"), "tls.pem": certificate, "tls.key": key,
	} {
		if err := writeNew(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

// writeNew never replaces a file: a second licence key would void every licence.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}

// selfSigned is a certificate for localhost that is its own authority: the marketplace is told to
// trust it. Who deletes one of tls.pem and tls.key deletes both: they belong together.
func selfSigned(now time.Time) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make key: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, private.Public(), private)
	if err != nil {
		return nil, nil, fmt.Errorf("make certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("make key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}

// licenceKey reads the key that signs licences.
func licenceKey(dir string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(filepath.Join(dir, licenceKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read licence key: %w", err)
	}
	if len(text) < 2*ed25519.SeedSize {
		return nil, fmt.Errorf("read licence key: %s is damaged", licenceKeyFile)
	}
	seed, err := hex.DecodeString(string(text[:2*ed25519.SeedSize]))
	if err != nil {
		return nil, fmt.Errorf("read licence key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
