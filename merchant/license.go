package merchant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

const (
	maxString = 1024    // characters of a licence that is a string, and of a file's name (marketplace: upload)
	maxFile   = 8 << 20 // bytes of a licence file; the gateway takes 12 MB with everything around it
)

// license makes the call that makes a licence once and uploads it. Once it was answered with 000004 nobody asks
// for it again: this server owes it.
func (p production) license(c *call, r wire.GetLicenseAsync) {
	c.owed = true
	c.make = func(ctx context.Context, a Attempt) ([]byte, error) {
		l, err := p.options.Calls.GetLicenseAsync(ctx, r, a)
		if err != nil {
			return nil, err
		}
		if err := l.check(); err != nil {
			return nil, fmt.Errorf("check licence: %w", err)
		}
		return json.Marshal(l)
	}
	c.deliver = func(ctx context.Context, kept []byte) (outcome, error) {
		var l License
		if err := json.Unmarshal(kept, &l); err != nil {
			return outcome{}, fmt.Errorf("read stored licence: %w", err)
		}
		if err := p.options.Upload(ctx, r.EventID, l); err != nil {
			if !r.Test() || p.options.Readings.NeedTestUpload {
				return outcome{}, fmt.Errorf("upload licence: %w", err)
			}
			p.options.Log.WarnContext(ctx, "a test call's licence was not uploaded", "event", r.EventID, "error", err)
		}
		return answered(success(wire.Answer{}))
	}
}

// check holds a licence against the limits of the upload, before it is stored for ever.
func (l License) check() error {
	switch {
	case len(l.Content) == 0:
		return errors.New("it is empty")
	case len(l.Content) > maxFile:
		return fmt.Errorf("the file is longer than %d bytes", maxFile)
	case l.FileName != "":
		return checkName(l.FileName)
	case !utf8.Valid(l.Content):
		return errors.New("the string is not UTF-8: give it a FileName to send it as a file")
	case utf8.RuneCount(l.Content) > maxString:
		return fmt.Errorf("the string is longer than %d characters: give it a FileName to send it as a file", maxString)
	case bytes.IndexByte(l.Content, 0) >= 0:
		return errors.New("the string holds a NUL: give it a FileName to send it as a file")
	}
	return nil
}

// checkName refuses what the upload would refuse each time: once it is kept, no callback would be asked for another name.
func checkName(name string) error {
	switch {
	case !utf8.ValidString(name):
		return errors.New("the file's name is not UTF-8")
	case utf8.RuneCountInString(name) > maxString:
		return fmt.Errorf("the file's name is longer than %d characters", maxString)
	case strings.ContainsAny(name, "/\\") || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("the file's name has a path or a control character")
	}
	return nil
}
