//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// licence gets the product's licence in both documented forms; minicad checks it
// as its maker would, offline, with libsodium.
func (d *demo) licence(ctx context.Context) error {
	e := d.engineer
	file, err := d.ends(ctx, e, "license", "--product", desk.Product, "request", "--form", "file", "--file-name", "minicad.lic")
	if err != nil {
		return fmt.Errorf("request licence file: %w", err)
	}
	info, err := os.Stat(file["LicenseFilePath"])
	if err != nil {
		return err
	}
	d.say("As a file the licence lies in %s, mode %04o.", d.shorten(file["LicenseFilePath"]), info.Mode().Perm())

	if err := d.register(); err != nil {
		return err
	}
	if _, err := d.ends(ctx, e, "license", "--product", desk.Product, "request"); codeOf(err) != api.ProductDenied {
		return fmt.Errorf("another program with the product's name: %v, want code %d", err, api.ProductDenied)
	}
	d.say("Now minicad is registered: another program that claims its name is refused, code %d.", api.ProductDenied)

	said, err := d.app.do("license")
	if err != nil {
		return err
	}
	d.say("minicad asked for a licence, got EVENT_LICENSE_VERIFY and checked it: %s.", line(said, "licence of"))

	// One digit of the maker's key changed is one byte of the licence changed: the
	// signature no longer fits.
	wrong := []byte(d.makersKey)
	wrong[0] = "1032547698badcfe"[hexDigit(wrong[0])]
	liar, err := e.minicad(ctx, "--key", string(wrong))
	if err != nil {
		return err
	}
	defer liar.quit()
	if said, err = liar.do("license"); !errors.Is(err, errRefused) || line(said, "licence refused") == "" {
		return fmt.Errorf("a licence with a wrong signature: %s %v", said, err)
	}
	d.say("With a wrong key it does not: %s.", line(said, "licence refused"))
	return nil
}

func hexDigit(c byte) int {
	if c >= 'a' {
		return int(c-'a') + 10
	}
	return int(c - '0')
}
