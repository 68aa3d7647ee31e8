// Package license answers what an application may do: it asks the cloud for a
// product's licence, hands the ISV's opaque content on, and keeps our signed
// lease sealed, so that the answer is there at once and without a network.
// localapi calls it. "Cannot reach" and "the cloud said no" are never mixed: only
// the second ends a right before its time. It signs nothing, opens no path that
// an application named, and never stops anyone from saving work.
package license
