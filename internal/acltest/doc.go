// Package acltest gives files of a test on Windows the access lists that it wants.
package acltest
