// Package picker serves the pages in which a person chooses a cloud file, a
// place to save to, or signs in. It runs in a worker, with the user's own
// rights, on a free port of 127.0.0.1, and only while a page is open: one server
// for each operation, so that each has an origin and a token of its own.
//
// The worker calls it; it asks the service through Caller and keeps nothing.
// Other users of the machine can read the page's address, token included, from
// the browser's command line, so it must never answer a connection whose other
// end is not its own user's, and never put a secret where another origin, a
// history or a cache finds it (design.md section 2).
package picker
