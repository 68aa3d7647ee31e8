// Package ipctest plays the wrong end of a local connection. Only tests import it.
package ipctest
