//go:build race

package merchant

// killRounds of TestKill: a process under the race detector takes its time to start.
const killRounds = 40
