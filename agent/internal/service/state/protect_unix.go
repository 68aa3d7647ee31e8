//go:build unix

package state

// keyBlock is the PEM type of the install key.
const keyBlock = "PRIVATE KEY"

// protect leaves the key as it is: here the folder's mode keeps others off it.
func protect(der []byte) ([]byte, error) { return der, nil }

func unprotect(der []byte) ([]byte, error) { return der, nil }
