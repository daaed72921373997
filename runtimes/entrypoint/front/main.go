// Command front stands before a runtime that cannot answer as a fleet expects:
// it starts the runtime as its child, which listens on loopback only, and
// passes on to it what comes to the claw's port. See ../README.md.
//
// It is a program of its own so that entrypoint, one of which is in memory for
// every claw's health check, does without net/http.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

const usage = `usage: front --listen PORT --upstream PORT [--rewrite FROM=TO]... -- PROGRAM [ARG...]`

// Exit codes of its own; else it ends as the runtime did.
const (
	exitFailure       = 1
	exitUsage         = 2
	exitNotExecutable = 126
)

// The kernel kills the child when the thread that started it ends; the first
// thread ends with the process only.
func init() { runtime.LockOSThread() }

func main() {
	code, err := run(os.Args[1:], os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "front: %v\n", err)
	}
	os.Exit(code)
}

func run(args []string, stderr io.Writer) (int, error) {
	o, err := parseOptions(args)
	if err != nil {
		return exitUsage, fmt.Errorf("%w; %s", err, usage)
	}
	// Before there is a child, so that none is lost.
	signals, ended := make(chan os.Signal, 16), make(chan os.Signal, 1)
	signal.Notify(signals, forwarded...)
	signal.Notify(ended, syscall.SIGCHLD)

	listener, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", o.listen))
	if err != nil {
		return exitFailure, fmt.Errorf("cannot listen on port %d: %w", o.listen, errors.Unwrap(err))
	}
	pid, err := start(o.command)
	if err != nil {
		return exitNotExecutable, fmt.Errorf("cannot execute %s: %w", o.command[0], err)
	}
	f := newFront(o, stderr)
	broken := make(chan error, 1)
	go func() { broken <- f.server.Serve(listener) }()
	code, err := attend(pid, signals, ended, broken)
	f.drain()
	return code, err
}

type options struct {
	listen, upstream int
	rewrite          map[string]string
	command          []string
}

func parseOptions(args []string) (options, error) {
	o := options{rewrite: map[string]string{}}
	flags := flag.NewFlagSet("front", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&o.listen, "listen", 0, "")
	flags.IntVar(&o.upstream, "upstream", 0, "")
	flags.Func("rewrite", "", func(value string) error {
		from, to, found := strings.Cut(value, "=")
		if !found || !strings.HasPrefix(from, "/") || !strings.HasPrefix(to, "/") {
			return errors.New("want FROM=TO, both absolute paths")
		}
		o.rewrite[from] = to
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.command = flags.Args()
	switch {
	case !isPort(o.listen) || !isPort(o.upstream) || o.listen == o.upstream:
		return o, errors.New("--listen and --upstream must be two ports")
	case len(o.command) == 0:
		return o, errors.New("which program?")
	}
	return o, nil
}

func isPort(n int) bool { return n > 0 && n < 65536 }
