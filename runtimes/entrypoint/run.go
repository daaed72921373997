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

const executable = 1 // X_OK of access(2)
const writable = 2   // W_OK

// run prepares the claw's files and becomes the runtime, or the front before it.
// It returns only on failure.
func run(s *spec, command, environ []string, files uint64) error {
	own := len(command) == 0
	if own {
		command = s.Command
	}
	if err := prepareState(s.StateDir); err != nil {
		return err
	}
	prepare := prepareMerged
	if s.native() {
		prepare = prepareNative
	}
	environ, err := prepare(s, environ)
	if err != nil {
		return err
	}
	if s.Workspace != nil {
		if err := seed(s.Workspace.From, s.Workspace.To); err != nil {
			return fmt.Errorf("cannot set up the workspace: %w", err)
		}
	}
	if err := forget(marker(s)); err != nil {
		return fmt.Errorf("cannot remove the last start's health marker: %w", err)
	}
	program, err := lookPath(command[0], environ)
	if err != nil {
		return err
	}
	if s.Front != nil && own {
		if command, err = s.Front.before(program, command[1:]); err != nil {
			return err
		}
		program = command[0]
	}
	if err := limitFiles(files); err != nil {
		return err
	}
	err = syscall.Exec(program, command, environ)
	return &exitError{exitNotExecutable, fmt.Sprintf("cannot execute %s: %v", program, err)}
}

func refuseRoot(s *spec) error {
	if os.Getuid() == 0 || os.Geteuid() == 0 {
		return badConfig("refusing to run %s as root: use the image's own user (no --user 0, no runAsUser: 0)", s.Name)
	}
	return nil
}

// prepareMerged writes default + overrides to the runtime's configuration file
// and returns the environment without the overrides.
func prepareMerged(s *spec, environ []string) ([]string, error) {
	data, rest, err := merged(s, environ)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(s.Config)
	if err := syscall.Access(dir, writable|executable); err != nil {
		uid, gid := os.Getuid(), os.Getgid()
		return nil, badConfig("cannot write to %s as uid %d (%v): mount a tmpfs there, e.g. --tmpfs %s:uid=%d,gid=%d,mode=0700,size=4m", dir, uid, err, dir, uid, gid)
	}
	if err := writePrivate(s.Config, data); err != nil {
		return nil, fmt.Errorf("cannot write the configuration: %w", err)
	}
	return rest, nil
}

// prepareNative puts the default where the runtime looks, unless it has one already.
func prepareNative(s *spec, environ []string) ([]string, error) {
	if _, err := os.Lstat(s.Config); !errors.Is(err, os.ErrNotExist) {
		return environ, err
	}
	data, err := os.ReadFile(s.Default)
	if err != nil {
		return nil, badConfig("cannot read the default configuration: %v", err)
	}
	err = os.MkdirAll(filepath.Dir(s.Config), 0o700)
	if err == nil {
		err = writePrivate(s.Config, data)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write the configuration: %w", err)
	}
	return environ, nil
}

// merged is the text of the effective configuration, and the environment without the overrides.
func merged(s *spec, environ []string) (data []byte, rest []string, err error) {
	schema, err := loadSchema(s.Schema)
	if err != nil {
		return nil, nil, err
	}
	document, err := loadDefault(s)
	if err != nil {
		return nil, nil, err
	}
	overrides, rest := splitEnv(environ, s.Prefix)
	if document, err = schema.merge(document, overrides); err != nil {
		return nil, nil, err
	}
	data, err = encode(s.Format, document)
	return data, rest, err
}

func loadDefault(s *spec) (any, error) {
	data, err := os.ReadFile(s.Default)
	if err != nil {
		return nil, badConfig("cannot read the default configuration: %v", err)
	}
	document, err := parse(s.Format, data)
	if err != nil {
		return nil, badConfig("%s: %v", s.Default, err)
	}
	return document, nil
}

// prepareState makes sure that this user can write to the state directory.
func prepareState(dir string) error {
	uid, gid := os.Getuid(), os.Getgid()
	info, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			return nil
		}
		return badConfig("cannot create the state directory as uid %d: %v", uid, err)
	}
	if err != nil {
		return badConfig("cannot use the state directory as uid %d: %v", uid, err)
	}
	if !info.IsDir() {
		return badConfig("the state directory %s is not a directory", dir)
	}
	err = syscall.Access(dir, writable|executable)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EROFS):
		return badConfig("the state directory %s is read-only: mount a volume there", dir)
	}
	owner := "someone else"
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = fmt.Sprintf("%d:%d", stat.Uid, stat.Gid)
	}
	return badConfig("cannot write to the state directory %s: it belongs to %s (mode %04o) and this process is %d:%d; "+
		"use a fresh named volume, or give what is mounted there to %d:%d (chown -R %d:%d)",
		dir, owner, info.Mode().Perm(), uid, gid, uid, gid, uid, gid)
}

// lookPath finds a program as a shell does: by the PATH that it will get.
func lookPath(name string, environ []string) (string, error) {
	var candidates []string
	if strings.Contains(name, "/") {
		candidates = []string{name}
	} else {
		path := ""
		for _, entry := range environ {
			if value, ok := strings.CutPrefix(entry, "PATH="); ok {
				path = value
			}
		}
		for _, dir := range filepath.SplitList(path) {
			candidates = append(candidates, filepath.Join(dir, name))
		}
	}
	found := ""
	for _, candidate := range candidates {
		info, err := os.Stat(candidate)
		if err != nil || info.IsDir() {
			continue
		}
		if syscall.Access(candidate, executable) == nil {
			return candidate, nil
		}
		found = candidate
	}
	if found != "" {
		return "", &exitError{exitNotExecutable, printable(found) + " is not executable"}
	}
	return "", &exitError{exitNotFound, printable(name) + ": not found"}
}

// before is the command that runs the program behind the front, which is
// installed beside this program.
func (f *frontSpec) before(program string, args []string) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot tell where this program is: %w", err)
	}
	front, err := lookPath(filepath.Join(filepath.Dir(self), "front"), nil)
	if err != nil {
		return nil, err
	}
	command := []string{front, fmt.Sprintf("--listen=%d", f.Listen), fmt.Sprintf("--upstream=%d", f.UpstreamPort)}
	for _, from := range slices.Sorted(maps.Keys(f.Rewrite)) {
		command = append(command, "--rewrite="+from+"="+f.Rewrite[from])
	}
	return append(append(command, "--", program), args...), nil
}

// check does all of a start that touches nothing.
func check(s *spec, environ []string, out io.Writer) error {
	overrides, _ := splitEnv(environ, s.Prefix)
	note := "passed on to the runtime"
	if s.native() {
		document, err := loadDefault(s)
		if err != nil {
			return err
		}
		if s.Schema != "" {
			schema, err := loadSchema(s.Schema)
			if err != nil {
				return err
			}
			if _, err := schema.merge(document, nil); err != nil {
				return err
			}
		}
	} else {
		if _, _, err := merged(s, environ); err != nil {
			return err
		}
		note = "merged"
	}
	if s.Workspace != nil {
		if _, err := os.ReadDir(s.Workspace.From); err != nil {
			return badConfig("cannot read the workspace's files: %v", err)
		}
	}
	program, err := lookPath(s.Command[0], environ)
	if err != nil {
		return err
	}
	if s.Front != nil {
		if _, err := s.Front.before(program, nil); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s: configuration is valid (%d overrides %s)\n", s.Name, len(overrides), note)
	return nil
}

// show prints the effective configuration; what comes from a variable is "<set>".
func show(s *spec, environ []string, out io.Writer) error {
	overrides, _ := splitEnv(environ, s.Prefix)
	document, err := loadDefault(s)
	if err != nil {
		return err
	}
	schema := &schema{root: true} // native: the runtime knows its keys, we need not
	if !s.native() {
		if schema, err = loadSchema(s.Schema); err != nil {
			return err
		}
		if document, err = schema.merge(document, overrides); err != nil {
			return err
		}
	}
	if document, err = redact(document, overrides); err != nil {
		return err
	}
	data, err := encode(s.Format, document)
	if err == nil {
		_, err = out.Write(data)
	}
	return err
}

// redact puts "<set>" at every overridden path.
func redact(document any, overrides []override) (any, error) {
	open := &schema{root: true}
	for i, o := range overrides {
		covered := slices.ContainsFunc(overrides[:i], func(parent override) bool { return hasPrefix(o.path, parent.path) })
		if covered {
			continue
		}
		o.raw = "<set>"
		next, err := open.set(open.root, document, o.path, o)
		if err != nil {
			return nil, badConfig("%s: %v", printable(o.name), err)
		}
		document = next
	}
	return document, nil
}
