package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
)

// TestReach: what an operator says of merchants' servers is what the cloud does.
func TestReach(t *testing.T) {
	s := producetest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "challenge") }))
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		name string
		args []string
		want string // of what goes wrong, "" for nothing
	}{
		{"everything", []string{"--merchant-network", "127.0.0.0/8", "--merchant-network=::1/128", "--merchant-port=any", "--merchant-ca", s.CAFile}, ""},
		{"no network", []string{"--merchant-port=any", "--merchant-ca", s.CAFile}, "not a public address"},
		{"another network", []string{"--merchant-network", "10.0.0.0/8", "--merchant-port=any", "--merchant-ca", s.CAFile}, "not a public address"},
		{"port 443", []string{"--merchant-network", "127.0.0.0/8", "--merchant-network=::1/128", "--merchant-ca", s.CAFile}, "not an address that may be called"},
		{"the system's authorities", []string{"--merchant-network", "127.0.0.0/8", "--merchant-network=::1/128", "--merchant-port=any"}, "certificate"},
		{"a network that is none", []string{"--merchant-network", "127.0.0.1"}, "--merchant-network"},
		{"another port", []string{"--merchant-port", "8443"}, "must be one of"},
		{"another prefix", []string{"--order-codes", "ABC"}, "must be one of"},
		{"a file without certificates", []string{"--merchant-ca", empty}, "holds no certificate"},
		{"no file", []string{"--merchant-ca", empty + "x"}, "read --merchant-ca"},
	} {
		t.Run(k.name, func(t *testing.T) {
			err := call(t, s.Base, append([]string{"serve"}, k.args...))
			if (err == nil) != (k.want == "") || err != nil && !strings.Contains(err.Error(), k.want) {
				t.Errorf("%v instead of %q", err, k.want)
			}
		})
	}
}

// call reads a command line and calls base as a cloud of this command line would.
func call(t *testing.T, base string, args []string) error {
	var c commandLine
	parser, err := kong.New(&c, kong.Vars{"version": build}, kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		return err
	}
	reach, err := c.Serve.reach()
	if err != nil {
		return err
	}
	return produce.NewCaller(reach).Shows(t.Context(), base, "challenge")
}
