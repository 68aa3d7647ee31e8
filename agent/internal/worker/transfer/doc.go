// Package transfer moves versions between a user's files and the cloud: it asks
// which chunks the cloud lacks, sends those in packs and commits; or locates,
// reads, verifies and hands out the chunks of a version. Only worker/files calls
// it, in the worker's process. It holds nothing but a transfer token of minutes,
// never opens a path, and never reports bytes as stored or read that were not
// acknowledged or verified. Every call that it repeats is idempotent.
package transfer
