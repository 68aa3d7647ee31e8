package state

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// keyBlock is the PEM type of an install key that Windows protects.
const keyBlock = "ISCDESK PROTECTED KEY"

// purpose is mixed in, so that a protected text of another use does not open as a key.
// It is no secret.
const purpose = "iscdesk install key v1"

// protect encrypts der under a key that Windows keeps for this account (DPAPI). For the
// system's agent that is the system's, which no other account of the machine can ask for;
// the machine's key (CRYPTPROTECT_LOCAL_MACHINE) would open for everybody on it.
func protect(der []byte) ([]byte, error) {
	out, err := crypt(der, func(in, entropy, out *windows.DataBlob) error {
		return windows.CryptProtectData(in, nil, entropy, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, out)
	})
	if err != nil {
		return nil, fmt.Errorf("protect install key: %w", err)
	}
	return out, nil
}

// unprotect undoes protect. errProtected is the word that this text will never open here:
// it is damaged, or of another account or machine.
func unprotect(text []byte) ([]byte, error) {
	out, err := crypt(text, func(in, entropy, out *windows.DataBlob) error {
		return windows.CryptUnprotectData(in, nil, entropy, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, out)
	})
	for _, hopeless := range []error{windows.ERROR_INVALID_DATA, windows.ERROR_INVALID_PARAMETER, badData, badKeyState, badKey} {
		if errors.Is(err, hopeless) {
			return nil, errProtected
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open protected install key: %w", err)
	}
	return out, nil
}

// Answers of CryptUnprotectData for a text that is not this account's.
const (
	badKey      = windows.Errno(0x80090003) // NTE_BAD_KEY
	badData     = windows.Errno(0x80090005) // NTE_BAD_DATA
	badKeyState = windows.Errno(0x8009000B) // NTE_BAD_KEY_STATE
)

// crypt runs one of the two calls and copies what Windows allocated.
func crypt(text []byte, call func(in, entropy, out *windows.DataBlob) error) ([]byte, error) {
	entropy := []byte(purpose)
	var out windows.DataBlob
	if len(text) == 0 {
		return nil, windows.ERROR_INVALID_DATA
	}
	err := call(&windows.DataBlob{Size: uint32(len(text)), Data: &text[0]},
		&windows.DataBlob{Size: uint32(len(entropy)), Data: &entropy[0]}, &out)
	if err != nil {
		return nil, err
	}
	plain := unsafe.Slice(out.Data, out.Size)
	own := append([]byte(nil), plain...)
	clear(plain)
	if _, err := windows.LocalFree(windows.Handle(unsafe.Pointer(out.Data))); err != nil {
		return nil, fmt.Errorf("free what Windows allocated: %w", err)
	}
	return own, nil
}
