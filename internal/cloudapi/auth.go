package cloudapi

import "time"

// Bearer tokens are opaque random strings ("iscu_…" user access, "iscr_…" user
// refresh, "iscd_…" device, "isct_…" transfer), stored by the cloud as SHA-256
// only. Access and device tokens live an hour, transfer tokens 15 minutes,
// refresh tokens 30 days and rotate at each use. A re-used one revokes its family,
// except with the same Attempt while its successor was not used: then the answer may
// be lost, however long ago, and the same tokens come again.

// Setup makes the first administrator; Code is printed once by the cloud.
// POST /v1/setup
type Setup struct {
	Code         string `json:"code"`
	Account      string `json:"account"`
	Name         string `json:"name"`
	Password     string `json:"password"` // 8 to 128 characters, a letter and a digit, no blanks
	Organisation string `json:"organisation"`
}

// Login is POST /v1/login, answered by Tokens. Device is the enrolled device's id.
type Login struct {
	Account  string `json:"account"`
	Password string `json:"password"`
	Device   string `json:"device,omitempty"`
}

// Refresh is POST /v1/token, answered by Tokens.
type Refresh struct {
	RefreshToken string `json:"refreshToken"`
	Attempt      string `json:"attempt"` // random, the same when the call is repeated
}

// Tokens answers Login and Refresh.
type Tokens struct {
	AccessToken    string    `json:"accessToken"`
	AccessExpires  time.Time `json:"accessExpires"`
	RefreshToken   string    `json:"refreshToken"`
	RefreshExpires time.Time `json:"refreshExpires"`
	Me             Me        `json:"me"`
}

// POST /v1/logout revokes the access token shown and its refresh family: 204.

// Me is GET /v1/me.
type Me struct {
	Account      string `json:"account"`
	Name         string `json:"name"`
	Organisation string `json:"organisation"`
	Role         string `json:"role"` // admin, member
}

// Member is an account of an organisation.
// GET /v1/members answers Members; POST /v1/members takes NewMember; DELETE /v1/members/{account};
// POST /v1/members/{account}/revoke ends all of the member's tokens.
type Member struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Role    string `json:"role"`
}

// Members answers GET /v1/members.
type Members struct {
	Members []Member `json:"members"`
}

// NewMember adds an account (administrators only).
type NewMember struct {
	Account  string `json:"account"`
	Name     string `json:"name"`
	Password string `json:"password"`
	Role     string `json:"role"`
}

// Enrol is POST /v1/devices: the device proves that it holds its install key.
// Proof is a compact JWS (EdDSA, header jwk = public key, typ "iscdesk-enrol+jwt")
// over EnrolClaims. The same key enrols to the same device, always.
type Enrol struct {
	Proof string `json:"proof"`
}

// EnrolClaims are the claims of Enrol.Proof.
type EnrolClaims struct {
	Aud      string `json:"aud"` // the cloud's base address
	Iat      int64  `json:"iat"` // seconds; the cloud accepts ± 10 minutes and tells its time on refusal
	Nonce    string `json:"nonce"`
	Name     string `json:"name"`     // host name
	Platform string `json:"platform"` // linux/amd64
	Identity string `json:"identity"` // hex SHA-256 of the machine identity, not the parts
}

// Device answers Enrol.
type Device struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// DeviceAuth is POST /v1/devices/{id}/token: Proof is a JWS (EdDSA by the install
// key, typ "iscdesk-device+jwt") over DeviceClaims. Answered by DeviceToken.
type DeviceAuth struct {
	Proof string `json:"proof"`
}

// DeviceClaims are the claims of DeviceAuth.Proof.
type DeviceClaims struct {
	Aud    string `json:"aud"`
	Iat    int64  `json:"iat"`
	Nonce  string `json:"nonce"`
	Device string `json:"device"`
}

// DeviceToken answers DeviceAuth.
type DeviceToken struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// Server is GET /v1/server, without a token.
type Server struct {
	Build     string    `json:"build"`
	API       int       `json:"api"` // 1
	Time      time.Time `json:"time"`
	SetupDone bool      `json:"setupDone"`
}
