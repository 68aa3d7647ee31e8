package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

// recovery is what Windows does when the agent failed for the first, second … time. What
// is wrong for longer, a setting above all, is not tried for ever: after the last one it
// stays stopped, as it does under systemd.
func recovery() []mgr.RecoveryAction {
	var actions []mgr.RecoveryAction
	for _, delay := range []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute} {
		actions = append(actions, mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: delay})
	}
	return append(actions, mgr.RecoveryAction{Type: mgr.NoAction})
}

// recoveryReset is the time without a failure, in seconds, after which Windows counts
// anew. It is longer than the longest delay, or an agent that fails at each start would
// be started for ever.
const recoveryReset = 600

// privileges are all that the service keeps of LocalSystem's; docs/attacksurface.md has
// the reason of each, and a test compares them.
var privileges = [...]string{
	"SeAssignPrimaryTokenPrivilege", "SeIncreaseQuotaPrivilege", "SeTcbPrivilege", "SeImpersonatePrivilege", "SeChangeNotifyPrivilege",
}

// settle sets what the service library cannot: what is done when the service fails, also
// when it ends with a code instead of a crash, and the privileges that it keeps. unknown
// names what this service manager does not know; the service works without.
func settle(s *mgr.Service) (unknown []string, err error) {
	list := utf16.Encode([]rune(strings.Join(privileges[:], "\x00") + "\x00\x00"))
	required := struct{ list *uint16 }{&list[0]} // SERVICE_REQUIRED_PRIVILEGES_INFOW
	for _, setting := range []struct {
		name string
		set  func() error
	}{
		{"a restart after a failure", func() error { return s.SetRecoveryActions(recovery(), recoveryReset) }},
		{"a restart after an end with a code", func() error { return s.SetRecoveryActionsOnNonCrashFailures(true) }},
		{"fewer privileges", func() error {
			return windows.ChangeServiceConfig2(s.Handle, windows.SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, (*byte)(unsafe.Pointer(&required)))
		}},
	} {
		switch err := setting.set(); {
		case errors.Is(err, windows.ERROR_INVALID_LEVEL):
			unknown = append(unknown, setting.name)
		case err != nil:
			return nil, fmt.Errorf("set %s: %w", setting.name, err)
		}
	}
	return unknown, nil
}
