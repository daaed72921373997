package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const fileSuffix = "_FILE"

// The kernel takes no longer NAME=value, its closing NUL included.
const maxVariable = 128 << 10

// Variables by which programs are told of a file, some of them set by clusters
// in every pod. runtime.json names those of the runtime itself.
var programsFiles = []string{
	"AWS_CONFIG_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
	"AZURE_FEDERATED_TOKEN_FILE", "NIX_SSL_CERT_FILE", "PIP_CONFIG_FILE", "SSL_CERT_FILE",
}

// fromFiles puts NAME with the content of the file in the place of each
// NAME_FILE, and of NAME if that is set too. What it says of a file never holds
// any of it; files open to every user are only warned of, as that is how some
// engines mount secrets.
func fromFiles(s *spec, environ []string, stderr io.Writer) ([]string, error) {
	contents := map[string]string{}
	var plain []string
	for _, entry := range environ {
		variable, path, _ := strings.Cut(entry, "=")
		name, found := strings.CutSuffix(variable, fileSuffix)
		if !found || name == "" || slices.Contains(programsFiles, variable) || slices.Contains(s.KeepFiles, variable) {
			plain = append(plain, entry)
			continue
		}
		text, mode, err := readSecret(path, maxVariable-len(name)-len("=\x00"))
		if err != nil {
			return nil, badConfig("%s: %v", printable(variable), err)
		}
		if mode&0o007 != 0 {
			fmt.Fprintf(stderr, "entrypoint: warning: %s: %s is open to every user (mode %04o); 0400 or 0440 is enough\n", printable(variable), printable(path), mode)
		}
		contents[name] = text
	}
	rest := slices.DeleteFunc(plain, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		_, has := contents[name]
		return has
	})
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		rest = append(rest, name+"="+contents[name])
	}
	return rest, nil
}

// readSecret reads a file of at most `most` bytes, without a newline at its end.
func readSecret(path string, most int) (text string, mode os.FileMode, err error) {
	if path == "" {
		return "", 0, errors.New("is empty; it must be the path of a file")
	}
	if !filepath.IsAbs(path) { // perhaps not a path but the secret itself: not shown
		return "", 0, errors.New("must be the absolute path of a file that holds the value")
	}
	// A pipe would keep us waiting for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", 0, explain(path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", 0, explain(path, err)
	}
	if !info.Mode().IsRegular() {
		return "", 0, explain(path, syscall.ENXIO)
	}
	data, err := io.ReadAll(io.LimitReader(file, int64(most+len("\r\n")+1)))
	if err != nil {
		return "", 0, explain(path, err)
	}
	text, cut := strings.CutSuffix(string(data), "\n")
	if cut {
		text = strings.TrimSuffix(text, "\r")
	}
	switch {
	case len(text) > most:
		return "", 0, fmt.Errorf("%s is too large: an environment variable of this name takes %d bytes", printable(path), most)
	case strings.Contains(text, "\x00"):
		return "", 0, fmt.Errorf("%s holds a NUL byte, which an environment variable cannot", printable(path))
	}
	return text, info.Mode().Perm(), nil
}

// explain says why a secret's file cannot be read, and what to do.
func explain(path string, err error) error {
	shown := printable(path)
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s does not exist", shown)
	case errors.Is(err, syscall.ENXIO):
		return fmt.Errorf("%s is not a regular file", shown)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		uid, gid := os.Getuid(), os.Getgid()
		is := ""
		if info, failed := os.Stat(path); failed == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				is = fmt.Sprintf(" (mode %04o, owner %d:%d)", info.Mode().Perm(), stat.Uid, stat.Gid)
			}
		}
		return fmt.Errorf("uid %d cannot read %s%s: it needs mode 0400 and owner %d, or mode 0440 and group %d", uid, shown, is, uid, gid)
	}
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err // the path may not be printable
	}
	return fmt.Errorf("cannot read %s: %v", shown, err)
}
