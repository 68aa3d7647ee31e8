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

// workerCommand is for the service only.
type workerCommand struct {
	Link int `arg:"" optional:"" default:"3" help:"Number of the descriptor or handle that leads to the service."`
}

// Run works for the service until it closes the link.
func (w workerCommand) Run() error {
	debug.SetGCPercent(garbagePercent)
	conn, err := worker.Socket(w.Link)
	if err != nil {
		return err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return fmt.Errorf("find the home folder: %w", err)
	}
	return worker.Run(conn, home, worker.RealRooms)
}
