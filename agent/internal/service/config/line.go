package config

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// lineOf finds where a key stands: the decoder tells unknown keys without their line.
func lineOf(text string, key toml.Key) int {
	name := key[0]
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.Trim(strings.TrimSpace(line), "[")
		rest, ok := strings.CutPrefix(strings.TrimLeft(line, `"'`), name)
		if ok && !isKeyByte(rest) {
			return n
		}
	}
	return 1
}

// isKeyByte reports whether rest goes on with the same bare key.
func isKeyByte(rest string) bool {
	return rest != "" && (rest[0] == '_' || rest[0] == '-' ||
		'a' <= rest[0] && rest[0] <= 'z' || 'A' <= rest[0] && rest[0] <= 'Z' || '0' <= rest[0] && rest[0] <= '9')
}
