//go:build linux

package desk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Minicad is a running minicad, the example's C program, that takes commands.
type Minicad struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	page func(address string) error
}

// StartMinicad starts cmd, a minicad without commands in its arguments. With
// --no-browser it tells the addresses of pages; page is called with each, if it is there.
func StartMinicad(cmd *exec.Cmd, page func(address string) error) (*Minicad, error) {
	c := &Minicad{cmd: cmd, page: page}
	var err error
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = cmd.Stdout
	c.out = bufio.NewScanner(out)
	c.out.Buffer(nil, 1<<20)
	return c, cmd.Start()
}

// ErrRefused is a command that minicad could not do; what it printed says why.
var ErrRefused = errors.New("minicad could not do it")

// Do gives one command and returns what minicad printed.
func (c *Minicad) Do(format string, args ...any) (string, error) {
	if _, err := fmt.Fprintf(c.in, format+"\n", args...); err != nil {
		return "", err
	}
	var said []string
	for c.out.Scan() {
		switch line := strings.TrimSuffix(c.out.Text(), "\r"); line {
		case "done":
			return strings.Join(said, "\n"), nil
		case "failed":
			text := strings.Join(said, "\n")
			return text, fmt.Errorf("%s: %w: %s", fmt.Sprintf(format, args...), ErrRefused, text)
		default:
			said = append(said, line)
			if words := strings.Fields(line); c.page != nil && len(words) == 3 && words[0] == "page" {
				if err := c.page(words[2]); err != nil {
					return line, fmt.Errorf("open the page: %w", err)
				}
			}
		}
	}
	return strings.Join(said, "\n"), fmt.Errorf("minicad ended: %s", strings.Join(said, "\n"))
}

// Quit ends the application.
func (c *Minicad) Quit() {
	if c == nil || c.cmd == nil {
		return
	}
	_ = c.in.Close()
	_ = c.cmd.Wait() // its exit status repeats what the commands told
	c.cmd = nil
}

// Kill ends a minicad of the desk at once.
func (s *Stage) Kill(c *Minicad) {
	s.on.kill(c.cmd)
	c.Quit()
}
