package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/denisbrodbeck/machineid"
)

// Parts of our own machine identity. They stay apart: the sealed store binds to
// each, and tolerance for a changed one can come later.
const (
	partMachine = "machine-id"   // of the operating system
	partProduct = "product-uuid" // of the firmware
	partBoard   = "board"        // mainboard serial
)

// appID keeps our form of the machine id apart from other programs'.
const appID = "iscdesk"

// Machine reads the parts of our own machine identity. Placeholders and what cannot be
// read are left out, never replaced. It returns within two seconds, with what it has by
// then.
func Machine(ctx context.Context) map[string]string { return machine(ctx, here()) }

func machine(ctx context.Context, src source) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	type part struct{ name, value string }
	probes := map[string]func() (string, error){
		partMachine: func() (string, error) { return src.osID(), nil },
		partProduct: src.productUUID,
		partBoard:   src.boardSerial,
	}
	found := make(chan part, len(probes)) // a probe that comes too late finds room and ends
	for name, probe := range probes {
		go func() {
			value, err := probe()
			if err != nil {
				value = "" // an ordinary user's agent lacks what only the system's may read
			}
			found <- part{name, strings.TrimSpace(value)}
		}()
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

// protectedID is the operating system's id of this installation in a form of our own
// (an HMAC), so that it cannot be matched with other programs' records, and the id
// itself; both empty when there is none or it names no machine.
func protectedID() (id, raw string) {
	raw, err := machineid.ID()
	if err != nil || placeholder(raw) {
		return "", ""
	}
	if id, err = machineid.ProtectedID(appID); err != nil {
		return "", ""
	}
	return id, raw
}

// Digest is the hex SHA-256 of the parts, which enrolment tells the cloud.
func Digest(parts map[string]string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		fmt.Fprintf(h, "%s=%d:%s\n", name, len(parts[name]), parts[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}
