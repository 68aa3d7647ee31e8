//go:build !race

package merchant

// killRounds of TestKill.
const killRounds = 200
