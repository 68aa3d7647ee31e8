//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// licence gets the product's licence in both documented forms; minicad checks it
// as its maker would, offline, with libsodium.
func (d *demo) licence(ctx context.Context) error {
	e := d.engineer
	if err := d.hello(ctx); err != nil {
		return err
	}
	file, err := d.ends(ctx, e, "license", "--product", desk.Product, "request", "--form", "file", "--file-name", "minicad.lic")
	if err != nil {
		return fmt.Errorf("request licence file: %w", err)
	}
	info, err := os.Stat(file["LicenseFilePath"])
	if err != nil {
		return err
	}
	d.say("As a file the licence lies in %s, mode %04o.", d.shorten(file["LicenseFilePath"]), info.Mode().Perm())

	flipped, err := d.flip(file["LicenseFilePath"])
	if err != nil {
		return err
	}

	if err := d.register(); err != nil {
		return err
	}
	if _, err := d.ends(ctx, e, "license", "--product", desk.Product, "request"); codeOf(err) != api.ProductDenied {
		return fmt.Errorf("another program with the product's name: %v, want code %d", err, api.ProductDenied)
	}
	d.say("Now minicad is registered: another program that claims its name is refused, code %d.", api.ProductDenied)

	said, err := d.app.Do("license")
	if err != nil {
		return err
	}
	d.say("minicad asked for a licence, got EVENT_LICENSE_VERIFY and checked it: %s.", line(said, "licence of"))

	if said, err = d.app.Do("license-file %s", file["LicenseFilePath"]); err != nil || line(said, "licence accepted") == "" {
		return fmt.Errorf("the licence's file: %s %v", said, err)
	}
	if said, err = d.app.Do("license-file %s", flipped); !errors.Is(err, desk.ErrRefused) || line(said, "licence refused") == "" {
		return fmt.Errorf("a licence with one byte flipped: %s %v", said, err)
	}
	d.say("The file's text is accepted as well; with one byte of it flipped: %s.", line(said, "licence refused"))

	// The same text, checked with a key that is not the maker's.
	wrong := []byte(d.makersKey)
	wrong[0] = "1032547698badcfe"[hexDigit(wrong[0])]
	liar, err := e.minicad(ctx, "--key", string(wrong))
	if err != nil {
		return err
	}
	defer liar.Quit()
	if said, err = liar.Do("license"); !errors.Is(err, desk.ErrRefused) || line(said, "licence refused") == "" {
		return fmt.Errorf("a licence with a wrong signature: %s %v", said, err)
	}
	d.say("With a wrong key the true text is refused too: %s.", line(said, "licence refused"))
	return nil
}

// hello runs the README's first program in C.
func (d *demo) hello(ctx context.Context) error {
	out, err := d.engineer.command(ctx, filepath.Join(d.bin, "hello"), d.agent.Socket).CombinedOutput()
	var got api.Envelope
	if err != nil || json.Unmarshal(out, &got) != nil || got.Params["Status"] != api.StatusSuccess {
		return fmt.Errorf("hello.c ended with %v and said %q, want a licence", err, out)
	}
	d.say("hello.c, the README's first program, was compiled the same way and prints EVENT_LICENSE_VERIFY with its licence.")
	return nil
}

// flip copies a licence file with one bit of one byte changed, in the last digit of
// the year in which it ends: what somebody would change who wants more than he pays for.
func (d *demo) flip(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	fields := bytes.SplitN(text, []byte("|"), 5) // kind, product, instance, until
	if len(fields) < 5 || len(fields[3]) < len("2006") {
		return "", fmt.Errorf("the licence's file is of another kind: %q", text)
	}
	fields[3][len("200")] ^= 1
	flipped := filepath.Join(d.dir, "flipped.lic")
	return flipped, os.WriteFile(flipped, bytes.Join(fields, []byte("|")), 0o644)
}

func hexDigit(c byte) int {
	if c >= 'a' {
		return int(c-'a') + 10
	}
	return int(c - '0')
}
