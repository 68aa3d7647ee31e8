package sdktest

import (
	"path/filepath"

	"github.com/iscdesk/iscdesk/internal/ipc"
)

// endpointIn makes an endpoint that no other agent has: dir is the agent's own.
func endpointIn(dir string) string { return `\\.\pipe\` + filepath.Base(dir) }

func listen(endpoint string) (listener, error) {
	l, err := ipc.ListenPipe(endpoint, false)
	if err != nil {
		return nil, err
	}
	return pipe{l}, nil
}

type pipe struct{ *ipc.Listener }

func (p pipe) Accept() (stream, error) {
	c, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return c, nil
}
