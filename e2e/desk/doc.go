// Package desk starts the real programs on loopback, in a folder of their own, for
// scenarios, benchmarks and the demo: a cloud with an administrator, members, a
// product and a space, an agent beside it, and as root unprivileged users to be
// engineers. It is used by programs and tests under e2e and installer only.
package desk
