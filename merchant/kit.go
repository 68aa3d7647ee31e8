package merchant

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Kit is the ISV's side of the joint-operation kit: who a tenant is, by which credentials its users log in,
// who they are, and its departments. Its calls say how things shall be, not what happened: each
// callback gets the state that is wanted and makes it so, whatever was before. Deleting what is not
// there succeeds, and nothing asks whether the instance exists. An error is answered with 000005 (or
// the Refusal's code), and then the call counts as never having come.
//
// A call of one object that is older than another one which succeeded is answered with success and
// not handed over; see Readings.KitArrivalOrder.
type Kit struct {
	Tenant      func(ctx context.Context, t Tenant) error
	Application func(ctx context.Context, a Application) error
	Users       func(ctx context.Context, u Users) error
	Department  func(ctx context.Context, d Department) error
	Departments func(ctx context.Context, d Departments) error

	// PrivateKey decrypts client secrets; its public half is what was pasted at the application credential.
	// At least 3072 bits; needed with Application. sign.ParsePrivateKey reads one.
	PrivateKey *rsa.PrivateKey

	// OAEP is how client secrets are padded. The zero value takes all three forms that "OAEP" may mean.
	OAEP sign.OAEP
}

// KitState is what each of the kit's states has.
type KitState struct {
	InstanceID string // "" while the merchant applies for credentials
	TenantID   string
	Test       bool      // touch nothing real
	At         time.Time // when the state was one
}

// Tenant is an enterprise. When it is not Present, all that belongs to it is to go.
type Tenant struct {
	KitState
	Present bool
	OrderID string // "" while the merchant applies for credentials
	Code    string
	Name    string
	Domain  string // its authentication domain, with the scheme; the log-in needs it
}

// Application is the credential by which a tenant's users log in.
type Application struct {
	KitState
	Present      bool
	AppID        string
	ClientID     string
	ClientSecret string // decrypted; "" when not Present
}

// Access is what users may do.
type Access int

// Accesses.
const (
	Granted   Access = iota // they may use the application, and are as Users says
	Withdrawn               // they are users of the tenant still, and may not
	Deleted                 // they are none
)

// Users are what some of a tenant's users shall be; of others it says nothing. Names repeat between tenants.
type Users struct {
	KitState
	AppID  string
	Access Access
	Users  []wire.User // each UserName once
}

// Department is what one department shall be.
type Department struct {
	KitState
	wire.Org
	Present bool
}

// Departments is a tenant's whole tree: what is not in Orgs is to go, apart from the codes in Keep, whose
// departments were told by a newer call and stay as that said, there or gone.
type Departments struct {
	KitState
	Orgs []wire.Org // each OrgCode once
	Keep []string   // sorted
}

// maxKit bounds a kit body: a tree of wire.MaxKitOrgs departments in Chinese has some 4 MB.
const maxKit = 8 << 20

// kit is the family of the joint-operation kit.
type kit struct{ options Options }

// kitCall is the last part of a kit path; v1 for the one without /v2. The registered address may have a
// path of its own before it.
func kitCall(path string) (call string, v1, ok bool) {
	for _, call := range wire.KitCalls() {
		if strings.HasSuffix(path, wire.KitV2Path+call) {
			return call, false, true
		}
		if strings.HasSuffix(path, wire.KitV1Path+call) {
			return call, true, true
		}
	}
	return "", false, false
}

func (k kit) claims(r *http.Request) bool {
	_, _, ok := kitCall(r.URL.Path)
	return ok && r.Method == http.MethodPost
}

// limit is small where no key could prove a call: a body is held in memory before it is proved.
func (k kit) limit() int64 {
	if len(k.keys()) == 0 {
		return maxProduction
	}
	return maxKit
}

func (k kit) keys() []string {
	if k.options.Readings.AnyKey {
		return k.options.Keys.all()
	}
	return k.options.Keys.Kit
}

func (k kit) prove(r *http.Request, body []byte, now time.Time) (proof, error) {
	if _, old, _ := kitCall(r.URL.Path); old {
		return k.proveV1(r, body, now)
	}
	err := sign.ErrKey
	for _, key := range k.keys() {
		var p proof
		if p, err = k.proveV2(key, r, body, now); err == nil {
			return p, nil
		}
	}
	return proof{}, err
}

func (k kit) proveV2(key string, r *http.Request, body []byte, now time.Time) (proof, error) {
	stamp, err := k.options.Readings.Signature.VerifyKit(key, r.Header, body, now)
	if err != nil {
		return proof{}, err
	}
	return proof{key: key, nonce: "kit " + stamp.Nonce, until: stamp.At.Add(sign.Window + time.Second)}, nil
}

// proveV1 takes the timeStamp for UTC+8, as the kit's bodies have it, and for UTC, as V1's other calls
// have it: the page on the token does not say which. A replay eight hours later is an old state, which
// changes nothing. The body is read once, whatever the number of keys: it is not proved yet.
func (k kit) proveV1(r *http.Request, body []byte, now time.Time) (proof, error) {
	if len(r.Header.Values(sign.ParamAuthToken)) > 1 {
		return proof{}, fmt.Errorf("read authToken, given more than once: %w", sign.ErrMalformed)
	}
	params, err := wire.KitParams(body)
	if err != nil {
		return proof{}, fmt.Errorf("read body: %w", sign.ErrMalformed)
	}
	form := sign.TokenBody
	if k.options.Readings.V1BlankValues {
		form = sign.TokenWholeBody
	}
	err = sign.ErrKey
	for _, key := range k.keys() {
		var at time.Time
		if at, err = sign.VerifyToken(key, r.Header.Get(sign.ParamAuthToken), params, form); err != nil {
			continue
		}
		if k.options.Readings.KitUTC {
			return proof{key: key}, k.options.inWindow(now, at)
		}
		_, ahead := at.In(wire.KitZone()).Zone()
		return proof{key: key}, k.options.inWindow(now, at, at.Add(-time.Duration(ahead)*time.Second))
	}
	return proof{}, err
}

func (k kit) read(_ context.Context, r *http.Request, body []byte, _ proof) (*call, error) {
	name, old, _ := kitCall(r.URL.Path)
	request, err := wire.ParseKit(name, body)
	if err != nil {
		return nil, err
	}
	o, err := wire.ParseObject(body)
	if err != nil {
		return nil, err
	}
	if k.options.Readings.KitTables && !old {
		if err := o.Check(wire.KitFields(name)); err != nil {
			return nil, err
		}
	}
	if k.options.Readings.RefuseUnknown {
		for _, field := range o.Unknown(wire.KitFields(name)) {
			if field != "orgInfo" || name != wire.KitAllOrgSync { // V1's name of orgInfoList
				return nil, &wire.Problem{Field: field, Why: "is not known"}
			}
		}
	}
	sum := sha256.Sum256(body)
	c := &call{row: repeat("kit", name, ""), test: request.Test(), key: []string{hex.EncodeToString(sum[:])}}
	if !k.state(c, request) {
		return nil, &wire.Problem{Why: name + " is not offered by this server"}
	}
	return c, nil
}

// kitRepeats are the kit's rows. Two requests are the same when their bodies are.
func kitRepeats() []Repeat {
	row := func(call, again string) Repeat { return Repeat{"kit", call, "", State, []string{"body"}, again} }
	return []Repeat{
		row(wire.KitTenantSync, "success; the tenant is made so again: add, delete, add ends added, deleting twice succeeds"),
		row(wire.KitApplicationSync, "success; the credential is made so again"),
		row(wire.KitAuthSync, "success; each user is made so again, but for those of whom a newer call has told"),
		row(wire.KitSingleOrgSync, "success; the department is made so again"),
		row(wire.KitAllOrgSync, "success; the tree is made so again, but for departments of which a newer call has told"),
	}
}

// check finds what would make the options useless or unsafe.
func (o Kit) check() error {
	switch {
	case o.PrivateKey == nil && o.Application == nil:
		return nil
	case o.PrivateKey == nil:
		return errors.New("Options.Kit.PrivateKey is nil: no client secret could be decrypted")
	case o.PrivateKey.N.BitLen() < sign.MinRSA:
		return fmt.Errorf("Options.Kit.PrivateKey has %d bits, the marketplace asks for %d", o.PrivateKey.N.BitLen(), sign.MinRSA)
	}
	return nil
}
