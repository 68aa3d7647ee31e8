// Package state owns the agent's folder: who may have it, the install key, and
// records sealed so that only this machine's agent reads them. Rooms of the
// service keep here what must not be read by others (tokens, leases); what is
// merely durable they keep in logs of package atomicfile inside the same folder.
// It must never hand out the sealing key, never send anything anywhere, and never
// delete what it cannot read. What root can still do stands in docs/privacy.md, what an
// administrator of Windows in docs/attacksurface.md.
package state
