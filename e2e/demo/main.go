//go:build linux

// Command demo is `make demo`: it starts a cloud and an agent in a temporary
// folder, compiles the example application, and drives it the whole way a
// customer's engineer goes - sign in, licence, open, edit, save, save as, a save
// while the cloud is away - saying in plain words what happens and how long it
// took. As root it makes two unprivileged users for the run, so that the walls
// between them are really there. It leaves nothing behind; with -ui it leaves
// all of it up for a person until they press Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// limit is far over what a run takes: a demo that hangs must end and clean up.
const limit = 3 * time.Minute

func main() {
	if filepath.Base(os.Args[0]) == browserName {
		os.Exit(actAsBrowser(os.Args[1:]))
	}
	if len(os.Args) == 3 && os.Args[1] == "steal" {
		os.Exit(steal(os.Args[2]))
	}
	ui := flag.Bool("ui", false, "leave cloud and agent up for a person until Ctrl-C")
	build := flag.String("build", "build", "folder with bin and lib")
	source := flag.String("source", ".", "folder of the project, for the example's sources")
	flag.Parse()
	os.Exit(run(*build, *source, *ui))
}

func run(build, source string, ui bool) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d, err := newDemo(build, source)
	var person time.Duration // how long it was left up for one
	if err == nil {
		bounded, cancel := context.WithTimeout(ctx, limit)
		err = d.steps(bounded)
		cancel()
		if err == nil && ui {
			left := time.Now()
			d.forAPerson(ctx)
			person = time.Since(left)
		}
	}
	interrupted := err != nil && ctx.Err() != nil
	if interrupted {
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
	}
	if d == nil {
		return 1
	}
	d.head("Clean up")
	if cleanErr := d.clean(err != nil && !interrupted); cleanErr != nil {
		fmt.Fprintf(os.Stderr, "demo: clean up: %v\n", cleanErr)
		return 1
	}
	if err != nil {
		return 1
	}
	d.say("Nothing is left running. The whole way took %s.", seconds(time.Since(d.begin)-person))
	return 0
}
