// Package localapi is the door of the agent: it listens on the local socket,
// fixes who is at the other end, decides permission once, bounds everything that
// comes in, and hands typed requests to the rooms. Only app starts it. It must
// never decide by what a message says about its sender, never wait for a slow
// reader while it holds a lock, and never open a path that a caller named.
package localapi
