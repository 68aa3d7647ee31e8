// Package signin keeps one sign-in for each OS user: its tokens sealed, renewed
// before they end, revoked at sign-out. localapi calls it for applications,
// launch for the sign-in page of a worker, the other rooms for a cloud.User. It
// must never keep a password, never hand a token to a worker or an application,
// and never end a sign-in because the cloud could not be reached.
package signin
