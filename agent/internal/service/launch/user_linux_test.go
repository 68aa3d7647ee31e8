package launch

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// A service that an ordinary user runs works for that user only. As root the test
// runs itself again as one.
func TestServiceOfAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() == 0 {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestServiceOfAnOrdinaryUser$", "-test.v")
		cmd.Env = []string{"HOME=/nonexistent", "PATH=/usr/bin:/bin"}
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 64103, Gid: 64103}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("as user 64103: %v\n%s", err, out)
		}
		return
	}
	l := newLauncher(t, nil)
	uid := caller.Own()
	for _, other := range []caller.UID{"0", uid + "1"} {
		if _, err := l.Acquire(t.Context(), caller.Actor{UID: other}); api.CodeOf(err) != api.Forbidden {
			t.Errorf("worker for user %s: %v", other, err)
		}
	}
	w := acquire(t, l, caller.Actor{UID: uid, Rights: caller.Rights{GID: os.Getgid()}})
	if s := w.Started(); s.UID != strconv.Itoa(os.Getuid()) || s.Caps != "0000000000000000" {
		t.Errorf("worker %+v", s)
	}
	if st := status(t, w.Started().PID); st["NoNewPrivs"] != "1" || st["Umask"] != "0077" {
		t.Errorf("no_new_privs %s, umask %s", st["NoNewPrivs"], st["Umask"])
	}
	left, err := l.AcquireUser(t.Context(), uid)
	if err != nil {
		t.Fatal(err)
	}
	left.Release()
}
