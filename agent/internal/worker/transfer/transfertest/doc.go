// Package transfertest holds what tests of transfers need: a drive in memory that
// can be made to fail at any call, and the real cloud as a child process. Tests
// only.
package transfertest
