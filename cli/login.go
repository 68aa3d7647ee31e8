package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// maxLine bounds what is read for an account or a password.
const maxLine = api.MaxText

type loginCmd struct {
	Account       string        `arg:"" optional:"" help:"${account}"`
	PasswordStdin bool          `help:"${passwordstdin}" xor:"way"`
	Page          bool          `help:"${page}" xor:"way"`
	Wait          time.Duration `help:"${wait}" default:"10m"`
}

func (l loginCmd) Run(a *app) error {
	c, err := a.connect("")
	if err != nil {
		return err
	}
	if l.Page {
		s, err := c.SignInPage(context.Background())
		if err != nil {
			return err
		}
		return a.await(s.Operation, l.Wait)
	}
	in := bufio.NewReader(io.LimitReader(a.env.in, 2*maxLine))
	if l.Account == "" {
		if l.PasswordStdin {
			return errors.New(a.say("--password-stdin needs the account on the command line",
				"使用 --password-stdin 时须在命令行给出账号"))
		}
		fmt.Fprint(a.env.err, a.say("Account: ", "账号："))
		if l.Account, err = line(in); err != nil {
			fmt.Fprintln(a.env.err) // nobody ended the prompt's line
			return fmt.Errorf("read account: %w", err)
		}
	}
	password, err := l.password(a, in)
	if err != nil {
		return fmt.Errorf("read password: %w", err)
	}
	s, err := c.Login(context.Background(), l.Account, password)
	if err != nil {
		return err
	}
	a.show(s, func() {
		a.printf("%s\n", a.say("Signed in as ", "已登录：")+plain(s.Account))
	})
	return nil
}

// password reads it from where it was announced: never from an argument, which
// every user of the machine could read.
func (l loginCmd) password(a *app, in *bufio.Reader) (string, error) {
	if l.PasswordStdin {
		return line(in)
	}
	fmt.Fprint(a.env.err, a.say("Password: ", "密码："))
	defer fmt.Fprintln(a.env.err)
	restore, err := echoOff(a.env.in)
	if err != nil {
		return "", errors.New(a.say("standard input is no terminal; use --password-stdin", "标准输入不是终端；请使用 --password-stdin"))
	}
	defer restore()
	return line(in)
}

// line reads one line without its end.
func line(in *bufio.Reader) (string, error) {
	text, err := in.ReadString('\n')
	if err != nil && (text == "" || !errors.Is(err, io.EOF)) {
		return "", err
	}
	text = strings.TrimRight(text, "\r\n")
	if text == "" {
		return "", io.ErrUnexpectedEOF
	}
	if len(text) > maxLine {
		return "", os.ErrInvalid
	}
	return text, nil
}

type logoutCmd struct{}

func (logoutCmd) Run(a *app) error {
	c, err := a.connect("")
	if err != nil {
		return err
	}
	before, err := c.Status(context.Background())
	if err != nil {
		return err
	}
	if err := c.Logout(context.Background()); err != nil {
		return err
	}
	a.show(api.AuthStatus{Reason: api.NotSignedIn}, func() {
		if before.Auth.Account == "" {
			a.printf("%s\n", a.say("Nobody was signed in.", "此前无人登录。"))
			return
		}
		a.printf("%s\n", a.say("Signed out ", "已退出登录：")+plain(before.Auth.Account)+a.say(".", "。"))
	})
	return nil
}
