package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/iscdesk/iscdesk/merchant"
	"github.com/iscdesk/iscdesk/merchant/openapi"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store/sqlite"
)

const (
	bookFile     = "book.db"
	shutdownTime = 20 * time.Second
)

// serve answers the marketplace until ctx ends.
func serve(ctx context.Context, dir string, log *slog.Logger, out io.Writer) (err error) {
	c, err := readConfig(dir)
	if err != nil {
		return err
	}
	key, err := licenceKey(dir)
	if err != nil {
		return err
	}
	certificate, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	client, err := marketplace(c)
	if err != nil {
		return err
	}
	defer client.Close()
	path := filepath.Join(dir, bookFile)
	if err := private(path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", sqlite.DSN(path))
	if err != nil {
		return fmt.Errorf("open book: %w", err)
	}
	defer db.Close()
	store, err := sqlite.Use(ctx, db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	b, err := openBook(ctx, db)
	if err != nil {
		return err
	}
	s := &isv{book: b, client: client, key: key, asFile: c.AsFile, log: log}
	options := merchant.Options{Store: store, Calls: s.callbacks(), Upload: s.upload, Challenge: c.Challenge, Log: log}
	options.Keys.Base = some(c.AccessKeys.Base)
	options.Keys.Notify = some(c.AccessKeys.Notify)
	h, err := merchant.New(options)
	if err != nil {
		return err
	}
	err = listen(ctx, c.Listen, certificate, h, out)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	return errors.Join(err, h.Close(end))
}

func some(key string) []string {
	if key == "" {
		return nil
	}
	return []string{key}
}

// private makes the book's file before SQLite would make it readable by others: licences are in it.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open book: %w", err)
	}
	return f.Close()
}

// marketplace is the client of the open API.
func marketplace(c config) (*openapi.Client, error) {
	conf := openapi.Config{Keys: sign.KeyPair{Access: c.Marketplace.Access, Secret: c.Marketplace.Secret},
		Primary: c.Marketplace.Primary, Fallback: c.Marketplace.Fallback}
	if c.Marketplace.CA != "" {
		pem, err := os.ReadFile(c.Marketplace.CA)
		if err != nil {
			return nil, fmt.Errorf("read authority: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read authority: %s holds no certificate", c.Marketplace.CA)
		}
	}
	return openapi.New(conf)
}

// listen serves h over TLS until ctx ends and its requests are answered.
func listen(ctx context.Context, address string, certificate tls.Certificate, h http.Handler, out io.Writer) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: h, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10}
	fmt.Fprintf(out, "ready: listening on %s\n", l.Addr())
	served := make(chan error, 1)
	go func() { served <- srv.ServeTLS(l, "", "") }() // ends with Shutdown or Close below
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := srv.Shutdown(end); err != nil {
		srv.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
