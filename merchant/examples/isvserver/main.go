// Command isvserver is a complete little ISV server to copy: it sells licences of one program, GearCAD, on a
// marketplace. Package merchant answers the calls and keeps what repeats return, package openapi calls the
// marketplace; what is this ISV's own is its licence format (licence.go), its book (book.go) and its rules
// (server.go). docs/isv.md shows how to run it.
package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const usage = `usage:
  isvserver init FOLDER           lay down configuration, licence key and a certificate for localhost
  isvserver key FOLDER            print the public key that the program compiles in
  isvserver serve FOLDER          serve the marketplace's calls
  isvserver check FOLDER FILE     read a licence as the program does
`

func main() {
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()
	if err := run(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "isvserver:", err)
		if errors.Is(err, errUsage) {
			flag.Usage()
			os.Exit(2)
		}
		os.Exit(1)
	}
}

var errUsage = errors.New("wrong command line")

func run(args []string) error {
	if len(args) < 2 || len(args) != map[string]int{"init": 2, "key": 2, "serve": 2, "check": 3}[args[0]] {
		return errUsage
	}
	dir := args[1]
	switch args[0] {
	case "init":
		if err := initialise(dir, time.Now()); err != nil {
			return err
		}
		fmt.Printf("%s is ready. Fill in %s, then: isvserver serve %s\n", dir, configFile, dir)
		return nil
	case "serve":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return serve(ctx, dir, slog.New(slog.NewTextHandler(os.Stderr, nil)), os.Stdout)
	}
	key, err := licenceKey(dir)
	if err != nil {
		return err
	}
	public := key.Public().(ed25519.PublicKey)
	if args[0] == "key" {
		fmt.Println(hex.EncodeToString(public))
		return nil
	}
	return check(args[2], public)
}

func check(file string, key ed25519.PublicKey) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read licence: %w", err)
	}
	l, err := readLicence(string(text), key)
	if err != nil {
		return err
	}
	until := forever
	if !l.Until.IsZero() {
		until = l.Until.Format(time.RFC3339)
	}
	fmt.Printf("licence %d of instance %s: %d seats, from %s until %s, machine %s\n", l.Number, l.Instance, l.Seats,
		l.From.Format(time.RFC3339), until, l.Machine)
	return nil
}
