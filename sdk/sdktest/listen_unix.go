//go:build unix

package sdktest

import (
	"net"
	"path/filepath"
)

// endpointIn makes an endpoint that no other agent has: dir is the agent's own.
func endpointIn(dir string) string { return filepath.Join(dir, "a") }

func listen(endpoint string) (listener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: endpoint, Net: "unix"})
	if err != nil {
		return nil, err
	}
	return socket{l}, nil
}

type socket struct{ *net.UnixListener }

func (s socket) Accept() (stream, error) {
	c, err := s.UnixListener.Accept()
	if err != nil {
		return nil, err
	}
	return c, nil
}
