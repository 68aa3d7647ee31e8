// Package product knows which executable a registered product is. A product's
// installer lays down products.d/<id>.toml; from then on the agent serves that
// product id to that executable only. localapi asks at hello. The id selects, it
// does not authenticate a person: what a registration stops is another program
// that claims the product's name. An id without a file is open to every program.
package product

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/BurntSushi/toml"

	"github.com/iscdesk/iscdesk/agent/internal/service/config"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Bounds of a registration.
const (
	maxFile        = 16 << 10 // bytes
	maxID          = 64       // bytes of a product id
	maxExecutables = 64
)

// Registration is the content of products.d/<id>.toml.
type Registration struct {
	ID          string   `toml:"id"`
	Name        string   `toml:"name"`        // for people
	Executable  string   `toml:"executable"`  // absolute path, or
	Executables []string `toml:"executables"` // several
}

// Registry reads registrations from Dir at each question: they are small, and an
// application may be installed while the agent runs.
type Registry struct {
	Dir string // products.d
}

// checkID takes an empty id, or one of the cloud's: lower-case letters, digits,
// '-', '_' and '.'. It is also a file name.
func checkID(id string) error {
	if len(id) > maxID || id != "" && id[0] == '.' {
		return &api.Error{Code: api.InvalidArgument, Detail: fmt.Sprintf("a product id has at most %d bytes and does not begin with a dot", maxID)}
	}
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return &api.Error{Code: api.InvalidArgument, Detail: "a product id has lower-case letters, digits, '-', '_' and '.' only"}
		}
	}
	return nil
}

// Allow answers whether the program behind executable may use product id.
// executable opens it and is called for registered products only. A registration
// that cannot be read denies: a broken file must not open the product to all.
func (r Registry) Allow(id string, executable func() (*os.File, error)) error {
	if err := checkID(id); err != nil || id == "" {
		return err
	}
	reg, err := r.load(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return denied(id, err)
	}
	f, err := executable()
	if err != nil {
		return denied(id, err)
	}
	defer f.Close()
	running, err := f.Stat()
	if err != nil {
		return denied(id, err)
	}
	for _, path := range reg.Executables {
		if st, err := os.Stat(path); err == nil && os.SameFile(st, running) {
			return nil
		}
	}
	return denied(id, errors.New("it is registered for another executable"))
}

func denied(id string, cause error) error {
	return &api.Error{Code: api.ProductDenied, Detail: fmt.Sprintf("product %s: %v", id, cause)}
}

func (r Registry) load(id string) (Registration, error) {
	f, err := os.Open(filepath.Join(r.Dir, id+".toml"))
	if err != nil {
		return Registration{}, fmt.Errorf("open registration: %w", err)
	}
	defer f.Close()
	if err := trusted(f); err != nil {
		return Registration{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Registration{}, fmt.Errorf("read registration: %w", err)
	}
	if len(text) > maxFile {
		return Registration{}, fmt.Errorf("registration is over %d bytes", maxFile)
	}
	return parse(id, text)
}

func parse(id string, text []byte) (Registration, error) {
	var reg Registration
	plain, err := config.Text(text)
	if err != nil {
		return reg, fmt.Errorf("read registration: %w", err)
	}
	meta, err := toml.Decode(plain, &reg)
	if err != nil {
		return reg, fmt.Errorf("read registration: %w", config.Explain(err))
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return reg, fmt.Errorf("registration has the unknown key %s", unknown[0])
	}
	if reg.Executable != "" {
		reg.Executables = append(reg.Executables, reg.Executable)
	}
	switch {
	case reg.ID != id:
		return reg, fmt.Errorf("registration names product %q", reg.ID)
	case len(reg.Executables) == 0:
		return reg, errors.New("registration names no executable")
	case len(reg.Executables) > maxExecutables:
		return reg, fmt.Errorf("registration names more than %d executables", maxExecutables)
	}
	for _, path := range reg.Executables {
		if !filepath.IsAbs(path) || config.Escaped(path) {
			return reg, fmt.Errorf("registration names %q, which is not an absolute path", path)
		}
	}
	return reg, nil
}
