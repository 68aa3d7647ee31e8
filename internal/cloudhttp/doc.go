// Package cloudhttp is the one HTTP client with which service, worker and
// command line speak to the cloud. It knows TLS, proxies, bounds, time-outs,
// repeats and what an answer of the cloud looks like; it knows no method of the
// API. Errors carry an *api.Error that keeps "cannot reach" (CloudUnreachable),
// "not the one we trust" (CloudUntrusted), "not an answer of the cloud"
// (CloudAnswer) and "the cloud said no" (all else) apart.
//
// Certificates are always verified and there is no way to switch that off: a
// private CA is a file that the configuration names. It follows no redirect and
// keeps no cookie, and it never writes a token into an error.
package cloudhttp
