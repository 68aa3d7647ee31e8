// Package atomicfile is the only way by which the agent's processes write state of
// their own to disk, and the cloud its small files (its rest is SQLite's and the
// blobs'). It has two forms: WriteFile replaces a small file as a whole,
// Log appends checksummed records. What either has acknowledged survives a kill
// and a power loss; what it has not is either there whole or not at all.
//
// Agent, worker and cloud use it. It never follows a link at the last path
// element, never widens a mode, never repairs in silence what was damaged after
// it had been acknowledged (it reports ErrDamaged and keeps the bytes beside),
// and knows nothing of what the bytes mean.
package atomicfile
