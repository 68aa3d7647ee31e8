//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/e2e/browserless"
)

// browserName is under what name an application's side starts a browser. A copy
// of this program lies under it on the PATH of the run's users.
const browserName = "xdg-open"

// The browser finds what its person wants in a file of their home and leaves there
// what it saw.
const (
	taskFile   = ".demo-task.json"
	reportFile = ".demo-report.json"
)

// actAsBrowser is the other end: it runs with the person's own rights.
func actAsBrowser(args []string) int {
	home := os.Getenv("HOME")
	text, err := os.ReadFile(filepath.Join(home, taskFile))
	if err != nil || len(args) != 1 {
		return 1 // nobody expects a page
	}
	var task browserless.Task
	if err := json.Unmarshal(text, &task); err != nil {
		return 1
	}
	_ = os.Remove(filepath.Join(home, taskFile)) // one page each
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := json.Marshal(browserless.Run(ctx, args[0], task))
	if err != nil {
		return 1
	}
	part := filepath.Join(home, reportFile+".part")
	if err := os.WriteFile(part, out, 0o600); err != nil {
		return 1
	}
	if err := os.Rename(part, filepath.Join(home, reportFile)); err != nil {
		return 1
	}
	return 0
}

// will tells the person's browser what to do with the next page.
func (p *person) will(task browserless.Task) error {
	_ = os.Remove(filepath.Join(p.Home, reportFile))
	text, err := json.Marshal(task)
	if err != nil {
		return err
	}
	path := filepath.Join(p.Home, taskFile)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	return p.own(path)
}

// saw waits for what the person's browser saw, and wants the page to have gone well.
func (p *person) saw(ctx context.Context) (browserless.Report, error) {
	var r browserless.Report
	for {
		text, err := os.ReadFile(filepath.Join(p.Home, reportFile))
		if err == nil {
			if err := json.Unmarshal(text, &r); err != nil {
				return r, err
			}
			break
		}
		select {
		case <-ctx.Done():
			return r, errors.New("the page was not answered: no browser was opened")
		case <-time.After(10 * time.Millisecond):
		}
	}
	switch {
	case r.Error != "":
		return r, fmt.Errorf("page: %s", r.Error)
	case r.Refused != "":
		return r, fmt.Errorf("page refused: %s", r.Refused)
	}
	return r, nil
}

// steal is what a second user does with an address that they saw in a command
// line: 0 when they got an answer.
func steal(address string) int {
	base, token, _ := strings.Cut(address, "/#")
	client := &http.Client{Timeout: 5 * time.Second}
	req, err := http.NewRequest(http.MethodPost, base+"/session", strings.NewReader("token="+token))
	if err != nil {
		return 1
	}
	req.Header.Set("Origin", base)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer res.Body.Close()
	fmt.Println(res.Status)
	return 0
}
