// Package identity reads what names this machine: the documented fingerprint
// string that applications get, and the parts of our own machine identity that
// bind the agent's sealed store. Only the service collects, so every caller gets
// the same bytes. It reads files below a root folder (Linux) or the answers of a few
// calls (Windows), and one CPU instruction; it starts no process, asks no management
// service, sends nothing, and invents no value: what cannot be read is absent, with
// the reason. Parsers of Windows' answers stand in files for every system, so that
// recorded answers are tried on each; only the calls are in _windows.go.
package identity
