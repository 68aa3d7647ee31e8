package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/BurntSushi/toml"
)

// config is isvserver.toml in the server's folder. Files that it names are relative to that folder.
type config struct {
	Listen      string `toml:"listen"`      // address to listen on
	Certificate string `toml:"certificate"` // PEM chain
	Key         string `toml:"key"`         // PEM, of the certificate
	Challenge   string `toml:"challenge"`   // what the marketplace gave for this address, to verify it

	AccessKeys struct {
		Base   string `toml:"base"`   // production interfaces of licences
		Notify string `toml:"notify"` // order notification
	} `toml:"access_keys"`

	Marketplace struct {
		Primary  string `toml:"primary"`  // https://host of its open API
		Fallback string `toml:"fallback"` // may be empty
		CA       string `toml:"ca"`       // PEM of a private authority, may be empty
		Access   string `toml:"access"`   // AK
		Secret   string `toml:"secret"`   // SK
	} `toml:"marketplace"`

	AsFile bool `toml:"as_file"` // hand licences over as files instead of characters
}

const configFile = "isvserver.toml"

// template is what init lays down: the reader fills in what the marketplace shows.
const template = `# The ISV's server. What is empty is shown by the marketplace's console.
listen = "127.0.0.1:9443"
certificate = "tls.pem" # made by init for localhost; a real server has one of a public authority
key = "tls.key"
challenge = ""          # from the page of production addresses
as_file = false         # true: licences are handed over as files

[access_keys]
base = ""               # the access key of category base
notify = ""             # the access key of category notify, if order notifications are wanted

[marketplace]
primary = ""            # https://desk.example.com:8443
fallback = ""
ca = ""                 # the file with the marketplace's private authority, if it has one
access = ""             # AK
secret = ""             # SK
`

// readConfig refuses members that it does not know: a misspelt one would be missing in silence.
func readConfig(dir string) (c config, err error) {
	text, err := os.ReadFile(filepath.Join(dir, configFile))
	if err != nil {
		return c, fmt.Errorf("read configuration (isvserver init makes one): %w", err)
	}
	meta, err := toml.Decode(string(text), &c)
	if err != nil {
		return c, fmt.Errorf("read configuration: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, fmt.Errorf("read configuration: %s has no member %s", configFile, unknown[0])
	}
	for _, p := range []*string{&c.Certificate, &c.Key, &c.Marketplace.CA} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	return c, nil
}
