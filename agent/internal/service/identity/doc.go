// Package identity reads what names this machine: the documented fingerprint
// string that applications get, and the parts of our own machine identity that
// bind the agent's sealed store. Only the service collects, so every caller gets
// the same bytes. It reads files below a root folder and one CPU instruction; it
// starts no process, sends nothing, and invents no value: what cannot be read is
// absent, with the reason.
package identity
