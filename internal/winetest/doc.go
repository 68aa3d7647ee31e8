// Package winetest gives a test on Linux a Windows system of its own: Wine with a prefix
// copied from build/wine, which .ci/wine makes. Programs run in it are real Windows
// processes, 64-bit and, where Wine's 32-bit half was to be had, 32-bit.
//
// A test that uses it is called TestWindows…: make test leaves such tests out, because make
// test-windows runs them all and prints a line for each claim that they prove. Tests only.
package winetest
