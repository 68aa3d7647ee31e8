// Package walls holds only tests: the borders between the processes of this
// tree, each ban with its reason. Go's internal rule keeps most doors shut; what
// it cannot say (no network stack in a customer's process, no time but the
// clock's) is said here.
package walls
