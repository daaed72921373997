package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// forwarded are the signals that are meant for the runtime.
var forwarded = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH,
}

// start runs the command with our environment, input and output. It is killed
// when we are. It has a process group of its own: at a terminal, ^C signals all
// of the foreground group, and the child would get it from us once more.
func start(command []string) (pid int, err error) {
	attributes := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	return syscall.ForkExec(command[0], command, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: attributes})
}

// attend passes signals on to the child until that has ended, and returns its
// exit code, 128+n if signal n ended it. One goroutine signals and reaps, so
// that a signal never goes to another process that got the child's pid.
func attend(pid int, signals, ended <-chan os.Signal, broken <-chan error) (code int, err error) {
	for {
		select {
		case received := <-signals:
			if number, ok := received.(syscall.Signal); ok {
				if killed := syscall.Kill(pid, number); killed != nil {
					err = fmt.Errorf("cannot pass %v on: %w", number, killed)
				}
			}
		case failed := <-broken:
			err = fmt.Errorf("cannot serve any more: %w", failed)
			if killed := syscall.Kill(pid, syscall.SIGTERM); killed != nil {
				return exitFailure, errors.Join(err, killed)
			}
		case <-ended:
			status, done, waited := reap(pid)
			switch {
			case waited != nil:
				return exitFailure, fmt.Errorf("lost the runtime: %w", waited)
			case done && status.Signaled():
				return 128 + int(status.Signal()), err
			case done:
				return status.ExitStatus(), err
			}
		}
	}
}

// reap collects every child that has ended. As the container's first process
// we get those that other processes left behind, too.
func reap(pid int) (status syscall.WaitStatus, done bool, err error) {
	for {
		var one syscall.WaitStatus
		who, err := syscall.Wait4(-1, &one, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ECHILD) && done, err == nil && who == 0:
			return status, done, nil
		case err != nil:
			return status, done, err
		case who == pid:
			status, done = one, true
		}
	}
}
