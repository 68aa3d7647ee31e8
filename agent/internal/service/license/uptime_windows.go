package license

import (
	"crypto/rand"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// uptime reads the name of this run of the kernel once, and gives a function for its age
// with the time asleep (GetTickCount64 counts that, and hibernation with it).
//
// Windows gives a run no name. So the first agent of a run makes one, at random, in a key of
// the registry that lives in memory only: it is gone at the next real start, and is still
// there after sleep and after a "fast startup", which wakes the kernel that was sent to sleep
// and whose count goes on. The machine's key may be written by administrators only; an agent
// of an ordinary user without it keeps a name in that user's own, which also ends with the
// user's last sign-out: then only the kept time is known, as after a restart.
func uptime() func() (boot string, since time.Duration) {
	boot, err := runName(registry.LOCAL_MACHINE, runKey)
	if err != nil {
		boot, err = runName(registry.CURRENT_USER, runKey)
	}
	if err != nil {
		boot = "" // without a name only the kept time is known
	}
	return func() (string, time.Duration) { return boot, windows.DurationSinceBoot() }
}

// runKey stands directly below a key that always exists: one that had to be made on the
// way would be in memory only as well, and could then hold nothing that is to stay.
const (
	runKey   = `SOFTWARE\ISCDesk-Run`
	runValue = "Name"
)

// runName is the name of this run below root, made when there is none.
func runName(root registry.Key, path string) (string, error) {
	if name, err := readName(root, path); err == nil {
		return name, nil
	}
	key, err := createVolatile(root, path)
	if err != nil {
		return "", err
	}
	defer key.Close()
	if err := key.SetStringValue(runValue, rand.Text()); err != nil {
		return "", fmt.Errorf("name this run of the system: %w", err)
	}
	return readName(root, path)
}

// readName reads from the same place in 32-bit and 64-bit programs.
func readName(root registry.Key, path string) (string, error) {
	key, err := registry.OpenKey(root, path, registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return "", err
	}
	defer key.Close()
	name, _, err := key.GetStringValue(runValue)
	if err == nil && (name == "" || len(name) > 64) {
		err = registry.ErrUnexpectedType
	}
	return name, err
}

var regCreateKeyEx = windows.NewLazySystemDLL("advapi32.dll").NewProc("RegCreateKeyExW")

// createVolatile makes a key that ends with the run of the system; one that is there already
// is opened as it is.
func createVolatile(root registry.Key, path string) (registry.Key, error) {
	const volatile = 1 // REG_OPTION_VOLATILE
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var key registry.Key
	r, _, _ := regCreateKeyEx.Call(uintptr(root), uintptr(unsafe.Pointer(name)), 0, 0, volatile,
		registry.SET_VALUE|registry.WOW64_64KEY, 0, uintptr(unsafe.Pointer(&key)), 0)
	if r != 0 {
		return 0, fmt.Errorf("make the key of this run of the system: %w", windows.Errno(r))
	}
	return key, nil
}
