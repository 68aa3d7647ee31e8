package merchant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// V1 is the ISV's side of version 1.0: License 1.0's four calls and SaaS V1.0's seven. They are GET and carry
// an authToken, so they share the address of the other interfaces. What Callbacks says of
// callbacks holds here too. Each request has TimeStamp and Test().
type V1 struct {
	// GetLicense makes the licence of an order for r.IdentificationCode() and the instance a.InstanceID. The
	// text is stored and every repeat gets it.
	GetLicense     func(ctx context.Context, r wire.V1Purchase, a Attempt) (license string, err error)
	RefreshLicense func(ctx context.Context, r wire.V1Refresh, a Attempt) error
	ExpireLicense  func(ctx context.Context, r wire.V1Instance, a Attempt) error
	ReleaseLicense func(ctx context.Context, r wire.V1Instance, a Attempt) error

	// NewInstance makes the instance a.InstanceID of an order. r.MobilePhone and r.Email are decrypted. Its
	// answer and GetLicense's hold what they return, so a.Record is not for these two.
	NewInstance func(ctx context.Context, r wire.V1Purchase, a Attempt) (V1Instance, error)
	// QueryInstance tells what there is of r.Instances, in that order, user names and passwords as plain
	// text. nil answers from the store, without usage.
	QueryInstance   func(ctx context.Context, r wire.V1Query) ([]wire.InstanceInfo, error)
	RefreshInstance func(ctx context.Context, r wire.V1Refresh, a Attempt) error
	ExpireInstance  func(ctx context.Context, r wire.V1Instance, a Attempt) error // freeze; data is kept
	ReleaseInstance func(ctx context.Context, r wire.V1Instance, a Attempt) error
	InstanceStatus  func(ctx context.Context, r wire.V1Instance, a Attempt) error // as r.Status says
	Upgrade         func(ctx context.Context, r wire.V1Upgrade, a Attempt) error

	// EncryptType is how user names and passwords are encrypted: wire.EncryptAES256, which "" means too, or
	// wire.EncryptAES128.
	EncryptType string

	// OldKeys are keys of category base that prove no call any more. Stored user names and passwords
	// are encrypted with the key of their day, and are encrypted anew for the present one.
	OldKeys []string
}

// V1Instance is what NewInstance of V1.0 has made.
type V1Instance struct {
	Provision Provision // Ordered: App is not looked at
	// App is how the buyer reaches it, user name and password as plain text: at most 79 bytes each, which
	// are 128 characters encrypted. nil when the buyer is told in another way.
	App *wire.AppInfo
}

// v1 is the family of License 1.0 and SaaS V1.0.
type v1 struct{ options Options }

// claims takes every GET that means to be a call: V2.0 has POST only.
func (v v1) claims(r *http.Request) bool {
	return r.Method == http.MethodGet && (strings.Contains(r.URL.RawQuery, sign.ParamAuthToken+"=") || strings.Contains(r.URL.RawQuery, "activity="))
}

func (v v1) limit() int64 { return 0 }

// maxV1Query bounds a raw query. Its longest parameter, saasExtendParams, has 2048 characters.
const maxV1Query = 16 << 10

// prove checks the token and, unless V1AnyTime is on, the time. V1.0 has no nonce. Within the
// window a call that was read from a log can so be sent again: it is then a repeat, which
// changes nothing that the first one had not changed.
func (v v1) prove(r *http.Request, _ []byte, now time.Time) (proof, error) {
	if len(r.URL.RawQuery) > maxV1Query {
		return proof{}, fmt.Errorf("read query, over %d bytes: %w", maxV1Query, sign.ErrMalformed)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return proof{}, fmt.Errorf("read query: %w", sign.ErrMalformed)
	}
	if len(query[sign.ParamAuthToken]) > 1 {
		return proof{}, fmt.Errorf("read authToken, given more than once: %w", sign.ErrMalformed)
	}
	// The pages print Base64 with its plus signs bare, which a form reads as blanks; Base64 has none.
	for _, name := range []string{sign.ParamAuthToken, "saasExtendParams", "mobilePhone", "email"} {
		for i, value := range query[name] {
			query[name][i] = strings.ReplaceAll(value, " ", "+")
		}
	}
	keys := v.options.Keys.Base
	if v.options.Readings.AnyKey {
		keys = v.options.Keys.all()
	}
	err = sign.ErrKey
	for _, key := range keys {
		var at time.Time
		if at, err = sign.VerifyToken(key, query.Get(sign.ParamAuthToken), query, sign.TokenQuery); err == nil {
			return proof{key: key}, v.options.inWindow(now, at)
		}
	}
	return proof{}, err
}

// inWindow holds the time of a call without nonce against now; at are the readings of its digits.
func (o Options) inWindow(now time.Time, at ...time.Time) error {
	if o.Readings.V1AnyTime {
		return nil
	}
	for _, t := range at {
		if d := now.Sub(t); d <= sign.Window && d >= -sign.Window {
			return nil
		}
	}
	return fmt.Errorf("check timeStamp: %w", sign.ErrOld)
}

func (v v1) read(_ context.Context, r *http.Request, _ []byte, p proof) (*call, error) {
	q, err := wire.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if err := v.strict(q); err != nil {
		return nil, err
	}
	switch q.Text("activity") {
	case wire.ActivityNewInstance, wire.ActivityGetLicense:
		c, err := v.purchase(q, p.key)
		if err == nil {
			c.saved, err = saveV1(p.key, r.URL.RawQuery)
		}
		return c, err
	case wire.ActivityRefreshInstance, wire.ActivityRefreshLicense:
		return v.refresh(q)
	case wire.ActivityUpgrade:
		return v.upgrade(q)
	case wire.ActivityQueryInstance:
		return v.query(q, p.key)
	}
	return v.instance(q)
}

// check finds what would make the options useless.
func (o V1) check() error {
	switch o.EncryptType {
	case "", wire.EncryptAES256, wire.EncryptAES128:
		return nil
	}
	return fmt.Errorf("Options.V1.EncryptType: %q is neither 1 nor 2", o.EncryptType)
}

// keyName tells keys apart without showing them.
func keyName(key string) string {
	sum := sha256.Sum256([]byte("iscdesk v1 field key\n" + key))
	return hex.EncodeToString(sum[:8])
}
