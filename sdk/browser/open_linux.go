package browser

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// openers are programs that open an address in the desktop's browser, in the
// order in which they are looked for.
var openers = [][]string{
	{"xdg-open"}, {"gio", "open"}, {"sensible-browser"}, {"x-www-browser"}, {"wslview"},
}

func open(address string) error {
	// Without a screen xdg-open would take a text browser, which nobody sees.
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return errors.New("open page: this session has no screen")
	}
	for _, opener := range openers {
		program, err := exec.LookPath(opener[0])
		if err != nil {
			continue
		}
		args := append(opener[1:len(opener):len(opener)], address)
		if err := start(program, args); err != nil {
			return fmt.Errorf("open page: %w", err)
		}
		return nil
	}
	return errors.New("open page: no program to open a browser (xdg-open) is installed")
}

// start runs program in a session of its own, so that neither the terminal nor
// the caller's end takes the browser along. setsid --fork leaves the browser to
// init: the caller has no child that ends at some later time.
func start(program string, args []string) error {
	var cmd *exec.Cmd
	if setsid, err := exec.LookPath("setsid"); err == nil {
		cmd = exec.Command(setsid, append([]string{"--fork", program}, args...)...)
		return cmd.Run() // it ends as soon as it has forked
	}
	cmd = exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
