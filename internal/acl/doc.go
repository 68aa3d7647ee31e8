// Package acl reads from an access list of Windows who besides those that are trusted
// may do something with a file, and makes folders that nobody else has rights to. The
// agent's state, product registrations, the configuration and the check before an
// installation ask it. On Linux owner and mode say the same, and the package is empty
// there. It changes no access list but that of an empty folder.
package acl
