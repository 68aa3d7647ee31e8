//go:build linux

package desk

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// User is an unprivileged user made for one run.
type User struct {
	Name, Home string
	Credential *syscall.Credential

	group string // the further group, or empty
}

// AddUser makes a user with a home below dir and, when given, a further group;
// Remove takes both away. Root only.
func AddUser(dir, name, group string) (*User, error) {
	home := dir + "/" + name
	args := []string{"--create-home", "--home-dir", home, "--shell", "/bin/sh", "--no-log-init"}
	if group != "" {
		if out, err := exec.Command("groupadd", "--force", group).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("add group %s: %w: %s", group, err, out)
		}
		args = append(args, "--groups", group)
	}
	if out, err := exec.Command("useradd", append(args, name)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("add user %s: %w: %s", name, err, out)
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	cred := &syscall.Credential{Uid: number(u.Uid), Gid: number(u.Gid)}
	for _, id := range ids {
		cred.Groups = append(cred.Groups, number(id))
	}
	return &User{Name: name, Home: home, Credential: cred, group: group}, nil
}

// Remove takes the user and its home away.
func (u *User) Remove() error {
	if out, err := exec.Command("userdel", "--remove", "--force", u.Name).CombinedOutput(); err != nil {
		return fmt.Errorf("remove user %s: %w: %s", u.Name, err, out)
	}
	if u.group != "" {
		_ = exec.Command("groupdel", u.group).Run() // the last member takes it away
	}
	return os.RemoveAll(u.Home)
}

// Command prepares a program that runs as the user with an environment from nothing.
func (u *User) Command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = u.Home
	cmd.Env = []string{"HOME=" + u.Home, "USER=" + u.Name, "LOGNAME=" + u.Name, "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"}
	// Without a credential (we are no root) it runs as ourselves.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: u.Credential, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func number(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32) // from the user database: always a number
	return uint32(n)
}
