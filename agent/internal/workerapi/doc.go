// Package workerapi is what the service and a worker say to each other over the
// worker's link, a socketpair or pipe: length-framed JSON-RPC 2.0 as on the local socket
// (package ipc), requests in both directions. Data only.
//
// The two ends do not trust each other alike: the service is the system's, the
// worker is as trustworthy as its user (any process of that user can trace it).
// So the service reads a worker's answers as outside input, and hands it only
// tokens of minutes for one operation and one space.
package workerapi
