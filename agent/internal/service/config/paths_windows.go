package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/acl"
	"github.com/iscdesk/iscdesk/internal/ipc"
)

const pipes = `\\.\pipe\`

// folder holds everything of an agent: %ProgramData%\ISCDesk, or for one that a user
// runs %LOCALAPPDATA%\ISCDesk. Windows is asked, not the environment.
func folder(system bool) (string, error) {
	id := windows.FOLDERID_LocalAppData
	if system {
		id = windows.FOLDERID_ProgramData
	}
	dir, err := windows.KnownFolderPath(id, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return "", fmt.Errorf("find the agent's folder: %w", err)
	}
	return filepath.Join(dir, "ISCDesk"), nil
}

// File is where the configuration is looked for when no --config names it.
func File(system bool) (string, error) {
	dir, err := folder(system)
	return filepath.Join(dir, "agent.toml"), err
}

// Defaults are the settings without a file.
func Defaults(system bool) (Config, error) {
	dir, err := folder(system)
	if err != nil {
		return Config{}, err
	}
	c := Config{
		Proxy: "system", State: filepath.Join(dir, "state"), Socket: pipes + "iscdesk-agent",
		Products: filepath.Join(dir, "products"), Log: "info", System: system,
	}
	if !system {
		c.Socket += "-" + string(caller.Own())
	}
	return c, nil
}

// Prepare makes the system agent's folder, with products in it, for administrators to
// fill and everybody to read, or makes sure that it is so: %ProgramData% lets every user
// make folders, and who made this one could choose cloud and authority.
func Prepare() error {
	dir, err := folder(true)
	if err != nil {
		return err
	}
	return prepare(dir)
}

func prepare(dir string) error {
	sd, err := acl.Public()
	if err != nil {
		return err
	}
	for _, dir := range []string{dir, filepath.Join(dir, "products")} {
		if err := acl.Mkdir(dir, sd); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := unchangeable(dir); err != nil {
			return err
		}
	}
	return nil
}

// open opens the configuration. The system agent's may be changed by nobody but
// administrators, nor may its folder.
func open(path string, system bool) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil || !system {
		return f, err
	}
	for _, path := range []string{path, filepath.Dir(path)} {
		if err := unchangeable(path); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// unchangeable refuses a file or folder that others than the machine's own accounts
// could change.
func unchangeable(path string) error {
	h, attributes, err := acl.Open(path, windows.READ_CONTROL)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	if attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		return fmt.Errorf("%s is a link", path)
	}
	trusted, err := acl.Machine()
	if err != nil {
		return err
	}
	who, err := acl.Others(h, acl.Change, trusted)
	if err == nil && who != "" {
		err = fmt.Errorf("%s can be changed by %s; only administrators may have that right: look who made it, then remove it or correct its owner and permissions", path, who)
	}
	return err
}

// checkSocket takes the name of a pipe of this machine, as the agent will listen at it.
func checkSocket(path string) error {
	if err := ipc.CheckPath(path); err != nil {
		return fmt.Errorf("%w (write it in single quotes)", err)
	}
	return nil
}
