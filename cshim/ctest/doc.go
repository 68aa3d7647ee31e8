// Package ctest drives the C and C++ programs of hosts/ against the built
// library and a fake agent: one program for each pitfall of a Go library inside
// somebody else's process (docs/abi.md has the table). Tests only; it uses no
// cgo, and nothing may import it.
package ctest
