// Command cshim is the Go half of libiscdesk, the C library that applications
// link: a messenger between the hand-written C layer in this folder and package
// sdk. It is built as a C archive by build.sh and linked there; it is no
// program, and main is never called.
//
// Who may call it: only the C files of this folder. It must never call a
// function of the application (C does that after Go has returned), import net,
// os/signal or os/exec, read the environment, print, or start a goroutine
// outside spawn: it lives in somebody else's process.
//
// On other systems and without cgo this file alone remains, so that the tree
// builds everywhere.
package main

//go:generate go run ./gen ..

func main() {}
