// Command host tells what a Windows program is given, or sleeps until it is killed.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"
)

func main() {
	if os.Args[1] == "sleep" {
		fmt.Println("asleep")
		time.Sleep(time.Hour)
	}
	in, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	wd, _ := os.Getwd()
	home, _ := os.UserHomeDir()
	dir, err := os.MkdirTemp("", "host")
	if err == nil {
		err = os.RemoveAll(dir)
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
		"Arch": runtime.GOARCH, "Args": os.Args[2:], "Home": home, "Wd": wd, "In": string(in), "Removed": err == nil,
	})
	code, _ := strconv.Atoi(os.Args[1])
	os.Exit(code)
}
