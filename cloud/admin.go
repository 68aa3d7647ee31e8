package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/sqlite"
	"github.com/iscdesk/iscdesk/cloud/internal/password"
	"github.com/iscdesk/iscdesk/internal/clock"
)

// adminCommand is for the one who owns the machine: what the API offers to nobody. It works
// on the database directly, also while the cloud runs.
type adminCommand struct {
	Data         string       `help:"The cloud's data folder." default:"/var/lib/iscdesk-cloud" type:"path"`
	Password     passwordCmd  `cmd:"" help:"Set an account's password (read from standard input) and end its sign-ins."`
	Organisation organisation `cmd:"" help:"Add an organisation with its first administrator (password from standard input)."`
}

type passwordCmd struct {
	Account string `arg:"" help:"The account."`
}

type organisation struct {
	Organisation string `arg:"" help:"The organisation's name."`
	Account      string `arg:"" help:"The administrator's account."`
	Name         string `help:"The administrator's name; default: the account."`
}

// Run sets the password.
func (p *passwordCmd) Run(st *streams, c *commandLine) error {
	account := ""
	err := c.Admin.with(st, func(ctx context.Context, s meta.Store, hash string, why meta.Entry) error {
		a, err := s.Account(ctx, strings.ToLower(p.Account))
		if err != nil {
			return err
		}
		why.Org, why.Action, why.Params = a.Org, "password.reset", map[string]string{"member": a.Account}
		account = a.Account
		return s.SetPassword(ctx, a.Account, hash, why)
	})
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	fmt.Fprintf(st.out, "The password of %q is set; its sign-ins have ended.\n", account)
	return nil
}

// Run adds the organisation.
func (o *organisation) Run(st *streams, c *commandLine) error {
	account := strings.ToLower(o.Account)
	err := c.Admin.with(st, func(ctx context.Context, s meta.Store, hash string, why meta.Entry) error {
		a := meta.Account{Account: account, Name: o.Name, Role: meta.RoleAdmin, Org: meta.NewID("org"),
			OrgName: o.Organisation, Password: hash, Created: why.Time}
		if a.Name == "" {
			a.Name = a.Account
		}
		why.Org, why.Action, why.Params = a.Org, "organisation.added", map[string]string{"member": a.Account, "organisation": a.OrgName}
		return s.AddOrganisation(ctx, a, why)
	})
	if err != nil {
		return fmt.Errorf("add organisation: %w", err)
	}
	fmt.Fprintf(st.out, "The organisation %q is added, with its administrator %q.\n", o.Organisation, account)
	return nil
}

// prompt asks a person; a script that pipes the password is asked nothing.
func prompt(st *streams) bool {
	in, ok := st.in.(*os.File)
	if !ok {
		return false
	}
	info, err := in.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	fmt.Fprint(st.log, "password: ")
	return true
}

// with reads the password, opens the existing database and runs f.
func (a *adminCommand) with(st *streams, f func(ctx context.Context, s meta.Store, hash string, why meta.Entry) error) error {
	ctx := context.Background()
	asked := prompt(st)
	line, err := bufio.NewReader(st.in).ReadString('\n')
	if asked && err != nil {
		fmt.Fprintln(st.log) // nobody ended the prompt's line
	}
	if err != nil && line == "" {
		return fmt.Errorf("read password: %w", err)
	}
	secret := strings.TrimRight(line, "\r\n")
	if why := password.Acceptable(secret); why != "" {
		return errors.New(why)
	}
	file := filepath.Join(a.Data, app.Database)
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("open data folder: %w", err)
	}
	hash, err := password.New(password.Params{}, 1).Hash(ctx, secret)
	if err != nil {
		return err
	}
	s, err := sqlite.Open(ctx, file)
	if err != nil {
		return err
	}
	err = f(ctx, s, hash, meta.Entry{Time: meta.Stamp(clock.System{}.Now()), Account: "operator"})
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	return err
}
