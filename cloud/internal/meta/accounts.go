package meta

import (
	"context"
	"time"
)

// Roles of an organisation's members.
const (
	RoleAdmin  = "admin"
	RoleMember = "member"
)

// Kinds of tokens, as their prefixes tell them.
const (
	KindUser     = "iscu_" // access token of a signed-in user
	KindRefresh  = "iscr_"
	KindDevice   = "iscd_"
	KindTransfer = "isct_" // one operation in one space
	KindSession  = "iscs_" // a browser's session at the console
)

// Account is one account with its membership. An account belongs to exactly one organisation.
type Account struct {
	Account  string // what the user types, lower case
	Name     string
	Role     string
	Org      string // id
	OrgName  string
	Password string // argon2id text, see package httpapi; "" never matches
	Created  time.Time
}

// Token is a token at rest. Account is empty for device tokens; Device is the device
// that a device token speaks for, or that the sign-in named. All tokens of one
// sign-in share Family and end together. Scope is set for transfer tokens only
// and is JSON of the frame's own (httpapi.Scope).
type Token struct {
	Hash    Hash
	Kind    string
	Account string
	Device  string
	Family  string
	Scope   []byte
	Created time.Time
	Expires time.Time
}

// Bearer is what a live token stands for, read in one go for each request.
type Bearer struct {
	Token   Token
	Account Account // zero for device tokens; Password is left empty
}

// Bootstrap makes the first administrator and the organisation.
type Bootstrap struct {
	Code    Hash // of the one-time code
	Account Account
	Now     time.Time
	Why     Entry
}

// SignIn is a successful log-in: it clears the failures, adds the tokens and the audit entry.
type SignIn struct {
	Account string
	Tokens  []Token
	Now     time.Time
	Why     Entry
}

// Rotation exchanges a refresh token. Access and Refresh come without Account, Device
// and Family: they take over those of the token that is exchanged.
type Rotation struct {
	Refresh Hash   // the token shown
	Attempt string // the caller's repetition key
	Now     time.Time
	Access  Token
	Next    Token // with the same Refresh and Attempt always the same tokens
}

// Failures is the state of the back-off for one account name, known or not.
type Failures struct {
	Count int
	Until time.Time // no attempt is looked at before this
}

// Accounts is everything about organisations, accounts, members and tokens.
type Accounts interface {
	// SetSetupCode stores the hash of the one-time code and replaces an older one;
	// ErrSetupDone once an administrator exists.
	SetSetupCode(ctx context.Context, code Hash, expires time.Time) error
	// SetupDone says whether an administrator exists.
	SetupDone(ctx context.Context) (bool, error)
	// Setup uses the code up. Refusals: setup_done, wrong_credentials (wrong, expired or used code).
	Setup(ctx context.Context, b Bootstrap) error

	// Account finds an account with its password text; refusal not_found.
	Account(ctx context.Context, account string) (Account, error)
	// Members lists an organisation's accounts by name, without passwords.
	Members(ctx context.Context, org string) ([]Account, error)
	// AddOrganisation makes a further organisation with its first administrator
	// (the operator's command line); refusal name_exists when the account exists.
	AddOrganisation(ctx context.Context, admin Account, why Entry) error
	// AddMember adds an account to Account.Org; refusal name_exists.
	AddMember(ctx context.Context, a Account, why Entry) error
	// RemoveMember deletes the account with its tokens, roles and assignments; a space that it
	// alone owned goes to an administrator. Refusals:
	// not_found (also for another organisation's account), forbidden for the last administrator.
	RemoveMember(ctx context.Context, org, account string, why Entry) error
	// SetPassword replaces the password text and ends all tokens of the account; refusal not_found.
	SetPassword(ctx context.Context, account, password string, why Entry) error
	// SetMemberRole changes a member's role; its tokens go on with the new one. Refusals: not_found,
	// forbidden for the last administrator.
	SetMemberRole(ctx context.Context, org, account, role string, why Entry) error
	// RevokeMember ends all tokens of the account; refusal not_found.
	RevokeMember(ctx context.Context, org, account string, why Entry) error

	// LoginFailures tells the back-off of an account name, also of names that do not exist.
	LoginFailures(ctx context.Context, account string) (Failures, error)
	// LoginFailed counts one failure and stores when the next attempt is looked at.
	LoginFailed(ctx context.Context, account string, until time.Time, why Entry) error
	// SignIn stores a successful log-in; refusal not_found when the account vanished meanwhile.
	SignIn(ctx context.Context, s SignIn) error
	// AddToken stores one more token (device and transfer tokens).
	AddToken(ctx context.Context, t Token) error
	// ProlongToken moves the end of a live token to until, if that is later. An unknown or
	// ended token stays so, without a refusal.
	ProlongToken(ctx context.Context, h Hash, until, now time.Time) error
	// Bearer reads a live token with its account; refusal unauthenticated when it is
	// unknown, ended or revoked at now.
	Bearer(ctx context.Context, h Hash, now time.Time) (Bearer, error)
	// Rotate exchanges a refresh token and returns it as it was stored (for Account, Device,
	// Family). A token that was used before ends its whole family, unless the Attempt is
	// the same and Rotation.Next was not exchanged yet: then nobody has shown that the
	// answer arrived, and the same successors live on. Refusal unauthenticated.
	Rotate(ctx context.Context, r Rotation) (Bearer, error)
	// RevokeFamily ends all tokens of one sign-in.
	RevokeFamily(ctx context.Context, family string, why Entry) error
	// Sweep deletes what ended before now: tokens, nonces, failure counts; and after EndedKept calls
	// that are done or stopped, and notices that were read, a few thousand at a time. It
	// returns how many rows went.
	Sweep(ctx context.Context, now time.Time) (int64, error)
}
