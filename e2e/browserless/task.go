package browserless

import (
	"context"
	"errors"
	"fmt"
)

// Task is what a person does on one page; it crosses a process border as JSON.
type Task struct {
	Do       string   `json:"do"` // signIn, pick, saveAs, cancel, look, close
	Account  string   `json:"account,omitempty"`
	Password string   `json:"password,omitempty"`
	Space    string   `json:"space,omitempty"`
	Folders  []string `json:"folders,omitempty"`
	Name     string   `json:"name,omitempty"`
	Checkout bool     `json:"checkout,omitempty"`
	// NewFolder is made below Folders before a save.
	NewFolder string `json:"newFolder,omitempty"`
}

// Report is what came of a Task.
type Report struct {
	Title   string   `json:"title"` // heading of the last view
	Text    string   `json:"text"`  // all of the last view
	Rows    []string `json:"rows,omitempty"`
	Good    bool     `json:"good"`              // the operation ended well
	Refused string   `json:"refused,omitempty"` // the page's own words
	Error   string   `json:"error,omitempty"`   // the connection or this driver failed
}

// Run opens the address and does the task. When the page asks to sign in first and
// the task has an account, it signs in on the way.
func Run(ctx context.Context, address string, t Task) Report {
	p, err := Open(ctx, address)
	if err != nil {
		return Report{Error: err.Error()}
	}
	defer p.http.CloseIdleConnections()
	err = p.do(ctx, t)
	r := Report{Title: p.Title(), Text: p.Text(), Rows: p.Rows(), Good: p.Good()}
	var refused *Refusal
	switch {
	case errors.As(err, &refused):
		r.Refused = refused.Text
	case err != nil:
		r.Error = err.Error()
	}
	if err != nil { // nobody looks at the page any more
		_ = p.Close(ctx)
	}
	return r
}

func (p *Page) do(ctx context.Context, t Task) error {
	if p.View() == "signIn" && t.Account != "" && t.Do != "cancel" {
		if err := p.SignIn(ctx, t.Account, t.Password); err != nil || t.Do == "signIn" {
			return err
		}
	}
	if err := p.refusal(); err != nil {
		return err
	}
	switch t.Do {
	case "cancel":
		return p.Cancel(ctx)
	case "close":
		return p.Close(ctx)
	case "pick", "saveAs", "look":
	default:
		return fmt.Errorf("task %q is unknown", t.Do)
	}
	if t.Space != "" {
		if err := p.Enter(ctx, t.Space, t.Folders...); err != nil {
			return err
		}
	}
	switch t.Do {
	case "pick":
		if err := p.Choose(ctx, t.Name); err != nil {
			return err
		}
		if err := p.Open(ctx, t.Checkout); err != nil {
			return err
		}
	case "saveAs":
		if t.NewFolder != "" {
			if err := p.NewFolder(ctx, t.NewFolder); err != nil {
				return err
			}
		}
		if err := p.Save(ctx, t.Name); err != nil {
			return err
		}
	case "look":
		return nil
	}
	_, err := p.Finish(ctx)
	return err
}
