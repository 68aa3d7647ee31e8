// Command gen writes what C needs of sdk/api: the block of codes in iscdesk.h
// and the sentences in text_gen.h. Run by `go generate ./cshim`; a test of
// cshim/ctest fails when its output is not what is checked in. It must stay
// deterministic.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/iscdesk/iscdesk/cshim/gen/codegen"
)

func main() {
	root := ".."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	if err := run(root); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes every generated file below root, the module's folder.
func run(root string) error {
	files, err := codegen.Files(root)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
