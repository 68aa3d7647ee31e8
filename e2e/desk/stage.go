//go:build linux

package desk

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/iscdesk/iscdesk/internal/cloudapitest"
	"github.com/iscdesk/iscdesk/internal/winetest"
)

// Stage is a whole desk: cloud, agent, and two engineers. As root the engineers
// are two users made for the run and the agent is the system's; otherwise both
// are the user who runs it, and there is only one.
type Stage struct {
	Dir   string // below it everything lies
	Bin   string
	Cloud *Cloud
	Agent *Agent
	Admin *Account
	Space string // id of the first engineer's space
	Users []*User

	on system
}

// SetUp starts it all in dir, which must be readable by other users when we are
// root. prefix makes the users' names unique on the machine. What is said to the cloud is
// held against the contract, unless it is nil.
func SetUp(ctx context.Context, bin, dir, prefix string, contract *cloudapitest.Contract) (*Stage, error) {
	s := &Stage{Dir: dir, Bin: bin, on: linux{}}
	err := s.users(prefix)
	if err == nil {
		err = s.programs()
	}
	if err == nil {
		err = s.setUp(ctx, linux{}, s.Bin, contract)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// SetUpWindows is SetUp with agent, workers and command line on a Windows system, whose one
// user is the one engineer. The cloud is there too, or on Linux. Their programs are taken
// from build/wine and build/bin.
func SetUpWindows(ctx context.Context, w *winetest.Wine, dir string, cloudToo bool, contract *cloudapitest.Contract) (*Stage, error) {
	s := &Stage{Dir: dir, Bin: filepath.Join(w.Build, "wine/x64"), on: windows{w}, Users: []*User{{Name: "wine", Home: w.Home}}}
	cloudOn, cloudBin := system(linux{}), filepath.Join(w.Build, "bin")
	if cloudToo {
		cloudOn, cloudBin = s.on, s.Bin
	}
	if err := s.setUp(ctx, cloudOn, cloudBin, contract); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stage) setUp(ctx context.Context, cloudOn system, cloudBin string, contract *cloudapitest.Contract) error {
	var err error
	if s.Cloud, err = startCloud(ctx, cloudOn, cloudBin, filepath.Join(s.Dir, "cloud"), contract); err != nil {
		return err
	}
	if s.Admin, err = s.Cloud.Setup(ctx); err != nil {
		return err
	}
	if s.Space, err = s.Cloud.Seed(ctx, s.Admin); err != nil {
		return err
	}
	env := os.Environ()
	if os.Geteuid() != 0 { // its workspace must not be the developer's own
		env = append(env, "HOME="+s.Users[0].Home)
	}
	s.Agent, err = startAgent(ctx, s.on, s.Bin, filepath.Join(s.Dir, "agent"), s.Cloud, env)
	return err
}

// programs copies the programs as root: a checkout below /root is closed to the engineers.
func (s *Stage) programs() error {
	if os.Geteuid() != 0 {
		return nil
	}
	to := filepath.Join(s.Dir, "bin")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"iscdesk", "iscdesk-agent", "iscdesk-cloud"} {
		if _, err := s.CopyProgram(filepath.Join(s.Bin, name), "bin/"+name); err != nil {
			return err
		}
	}
	s.Bin = to
	return nil
}

func (s *Stage) users(prefix string) error {
	if os.Geteuid() != 0 {
		home := filepath.Join(s.Dir, "home")
		s.Users = []*User{{Name: "self", Home: home}}
		return os.MkdirAll(home, 0o700)
	}
	homes := filepath.Join(s.Dir, "home")
	if err := os.MkdirAll(homes, 0o755); err != nil {
		return err
	}
	for i := 1; i <= 2; i++ {
		u, err := AddUser(homes, fmt.Sprintf("%s%d", prefix, i), prefix+"grp")
		if err != nil {
			return err
		}
		s.Users = append(s.Users, u)
	}
	return nil
}

// Close ends everything and takes the users away; the folder is the caller's.
func (s *Stage) Close() {
	if s.Agent != nil && s.Agent.Process != nil {
		_ = s.Agent.Stop()
	}
	if s.Cloud != nil && s.Cloud.Process != nil {
		_ = s.Cloud.Close()
	}
	for _, u := range s.Users {
		if u.Credential != nil {
			_ = u.Remove()
		}
	}
}

// Command prepares a program that runs as engineer n (0 or 1): a .exe on the desk's
// Windows system, anything else here, in the engineer's home.
func (s *Stage) Command(n int, program string, args ...string) *exec.Cmd {
	if filepath.Ext(program) != ".exe" {
		return s.Users[n].Command(program, args...)
	}
	cmd := s.on.command(program, args, nil)
	cmd.Dir = s.Users[n].Home
	return cmd
}

// Tool prepares the command line as engineer n.
func (s *Stage) Tool(n int, args ...string) *exec.Cmd {
	return s.Command(n, s.on.program(s.Bin, "iscdesk"), append([]string{"--endpoint", s.Agent.Socket}, args...)...)
}

// CopyProgram makes a copy of a program that engineers may run, and returns it.
func (s *Stage) CopyProgram(program, name string) (string, error) {
	b, err := os.ReadFile(program)
	if err != nil {
		return "", err
	}
	copied := filepath.Join(s.Dir, name)
	return copied, os.WriteFile(copied, b, 0o755)
}

// Workers are the pids of the agent's workers now.
func (s *Stage) Workers() []int { return s.on.workers(s.Agent.Process) }

// Named is a Linux path as programs of the desk name it; anything else as it is.
func (s *Stage) Named(linux string) string { return s.on.path(linux) }

// Linux is what a program of the desk printed with its paths and line ends as Linux has them.
func (s *Stage) Linux(text string) string { return s.on.linux(text) }

// KillWorker kills one worker, if there is one.
func (s *Stage) KillWorker() bool {
	for _, pid := range s.Workers() {
		return syscall.Kill(pid, syscall.SIGKILL) == nil
	}
	return false
}
