package ctest

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// The page is opened by the shell, with its address as it is.
func TestBrowserIsOpened(t *testing.T) {
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil {
		need.Missing(t, "makes a host the system's browser, which only a Wine prefix is for")
	}
	lib := library(t, plain)
	agent := sdktest.NewAgent(t)
	const page = "http://127.0.0.1:8123/p#t0ken&x=1"
	agent.Page(page)
	command(t, compile(t, lib, "browser_windows.c"), agent.Endpoint(), filepath.Join(t.TempDir(), "report"), page).run(t, 0)
}
