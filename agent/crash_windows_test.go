package main

import (
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"
)

// crashFolder makes this test program one that keeps its crash in the folder named.
const crashFolder = "ISCDESK_TEST_CRASH"

func TestCrashIsToldAtTheNextStart(t *testing.T) {
	if folder := os.Getenv(crashFolder); folder != "" {
		last, err := keepCrash(folder)
		if err != nil || last != "" {
			t.Fatalf("%q, %v", last, err)
		}
		ended := make(chan bool)
		go func() { defer close(ended); panic("planted") }()
		<-ended
		select {}
	}
	folder := t.TempDir()
	t.Cleanup(func() { _ = debug.SetCrashOutput(nil, debug.CrashOptions{}) }) // it holds the file
	cmd := exec.Command(own(t), "-test.run=^TestCrashIsToldAtTheNextStart$")
	cmd.Env = append(os.Environ(), crashFolder+"="+folder)
	if err := cmd.Run(); err == nil {
		t.Fatal("it did not crash")
	}
	for _, want := range []string{"panic: planted", ""} {
		last, err := keepCrash(folder)
		if err != nil || !strings.HasPrefix(last, want) || want == "" && last != "" {
			t.Errorf("got %.200q, %v; want %q", last, err, want)
		}
	}
}

// own is this program.
func own(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
