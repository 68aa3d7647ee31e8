// Package certs gives the cloud its TLS certificate: of the cloud's own authority, made at
// the first start and renewed by itself, or the files that an operator names. Only the
// cloud's wiring calls it. It never gives the authority's key away, and there is
// no way to serve without a certificate.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/clock"
)

// Files in the cloud's data folder. Agents are given CAFile; CAKeyFile never leaves.
const (
	CAFile    = "ca.pem"
	CAKeyFile = "ca.key" // 0600
)

// Lives of what this package makes.
const (
	caLife     = 10 * 365 * 24 * time.Hour
	serverLife = 90 * 24 * time.Hour
	renewAhead = 30 * 24 * time.Hour
	backdate   = 24 * time.Hour // for agents whose clock is behind
)

// Own is a certificate authority in a folder, with a server certificate in memory.
type Own struct {
	names []string
	clock clock.Clock
	ca    *x509.Certificate
	key   *ecdsa.PrivateKey

	// mu guards current.
	mu      sync.Mutex
	current *tls.Certificate
}

// Open reads the authority from dir, or makes one when dir has none. names are host names and
// addresses that the server certificate is to have beside the local ones. A damaged
// file is an error: a new authority would lock every agent out.
func Open(dir string, names []string, clk clock.Clock) (*Own, error) {
	o := &Own{names: Names(names), clock: clk}
	certPath, keyPath := filepath.Join(dir, CAFile), filepath.Join(dir, CAKeyFile)
	keyPEM, err := os.ReadFile(keyPath)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if _, err := os.Stat(certPath); err == nil {
			return nil, fmt.Errorf("open authority: %s exists without %s; bring the key back from a backup", CAFile, CAKeyFile)
		}
		if err := o.makeCA(certPath, keyPath); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("open authority: %w", err)
	default:
		if err := o.readCA(certPath, keyPEM); err != nil {
			return nil, err
		}
	}
	if _, err := o.certificate(); err != nil {
		return nil, err
	}
	return o, nil
}

// Names are all names of the server: the local ones first, without repetition.
func Names(more []string) []string {
	out := []string{"127.0.0.1", "localhost", "::1"}
	seen := map[string]bool{"127.0.0.1": true, "localhost": true, "::1": true, "": true}
	for _, n := range more {
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return out
}

// makeCA writes the key first: a key without a certificate is made new, the other way round is an error.
func (o *Own) makeCA(certPath, keyPath string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make authority: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make authority: %w", err)
	}
	if err := atomicfile.WriteFile(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return fmt.Errorf("make authority: %w", err)
	}
	return o.certifyCA(certPath, key)
}

func (o *Own) certifyCA(certPath string, key *ecdsa.PrivateKey) error {
	serial, err := serialNumber()
	if err != nil {
		return err
	}
	now := o.clock.Now()
	t := &x509.Certificate{
		SerialNumber: serial,
		// The number in the name tells two clouds' authorities apart in a list of trusted ones.
		Subject:   pkix.Name{CommonName: fmt.Sprintf("ISCDesk cloud authority %x", serial.Bytes()[:4]), Organization: []string{"ISCDesk"}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(caLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key) // signs itself
	if err != nil {
		return fmt.Errorf("make authority: %w", err)
	}
	if err := atomicfile.WriteFile(certPath, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return fmt.Errorf("make authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("make authority: %w", err)
	}
	o.ca, o.key = cert, key
	return nil
}

func (o *Own) readCA(certPath string, keyPEM []byte) error {
	damaged := func(file string) error {
		return fmt.Errorf("open authority: %s is damaged; bring it back from a backup", file)
	}
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return damaged(CAKeyFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return damaged(CAKeyFile)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return damaged(CAKeyFile)
	}
	certPEM, err := os.ReadFile(certPath)
	if errors.Is(err, os.ErrNotExist) {
		return o.certifyCA(certPath, key) // stopped between the two files of the first start
	}
	if err != nil {
		return fmt.Errorf("open authority: %w", err)
	}
	if block, _ = pem.Decode(certPEM); block == nil {
		return damaged(CAFile)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !key.PublicKey.Equal(cert.PublicKey) {
		return damaged(CAFile)
	}
	if !o.clock.Now().Before(cert.NotAfter) {
		return fmt.Errorf("open authority: %s has ended; delete %s and %s to make a new one, and give it to all agents", CAFile, CAFile, CAKeyFile)
	}
	o.ca, o.key = cert, key
	return nil
}

func serialNumber() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	return n.SetBit(n, 120, 1), nil // never short, never zero
}

// certificate is the current server certificate, made anew before it ends.
func (o *Own) certificate() (*tls.Certificate, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock.Now()
	if c := o.current; c != nil && now.Add(renewAhead).Before(c.Leaf.NotAfter) {
		return c, nil
	}
	serial, err := serialNumber()
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	end := now.Add(serverLife)
	if o.ca.NotAfter.Before(end) {
		end = o.ca.NotAfter
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: o.names[len(o.names)-1]},
		NotBefore: now.Add(-backdate), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, n := range o.names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, o.ca, key.Public(), o.key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	o.current = &tls.Certificate{Certificate: [][]byte{der, o.ca.Raw}, PrivateKey: key, Leaf: leaf}
	return o.current, nil
}

// TLS is the configuration to serve with. Every handshake takes the current certificate, so a
// renewal needs no restart.
func (o *Own) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return o.certificate() }}
}

// Files is the configuration for an operator's certificate and key.
func Files(certFile, keyFile string) (*tls.Config, error) {
	c, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{c}}, nil
}
