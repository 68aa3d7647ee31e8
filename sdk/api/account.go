package api

import "time"

// AuthStatus says who is signed in for the calling OS user.
type AuthStatus struct {
	SignedIn     bool      `json:"signedIn"`
	Account      string    `json:"account,omitempty"`
	Name         string    `json:"name,omitempty"`
	Organisation string    `json:"organisation,omitempty"`
	Cloud        string    `json:"cloud,omitempty"` // base address
	Expires      time.Time `json:"expires,omitzero"`
	Reason       Code      `json:"reason,omitempty"` // why not signed in
}

// AuthLogin signs the calling OS user in. The password is used once and kept nowhere.
type AuthLogin struct {
	Account  string `json:"account"`
	Password string `json:"password"`
}

// AuthPage opens the sign-in page; the end is EVENT_SIGN_IN.
type AuthPage struct {
	ComeBack string `json:"comeBack,omitempty"`
}
