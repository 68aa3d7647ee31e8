//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
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

// minicad starts the application as the person.
func (p *person) minicad(ctx context.Context, flags ...string) (*desk.Minicad, error) {
	args := append([]string{"--endpoint", p.demo.agent.Socket, "--product", desk.Product}, flags...)
	return desk.StartMinicad(p.command(ctx, filepath.Join(p.demo.bin, "minicad"), args...), nil)
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
