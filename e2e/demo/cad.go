//go:build linux

package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/iscdesk/iscdesk/e2e/desk"
)

// licence asks for the product's licence in both documented forms and checks it as
// the product's maker would: by their own signature, offline.
func (d *demo) licence(ctx context.Context) error {
	key, err := d.cloud.IssuerKey(ctx)
	if err != nil {
		return err
	}
	e := d.engineer
	text, err := d.ends(ctx, e, "license", "--product", desk.Product, "request")
	if err != nil {
		return fmt.Errorf("request licence: %w", err)
	}
	content := text["LicenseContent"]
	if err := signedBy(key, content); err != nil {
		return err
	}
	d.say("The licence arrived as EVENT_LICENSE_VERIFY, %d characters, and its maker's signature is right.", len(content))
	if signedBy(key, strings.Replace(content, "|", "!", 1)) == nil {
		return fmt.Errorf("a licence with one changed byte was accepted")
	}
	d.say("With one byte changed it is refused.")
	file, err := d.ends(ctx, e, "license", "--product", desk.Product, "request", "--form", "file", "--file-name", "minicad.lic")
	if err != nil {
		return fmt.Errorf("request licence file: %w", err)
	}
	info, err := os.Stat(file["LicenseFilePath"])
	if err != nil {
		return err
	}
	d.say("As a file it lies in %s, mode %04o.", d.shorten(file["LicenseFilePath"]), info.Mode().Perm())
	return nil
}

// signedBy checks the built-in issuer's little format: fields and an Ed25519
// signature, separated by bars.
func signedBy(key, licence string) error {
	at := strings.LastIndex(licence, "|")
	public, err := hex.DecodeString(key)
	if at < 0 || err != nil || len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("licence %q or key %q is not of the issuer's format", licence, key)
	}
	signature, err := base64.StdEncoding.DecodeString(strings.TrimSpace(licence[at+1:]))
	if err != nil || !ed25519.Verify(public, []byte(licence[:at]), signature) {
		return fmt.Errorf("licence %q is not signed by its maker", licence)
	}
	return nil
}
