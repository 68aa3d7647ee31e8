//go:build unix

package files

// onePath is the same for the spellings of a path that have one turn.
func onePath(path string) string { return path }
