package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// seed copies a directory to a place where there is nothing yet; what is there
// already, a link included, is left alone. The copy appears whole or not at
// all: one that was interrupted is removed and begun again at the next start.
// Directories get mode 0700, files 0600 (0700 if they were executable).
func seed(from, to string) error {
	if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	partial := filepath.Join(filepath.Dir(to), "."+filepath.Base(to)+".seeding")
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	err := copyTree(from, partial)
	if err == nil {
		err = os.Rename(partial, to)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(partial))
	}
	return nil
}

func copyTree(from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		switch {
		case entry.IsDir():
			err = copyTree(source, target)
		case entry.Type().IsRegular():
			err = copyFile(source, target)
		default:
			err = fmt.Errorf("%s is neither a file nor a directory", source)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	mode := os.FileMode(0o600)
	if info.Mode()&0o111 != 0 {
		mode = 0o700
	}
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	_, err = io.Copy(target, source)
	return err
}
