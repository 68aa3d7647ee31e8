package merchant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// stored is what V1.0's newInstance keeps: its user name and password encrypted, since the store
// may be copied to places where the access key is not.
type stored struct {
	ID     string        `json:"id"`
	App    *wire.AppInfo `json:"app,omitempty"`
	Key    string        `json:"key,omitempty"` // keyName of what App is encrypted with
	Cipher string        `json:"cipher,omitempty"`
}

// purchase makes the call of newInstance or getLicense.
func (v v1) purchase(q wire.Object, key string) (*call, error) {
	r, err := wire.ParseV1Purchase(q)
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name string
		text *string
	}{{"mobilePhone", &r.MobilePhone}, {"email", &r.Email}} {
		if *f.text, err = v.decrypt(key, f.name, *f.text); err != nil {
			return nil, err
		}
	}
	c := &call{row: repeat("v1", r.Activity(), ""), test: r.Test(), key: []string{r.OrderID}, instanceID: r.BusinessID,
		others: []string{"customerId=" + r.CustomerID, "productId=" + r.ProductID}}
	c.pending = func(id string) ([]byte, error) {
		return wire.V1Answer{ResultCode: wire.Processing, ResultMsg: wire.Processing.Text(), InstanceID: id}.Encode()
	}
	if r.Activity() == wire.ActivityGetLicense {
		if v.options.V1.GetLicense == nil {
			return nil, errNotOffered
		}
		c.run = func(ctx context.Context, a Attempt) (outcome, error) {
			license, err := v.options.V1.GetLicense(ctx, r, a)
			if err != nil {
				return outcome{}, err
			}
			return v.checked(r.Activity(), wire.V1Answer{InstanceID: a.InstanceID, License: license})
		}
		return c, nil
	}
	if v.options.V1.NewInstance == nil {
		return nil, errNotOffered
	}
	if r.ChargingMode == wire.V1OnDemand {
		c.row, c.key = repeat("v1", r.Activity(), payPerUse), []string{r.OrderID, r.ProductID}
	}
	v.newInstance(c, r, key)
	return c, nil
}

// newInstance keeps what the callback has made and answers with it each time, encrypted for the key that
// the marketplace uses then.
func (v v1) newInstance(c *call, r wire.V1Purchase, key string) {
	ordered := "" // the instance id while there is no more than the order
	c.make = func(ctx context.Context, a Attempt) ([]byte, error) {
		made, err := v.options.V1.NewInstance(ctx, r, a)
		if err != nil {
			return nil, err
		}
		if made.Provision == Ordered {
			ordered = a.InstanceID
			return nil, nil
		}
		s := stored{ID: a.InstanceID}
		if made.App != nil {
			if s.App, err = v.encrypt(key, made.App); err != nil {
				return nil, err
			}
			s.Key, s.Cipher = keyName(key), v.encryptType()
		}
		if _, err := v.instanceAnswer(s); err != nil { // before it is kept for ever
			return nil, err
		}
		return json.Marshal(s)
	}
	c.deliver = func(_ context.Context, kept []byte) (outcome, error) {
		if kept == nil {
			out, err := v.instanceAnswer(stored{ID: ordered})
			out.open = true
			return out, err
		}
		var s stored
		if err := json.Unmarshal(kept, &s); err != nil {
			return outcome{}, fmt.Errorf("read stored instance: %w", err)
		}
		if s.App != nil && (s.Key != keyName(key) || s.Cipher != v.encryptType()) {
			app, err := v.openStored(kept)
			if err != nil {
				return outcome{}, err
			}
			if s.App, err = v.encrypt(key, app); err != nil {
				return outcome{}, err
			}
		}
		return v.instanceAnswer(s)
	}
}

func (v v1) instanceAnswer(s stored) (outcome, error) {
	a := wire.V1Answer{InstanceID: s.ID, AppInfo: s.App}
	if s.App != nil {
		a.EncryptType = v.encryptType()
	}
	return v.checked(wire.ActivityNewInstance, a)
}

func (v v1) encryptType() string {
	if v.options.V1.EncryptType == "" {
		return wire.EncryptAES256
	}
	return v.options.V1.EncryptType
}

// encrypt copies an AppInfo with its user name and password encrypted.
func (v v1) encrypt(key string, app *wire.AppInfo) (*wire.AppInfo, error) {
	if app == nil {
		return nil, nil
	}
	out := *app
	for _, f := range []struct {
		name string
		text *string
	}{{"userName", &out.UserName}, {"password", &out.Password}} {
		if *f.text == "" {
			continue
		}
		sealed, err := sign.EncryptField(key, sign.FieldCipher(v.encryptType()), sign.NewIV(), *f.text)
		if errors.Is(err, sign.ErrTooLong) {
			return nil, Refuse(wire.Internal, fmt.Sprintf("this server's own answer: %s has %d bytes, which are more than %d characters when they are encrypted", f.name, len(*f.text), sign.MaxField))
		}
		if err != nil {
			return nil, err
		}
		*f.text = sealed
	}
	return &out, nil
}

// openStored reads what newInstance has kept, with the key of its day; nil when it kept no AppInfo.
func (v v1) openStored(kept []byte) (*wire.AppInfo, error) {
	if kept == nil {
		return nil, nil
	}
	var s stored
	if err := json.Unmarshal(kept, &s); err != nil {
		return nil, fmt.Errorf("read stored instance: %w", err)
	}
	if s.App == nil {
		return nil, nil
	}
	for _, key := range slices.Concat(v.options.Keys.all(), v.options.V1.OldKeys) {
		if keyName(key) != s.Key {
			continue
		}
		var err error
		for _, text := range []*string{&s.App.UserName, &s.App.Password} {
			if *text == "" {
				continue
			}
			if *text, err = sign.DecryptField(key, sign.FieldCipher(s.Cipher), *text); err != nil {
				return nil, fmt.Errorf("read stored instance: %w", err)
			}
		}
		return s.App, nil
	}
	return nil, errors.New("read stored instance: its key is neither in Options.Keys nor in Options.V1.OldKeys")
}

// decrypt reads a phone number or an address of the buyer. The pages do not say by which of the two
// ciphers the marketplace encrypts them, so both are tried; the wrong one shows by its padding, and
// by characters that no such text has.
func (v v1) decrypt(key, name, field string) (string, error) {
	if field == "" {
		return "", nil
	}
	for _, kind := range []sign.FieldCipher{sign.AES256, sign.AES128} {
		if text, err := sign.DecryptField(key, kind, strings.ReplaceAll(field, " ", "+")); err == nil && printable(text) {
			return text, nil
		}
	}
	if v.options.Readings.V1PlainContact {
		return field, nil
	}
	return "", &wire.Problem{Field: name, Why: "is not encrypted with this server's key"}
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
