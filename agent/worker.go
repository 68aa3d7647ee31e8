package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/iscdesk/iscdesk/agent/internal/worker"
)

// garbagePercent keeps a worker small: its memory is buffers that are used again,
// so that collecting early costs little and waiting would keep twice of them.
const garbagePercent = 25

// workerCommand is for the service only: descriptor 3 must be its socketpair.
type workerCommand struct{}

// Run works for the service until it closes the socketpair.
func (workerCommand) Run() error {
	debug.SetGCPercent(garbagePercent)
	conn, err := worker.Socket(worker.FD)
	if err != nil {
		return err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return fmt.Errorf("find the home folder: %w", err)
	}
	return worker.Run(conn, home, worker.RealRooms)
}
