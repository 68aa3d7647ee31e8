//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/iscdesk/iscdesk/e2e/desk"
)

// compile builds the examples as their makers would: one C file, the compiler, and
// what pkg-config says. minicad's maker has compiled the public key in.
func (d *demo) compile(ctx context.Context) error {
	for _, part := range []string{"lib", "include"} {
		if err := os.CopyFS(filepath.Join(d.dir, part), os.DirFS(filepath.Join(d.build, part))); err != nil {
			return fmt.Errorf("copy the library: %w", err)
		}
	}
	key, err := d.cloud.IssuerKey(ctx)
	if err != nil {
		return err
	}
	d.makersKey = key
	if err := d.cc(ctx, "hello", "iscdesk"); err != nil {
		return err
	}
	if err := d.cc(ctx, "minicad", "iscdesk libsodium", fmt.Sprintf("-DMINICAD_KEY_HEX=%q", key), "-lm"); err != nil {
		return err
	}
	lines, err := os.ReadFile(d.example("minicad"))
	if err != nil {
		return err
	}
	d.say("minicad, %d lines of C, was compiled with what pkg-config says and nothing else.", bytes.Count(lines, []byte("\n")))
	return nil
}

func (d *demo) example(name string) string {
	return filepath.Join(d.source, "cshim", "examples", name+".c")
}

// cc compiles one example with what pkg-config says of the packages, and more.
func (d *demo) cc(ctx context.Context, name, packages string, more ...string) error {
	env := append(os.Environ(), "PKG_CONFIG_PATH="+filepath.Join(d.dir, "lib", "pkgconfig"))
	flags := exec.CommandContext(ctx, "pkg-config", append([]string{"--cflags", "--libs"}, strings.Fields(packages)...)...)
	flags.Env = env
	out, err := flags.Output()
	if err != nil {
		return fmt.Errorf("ask pkg-config for %s: %w", packages, err)
	}
	args := []string{"-O2", "-o", filepath.Join(d.bin, name), d.example(name)}
	args = append(append(args, strings.Fields(string(out))...), more...)
	cc := exec.CommandContext(ctx, "cc", args...)
	cc.Env = env
	if out, err := cc.CombinedOutput(); err != nil {
		return fmt.Errorf("compile %s: %w\n%s", name, err, out)
	}
	return nil
}

// register binds the product to the program, as its installer does.
func (d *demo) register() error {
	dir := filepath.Join(d.dir, "agent", "products.d")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf("id = %q\nname = \"MiniCAD\"\nexecutable = %q\n", desk.Product, filepath.Join(d.bin, "minicad"))
	return os.WriteFile(filepath.Join(dir, desk.Product+".toml"), []byte(text), 0o644)
}

// cad is a running minicad that takes commands.
type cad struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// minicad starts the application as the person.
func (p *person) minicad(ctx context.Context, flags ...string) (*cad, error) {
	args := append([]string{"--endpoint", p.demo.agent.Socket, "--product", desk.Product}, flags...)
	c := &cad{cmd: p.command(ctx, filepath.Join(p.demo.bin, "minicad"), args...)}
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.cmd.Stderr = c.cmd.Stdout
	c.out = bufio.NewScanner(out)
	c.out.Buffer(nil, 1<<20)
	return c, c.cmd.Start()
}

// errRefused is a command that minicad could not do; what it printed says why.
var errRefused = errors.New("minicad could not do it")

// do gives one command and returns what minicad printed.
func (c *cad) do(format string, args ...any) (string, error) {
	if _, err := fmt.Fprintf(c.in, format+"\n", args...); err != nil {
		return "", err
	}
	var said []string
	for c.out.Scan() {
		switch line := c.out.Text(); line {
		case "done":
			return strings.Join(said, "\n"), nil
		case "failed":
			text := strings.Join(said, "\n")
			return text, fmt.Errorf("%s: %w: %s", fmt.Sprintf(format, args...), errRefused, text)
		default:
			said = append(said, line)
		}
	}
	return strings.Join(said, "\n"), fmt.Errorf("minicad ended: %s", strings.Join(said, "\n"))
}

// quit ends the application.
func (c *cad) quit() {
	if c == nil || c.cmd == nil {
		return
	}
	_ = c.in.Close()
	_ = c.cmd.Wait() // its exit status repeats what the commands told
	c.cmd = nil
}

// line finds the line of a minicad answer that begins with prefix.
func line(said, prefix string) string {
	for l := range strings.Lines(said) {
		if l = strings.TrimRight(l, "\n"); strings.HasPrefix(l, prefix) {
			return l
		}
	}
	return ""
}
