// Command entrypoint starts a claw's runtime and answers its health check.
//
// One static binary serves every runtime's image: what differs is in
// /etc/claw/runtime.json. See README.md for the grammar and the exit codes.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const version = "0.1.0"

const usage = `usage: entrypoint <command> [--spec FILE]

  run [--] [COMMAND ARG...]   merge the configuration and become the runtime (or COMMAND)
  health [--hold DURATION]    ask the runtime's own health answer; exit 0 or 1
  check                       parse, merge and validate; write nothing
  config                      print the effective configuration, overridden values as "<set>"
  version, help

FILE is /etc/claw/runtime.json unless told otherwise.
`

// Exit codes. 126 and 127 mean what they mean in a shell.
const (
	exitOK            = 0
	exitFailure       = 1
	exitConfig        = 2
	exitNotExecutable = 126
	exitNotFound      = 127
)

// exitError is an error with an exit code of its own. Every line of its text
// becomes one line on stderr.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

// badConfig is the error for what the user can mend: exit code 2.
func badConfig(format string, args ...any) error {
	return &exitError{exitConfig, fmt.Sprintf(format, args...)}
}

func main() {
	os.Exit(dispatch(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

func dispatch(args, environ []string, stdout, stderr io.Writer) int {
	err := command(args, environ, stdout, stderr)
	if err == nil {
		return exitOK
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		fmt.Fprintf(stderr, "entrypoint: %s\n", line)
	}
	var coded *exitError
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitFailure
}

func command(args, environ []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return badConfig("which command? Try: entrypoint help")
	}
	name, rest := args[0], args[1:]
	switch name {
	case "version", "--version":
		fmt.Fprintf(stdout, "entrypoint %s\n", version)
		return nil
	case "help", "--help", "-h":
		fmt.Fprint(stdout, usage)
		return nil
	case "run", "health", "check", "config":
	default:
		return badConfig("unknown command %q; try: entrypoint help", name)
	}

	opts, err := parseOptions(name, rest)
	if err != nil {
		return err
	}
	spec, err := loadSpec(opts.spec)
	if err != nil {
		if name == "health" { // Docker knows 0 and 1 only
			return errors.New(err.Error())
		}
		return err
	}
	switch name {
	case "health":
		return health(spec, opts.hold, stdout, stderr)
	case "run":
		if err := refuseRoot(spec); err != nil {
			return err
		}
	}
	if environ, err = fromFiles(spec, environ, stderr); err != nil {
		return err
	}
	files, environ, err := filesLimit(environ)
	if err != nil {
		return err
	}
	switch name {
	case "run":
		return run(spec, opts.command, environ, files)
	case "check":
		return check(spec, environ, stdout)
	default:
		return show(spec, environ, stdout)
	}
}

type options struct {
	spec    string
	hold    time.Duration
	command []string
}

func parseOptions(name string, args []string) (options, error) {
	opts := options{spec: "/etc/claw/runtime.json"}
	for len(args) > 0 {
		flag, value, joined := strings.Cut(args[0], "=")
		switch {
		case flag == "--spec" || (flag == "--hold" && name == "health"):
			if args = args[1:]; !joined {
				if len(args) == 0 {
					return opts, badConfig("%s needs a value", flag)
				}
				value, args = args[0], args[1:]
			}
			if flag == "--spec" {
				opts.spec = value
				continue
			}
			hold, err := time.ParseDuration(value)
			if err != nil || hold < 0 {
				return opts, badConfig("--hold needs a duration such as 30s")
			}
			opts.hold = hold
		case name == "run" && args[0] == "--":
			opts.command = args[1:]
			return opts, nil
		case name == "run" && !strings.HasPrefix(args[0], "-"):
			opts.command = args
			return opts, nil
		default:
			return opts, badConfig("%s: unknown argument %q; try: entrypoint help", name, args[0])
		}
	}
	return opts, nil
}
