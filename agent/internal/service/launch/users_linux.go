package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
)

// lookupTimeout bounds a directory server that does not answer.
const lookupTimeout = 5 * time.Second

// lookup asks the user database. This program is built without cgo, so os/user
// reads only /etc/passwd; users of a directory (LDAP, SSSD) are found through
// getent and id, which ask every source that the system has.
func lookup(ctx context.Context, uid caller.UID) (User, error) {
	if uid == caller.Own() { // an agent run by a user: HOME may be another on purpose
		if home, err := os.UserHomeDir(); err == nil && !uid.System() {
			return User{Name: name(uid), Rights: caller.Rights{GID: os.Getgid()}, Home: home}, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	u, err := passwd(ctx, uid)
	if err != nil {
		return User{}, err
	}
	u.Groups, err = groups(ctx, u.Name)
	return u, err
}

func name(uid caller.UID) string {
	if u, err := user.LookupId(string(uid)); err == nil {
		return u.Username
	}
	return string(uid)
}

func passwd(ctx context.Context, uid caller.UID) (User, error) {
	line, err := ask(ctx, "getent", "passwd", string(uid))
	if err != nil {
		return User{}, fmt.Errorf("no entry for user %s in the user database: %w", uid, err)
	}
	f := strings.Split(strings.TrimSpace(line), ":") // name:password:uid:gid:gecos:home:shell
	if len(f) < 6 || f[2] != string(uid) || f[0] == "" || !strings.HasPrefix(f[5], "/") {
		return User{}, fmt.Errorf("the user database's entry for user %s is not usable", uid)
	}
	gid, err := strconv.Atoi(f[3])
	if err != nil {
		return User{}, fmt.Errorf("the user database's entry for user %s has no group: %w", uid, err)
	}
	return User{Name: f[0], Rights: caller.Rights{GID: gid}, Home: f[5]}, nil
}

func groups(ctx context.Context, name string) ([]int, error) {
	out, err := ask(ctx, "id", "-G", "--", name)
	if err != nil {
		return nil, fmt.Errorf("list the groups of %s: %w", name, err)
	}
	var all []int
	for _, field := range strings.Fields(out) {
		g, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("list the groups of %s: %w", name, err)
		}
		all = append(all, g)
	}
	return all, nil
}

// askTries is how often a program is asked that did not end by itself: one that
// was killed, or not even started, says nothing about the user.
const askTries = 3

func ask(ctx context.Context, name string, args ...string) (string, error) {
	for n := 1; ; n++ {
		out, err := askOnce(ctx, name, args...)
		var exit *exec.ExitError
		answered := errors.As(err, &exit) && exit.Exited()
		if err == nil || answered || n == askTries || ctx.Err() != nil {
			return out, err
		}
	}
}

func askOnce(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return out.String(), nil
}
