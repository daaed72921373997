package main

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// filesVariable is for engines that limit no files themselves, such as Kubernetes.
const filesVariable = "CLAWFLEET_NOFILE"

// filesLimit is how many files a process of the claw may have open, 0 where
// nothing says so, and the environment without the variable that says it.
func filesLimit(environ []string) (limit uint64, rest []string, err error) {
	text := ""
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, filesVariable+"="); ok {
			text = value
		} else {
			rest = append(rest, entry)
		}
	}
	if text == "" {
		return 0, rest, nil
	}
	// Fewer than a runtime needs to start at all is a slip.
	if limit, err = strconv.ParseUint(text, 10, 31); err != nil || limit < 64 {
		return 0, nil, badConfig("%s must be a whole number from 64, how many files a process may have open", filesVariable)
	}
	return limit, rest, nil
}

// limitFiles lowers the limit of open files, for this process and what it
// becomes, for good. A limit that is lower already stays.
func limitFiles(limit uint64) error {
	if limit == 0 {
		return nil
	}
	var now syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now)
	if err == nil {
		hard := min(limit, now.Max)
		err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: hard, Max: hard})
	}
	if err != nil {
		return fmt.Errorf("cannot limit the open files to %d: %w", limit, err)
	}
	return nil
}
