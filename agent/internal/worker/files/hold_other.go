//go:build !linux

package files

import "os"

func openFolder(string) (*os.File, error) { return nil, supported() }

func makeFolder(string) (*os.File, error) { return nil, supported() }

func statAt(*os.File, string) (os.FileInfo, error) { return nil, supported() }

func openAt(*os.File, string) (*os.File, error) { return nil, supported() }

func rootAt(*os.File, string) (*os.Root, error) { return nil, supported() }
