package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/denisbrodbeck/machineid"
)

// Parts of our own machine identity. They stay apart: the sealed store binds to
// each, and tolerance for a changed one can come later.
const (
	partMachine = "machine-id"   // of the operating system
	partProduct = "product-uuid" // of the firmware; root only
	partBoard   = "board"        // mainboard serial; root only
)

// appID keeps our form of the machine id apart from other programs'.
const appID = "iscdesk"

// Machine reads the parts of our own machine identity below root ("/" but in
// tests). Placeholders and what cannot be read are left out, never replaced. It
// returns within two seconds, with what it has by then.
func Machine(ctx context.Context, root string) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	type part struct{ name, value string }
	probes := map[string]func() string{
		partMachine: func() string { return osID(root) },
		partProduct: func() string { return strings.ToLower(tree{root}.text("sys", "class", "dmi", "id", "product_uuid")) },
		partBoard:   func() string { return tree{root}.text("sys", "class", "dmi", "id", "board_serial") },
	}
	found := make(chan part, len(probes)) // a probe that comes too late finds room and ends
	for name, probe := range probes {
		go func() { found <- part{name, probe()} }()
	}
	parts := map[string]string{}
	for range probes {
		select {
		case p := <-found:
			if p.value != "" && len(p.value) <= maxValue && !placeholder(p.value) {
				parts[p.name] = p.value
			}
		case <-ctx.Done():
			return parts
		}
	}
	return parts
}

// osID is the operating system's id of this installation, in a form of our own
// (an HMAC), so that it cannot be matched with other programs' records.
func osID(root string) string {
	if filepath.Clean(root) != string(filepath.Separator) {
		return tree{root}.text("etc", "machine-id")
	}
	raw, err := machineid.ID()
	if err != nil || placeholder(raw) || raw == "uninitialized" {
		return ""
	}
	id, err := machineid.ProtectedID(appID)
	if err != nil {
		return ""
	}
	return withSystemID(id, raw, tree{root}.text("etc", "machine-id"))
}

// withSystemID adds /etc/machine-id where it differs from the id that machineid
// found: machineid asks the bus's file first, which a cloned image may have kept.
func withSystemID(id, raw, system string) string {
	if system == "" || system == raw || placeholder(system) || system == "uninitialized" {
		return id
	}
	mac := hmac.New(sha256.New, []byte(system))
	mac.Write([]byte(appID)) // as machineid protects an id
	return id + "+" + hex.EncodeToString(mac.Sum(nil))
}

// Digest is the hex SHA-256 of the parts, which enrolment tells the cloud.
func Digest(parts map[string]string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		fmt.Fprintf(h, "%s=%d:%s\n", name, len(parts[name]), parts[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}
