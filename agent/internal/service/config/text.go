package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// backslash explains what people meet who write a path of Windows.
const backslash = `; a backslash in double quotes begins an escape: write a path in single quotes, 'C:\Folder', or each backslash twice`

// Text is the text of a file that somebody wrote with any editor: UTF-8, with a byte
// order mark or without. Other encodings are told by name, since they look right in
// the editor.
func Text(b []byte) (string, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) || len(b) > 1 && (b[0] == 0 || b[1] == 0) {
		return "", errors.New("it is UTF-16; save it as UTF-8")
	}
	if !utf8.Valid(b) {
		n := 1
		for line := range bytes.Lines(b) {
			if !utf8.Valid(line) {
				break
			}
			n++
		}
		return "", fmt.Errorf("line %d: it is not UTF-8, but perhaps of the system's code page; save it as UTF-8", n)
	}
	return string(b), nil
}

// Explain makes the decoder's error one line for people. Other errors are left: a wrong
// type's message has the line.
func Explain(err error) error {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	hint := ""
	for _, sign := range []string{"escape", "hexadecimal"} { // \P, and \U of C:\Users
		if strings.Contains(parse.Message, sign) {
			hint = backslash
		}
	}
	return fmt.Errorf("line %d: %s%s", parse.Position.Line, parse.Message, hint)
}

// Escaped reports a path with a control character: what "C:\temp" becomes, whose \t is
// a tab.
func Escaped(path string) bool {
	return strings.ContainsFunc(path, func(r rune) bool { return r < ' ' })
}
